package allowlist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"mailallow/allowlist/bounded"
)

// defaultFileBytes bounds a list on disk: four million lines.
const defaultFileBytes = 64 << 20

// maxFileErrors bounds how many bad lines of a file are told one by one.
const maxFileErrors = 20

func (f *Fetcher) readFile(src Source) ([]Range, []Problem, error) {
	limit := f.MaxFileBytes
	if limit == 0 {
		limit = defaultFileBytes
	}
	text, err := bounded.File(src.FilePath, limit)
	if err != nil {
		return nil, nil, err
	}
	return ParseList(text, printable(src.File))
}

// ParseList reads a list of networks: one or more a line, apart by blanks or
// commas, with comments from # or ; to the end of the line. name stands in the
// paths and messages. Every bad line is an error of its own, up to a bound; with
// any, the list as a whole is not to be used.
func ParseList(text []byte, name string) ([]Range, []Problem, error) {
	var ranges []Range
	var problems []Problem
	var failed []error
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line, _, _ = strings.Cut(line, ";")
		for _, item := range strings.FieldsFunc(line, isListBlank) {
			p, note, err := ParseCIDR(item)
			if err != nil {
				failed = append(failed, fmt.Errorf("%s:%d: %w", name, n, err))
				continue
			}
			if note != "" {
				problems = append(problems, Problem{Kind: "canonicalised", Text: fmt.Sprintf("%s:%d: %s", name, n, note)})
			}
			ranges = append(ranges, Range{Prefix: p, Path: []string{fmt.Sprintf("%s:%d", name, n)}})
		}
	}
	if len(failed) > maxFileErrors {
		more := len(failed) - maxFileErrors
		failed = append(failed[:maxFileErrors], fmt.Errorf("%s: and %d more lines like these", name, more))
	}
	return ranges, problems, errors.Join(failed...)
}

func isListBlank(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\r' || r == '\ufeff' }
