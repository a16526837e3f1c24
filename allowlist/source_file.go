package allowlist

import (
	"bytes"
	"fmt"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/prefixes"
)

// maxFileBytes bounds a list on disk.
const maxFileBytes = 64 << 20

// readFile reads a list on disk. Whoever keeps it can make it a link to any file that root can read: its mistakes are quoted only if
// everybody may read it.
func (f *Fetcher) readFile(src Source) (Ranges, []Problem, error) {
	text, mode, err := bounded.FileWithMode(src.FilePath, maxFileBytes)
	if err != nil {
		return Ranges{}, nil, err
	}
	return src.parseList(text, ascii.Line(src.File), mode&0o004 == 0)
}

// ParseList reads a list that its reader wrote: every word in it must be understood. Paths and errors begin with name.
// The error reports every mistake, up to a bound; do not use the ranges of a list with an error.
func ParseList(text []byte, name string) (Ranges, []Problem, error) {
	return Source{}.parseList(text, name, false)
}

func (s Source) parseList(text []byte, name string, private bool) (Ranges, []Problem, error) {
	lines := bytes.Count(text, []byte("\n")) + 1
	if lines > prefixes.MaxLabel {
		return Ranges{}, nil, fmt.Errorf("%s: more than %d lines", name, prefixes.MaxLabel)
	}
	f := newFinding(name, MaxFileRanges)
	f.expected = min(lines, len(text)/len("10.0.0.0/8\n"))
	reader := f.reader(s, maxFileBytes)
	reader.Strict, reader.Private = true, private
	err := reader.Text(text, "")
	return f.ranges, f.problems.inDocument(name), err
}
