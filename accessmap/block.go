package accessmap

import (
	"bytes"
	"errors"
	"fmt"

	"mailallow/allowlist/fault"
)

// The markers between which a file that people write by hand is ours. A line
// that begins like one of them is taken for it, whatever stands behind.
const (
	beginMarker = "# BEGIN mailallow"
	endMarker   = "# END mailallow"

	beginLine = beginMarker + ": the lines down to END are replaced by 'mailallow update'\n"
	endLine   = endMarker + "\n"
)

// managed is a text cut at the markers: before and after are kept byte for byte,
// inside is ours, without the marker lines.
type managed struct {
	before, inside, after []byte
	found                 bool
}

// extract finds the block. Markers that do not make one pair, in order, are
// errors, every one with its line: guessing could drop lines people wrote.
func extract(text []byte) (managed, error) {
	var problems []error
	begin, end := 0, 0 // line numbers; 0 is none
	m := managed{before: text}
	offset := 0
	for n := 1; offset < len(text); n++ {
		line, _, _ := bytes.Cut(text[offset:], []byte("\n"))
		next := min(offset+len(line)+1, len(text))
		switch {
		case bytes.HasPrefix(line, []byte(beginMarker)):
			switch {
			case begin == 0:
				begin = n
				m.before, m.inside, m.found = text[:offset], text[next:], true
			case end == 0:
				problems = append(problems, fault.At(n, "a block begins inside the one of line %d", begin))
			default:
				problems = append(problems, fault.At(n, "a second block begins; the first is at line %d", begin))
			}
		case bytes.HasPrefix(line, []byte(endMarker)):
			switch {
			case begin == 0:
				problems = append(problems, fault.At(n, "a block ends that never began"))
			case end == 0:
				end = n
				m.inside, m.after = text[len(text)-len(m.inside):offset], text[next:]
			default:
				problems = append(problems, fault.At(n, "a second block end; the first is at line %d", end))
			}
		}
		offset = next
	}
	if begin != 0 && end == 0 {
		problems = append(problems, fault.At(begin, "a block begins that never ends"))
	}
	if len(problems) > 0 {
		return managed{}, errors.Join(append(problems, fmt.Errorf(
			"there must be one line '%s' and one '%s' below it, or neither: mend the file by hand", beginMarker, endMarker))...)
	}
	return m, nil
}

// splice puts inside between the markers. A new block goes to the end of the
// file, and a last line without LF gets one, since a marker is a line of its own.
func (m managed) splice(inside []byte) []byte {
	text := bytes.Clone(m.before)
	if !m.found && len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	text = append(text, beginLine...)
	text = append(text, inside...)
	text = append(text, endLine...)
	return append(text, m.after...)
}
