package rule

import (
	"bytes"
	"strings"
)

// Line is a line of a file and the lines that replace it.
type Line struct {
	Number  int    // physical, from 1
	Raw     string // without its LF
	Changed bool
	Text    []string // if changed: the lines that replace it; empty: it is removed
}

// Set replaces the line.
func (l *Line) Set(text ...string) { l.Changed, l.Text = true, text }

func (l *Line) line() *Line { return l }

// Found makes a finding that leaves the line unchanged.
func (l *Line) Found(text, fix string) Finding {
	return Finding{Line: l.Number, Text: text, Fix: fix}
}

// Fixed makes a finding that replaces the line.
func (l *Line) Fixed(text string, lines ...string) Finding {
	l.Set(lines...)
	return Finding{Line: l.Number, Text: text, Fix: FixOf(lines), Certain: true}
}

// FixOf describes the replacement of a line: the new lines, or words if there is nothing to paste.
func FixOf(lines []string) string {
	switch text := strings.Join(lines, "\n"); {
	case text != "":
		return text
	case len(lines) > 0:
		return "leave the line empty"
	}
	return "remove the line"
}

// Changed gives the lines that are replaced.
func Changed[L interface{ line() *Line }](lines []L) (changed []*Line) {
	for _, l := range lines {
		if l.line().Changed {
			changed = append(changed, l.line())
		}
	}
	return changed
}

// Rewritten gives the text with its changed lines, which are in order, replaced. A last line without LF stays without it.
func Rewritten(text []byte, changed []*Line) []byte {
	if len(changed) == 0 {
		return text
	}
	var b bytes.Buffer
	number := 0
	for raw := range bytes.Lines(text) {
		if number++; len(changed) == 0 || changed[0].Number != number {
			b.Write(bytes.TrimSuffix(raw, []byte("\n")))
			b.WriteByte('\n')
			continue
		}
		for _, t := range changed[0].Text {
			b.WriteString(t)
			b.WriteByte('\n')
		}
		changed = changed[1:]
	}
	if len(text) > 0 && text[len(text)-1] != '\n' && b.Len() > 0 {
		b.Truncate(b.Len() - 1)
	}
	return b.Bytes()
}
