package allowlist

import (
	"fmt"

	"mailallow/allowlist/ascii"
)

// maxFew bounds the problems that a Few keeps.
const maxFew = 20

// Few collects problems that can be as many as a publisher likes: it keeps the first twenty and counts the others.
type Few struct {
	problems []Problem
	more     int
}

// Add adds a problem. It does not make the text of one that is only counted.
func (f *Few) Add(kind string, text func() string) {
	if len(f.problems) == maxFew {
		f.more++
		return
	}
	f.problems = append(f.problems, Problem{Kind: kind, Text: text()})
}

// Report gives the problems. If some are only counted, a last one of this kind tells their number.
func (f *Few) Report(kind string, text func(more int) string) []Problem {
	if f.more == 0 {
		return f.problems
	}
	return append(f.problems, Problem{Kind: kind, Text: text(f.more)})
}

// inDocument is Report for the problems of one document.
func (f *Few) inDocument(name string) []Problem {
	return f.Report("more", func(more int) string {
		return fmt.Sprintf("%s: and %s more problems like these", name, ascii.Count(more))
	})
}

// inSource is Report for the problems of one source.
func (f *Few) inSource() []Problem {
	return f.Report("more", func(more int) string { return fmt.Sprintf("and %s more problems", ascii.Count(more)) })
}
