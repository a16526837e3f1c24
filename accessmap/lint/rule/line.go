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

// maxRounds bounds how often a text is corrected. What people write needs two or three rounds; a text can be made that needs as
// many as it has lines, and each round reads all of it. What is left then, the next `lint --fix` corrects.
const maxRounds = 50

// Settled corrects a text again and again, until nothing changes any more or maxRounds are over, because one correction may
// make another one possible. once gives the findings in a text, and the text with the certain ones corrected. The findings of
// Settled are those in text as it was.
func Settled(text []byte, once func(text []byte) (findings []Finding, fixed []byte)) (findings []Finding, fixed []byte) {
	findings, fixed = once(text)
	for round := 1; round < maxRounds && !bytes.Equal(fixed, text); round++ {
		text = fixed
		_, fixed = once(text)
	}
	return findings, fixed
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
