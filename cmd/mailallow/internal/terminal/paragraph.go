package terminal

import "strings"

// Paragraph is a part of a text that is wrapped by itself.
type Paragraph struct {
	Verbatim bool // indented: it is not wrapped
	Apart    bool // behind an empty line
	Lines    []string
}

// Paragraphs splits a text at empty lines, and where indented lines begin or end.
func Paragraphs(text string) (all []Paragraph) {
	apart := false
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if line == "" {
			apart = true
			continue
		}
		verbatim := strings.HasPrefix(line, "  ")
		if len(all) == 0 || apart || all[len(all)-1].Verbatim != verbatim {
			all = append(all, Paragraph{Verbatim: verbatim, Apart: apart})
			apart = false
		}
		last := &all[len(all)-1]
		last.Lines = append(last.Lines, line)
	}
	return all
}
