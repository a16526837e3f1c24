package rule

import (
	"bytes"
	"strings"
)

// maxRounds bounds how often a text is corrected. What people write needs two or three rounds; a text can be made that needs as
// many as it has lines, and each round reads all of it. What is left then, the next `lint --fix` corrects.
const maxRounds = 50

// Reading is what one round finds in a text.
type Reading struct {
	Findings []Finding
	Changed  []*Line // in order
	Fixed    []byte  // the text with them
}

// Settled corrects a text again and again, until nothing changes any more or maxRounds are over, because one correction may
// make another one possible. It gives the fixed text, and the findings that are put right in it, with the lines of text as it was.
func Settled(text []byte, read func(text []byte, from Origins) Reading) (fixed []byte, made []Finding) {
	var from Origins
	for range maxRounds {
		r := read(text, from)
		if bytes.Equal(r.Fixed, text) {
			break
		}
		changed := r.Changed
		for _, f := range r.Findings {
			if !f.Certain {
				continue
			}
			for len(changed) > 0 && changed[0].Number < f.Line {
				changed = changed[1:]
			}
			if len(changed) > 0 && changed[0].Number == f.Line && f.Fix == FixOf(changed[0].Text) {
				f.Fix = "" // until it is known what the line becomes in the end
			}
			f.Line = from.Of(f.Line)
			made = append(made, f)
		}
		from, text = from.after(bytes.Count(text, []byte("\n"))+1, r.Changed), r.Fixed
	}
	Sort(made)
	from.fill(made, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
	return text, made
}

// Origins has for each line of a corrected text the number of the line from which it comes. nil: every line is as it was.
type Origins []int

// Of gives the number that a line had; 0 stays 0.
func (o Origins) Of(number int) int {
	if o == nil || number == 0 {
		return number
	}
	return o[number-1]
}

// after gives the origins after so many lines were corrected once more.
func (o Origins) after(lines int, changed []*Line) Origins {
	next := make(Origins, 0, lines)
	for number := 1; number <= lines && (o == nil || number <= len(o)); number++ {
		into := 1
		if len(changed) > 0 && changed[0].Number == number {
			into, changed = len(changed[0].Text), changed[1:]
		}
		for range into {
			next = append(next, o.Of(number))
		}
	}
	return next
}

// fill gives the findings without a fix the lines of the settled text that come from theirs.
func (o Origins) fill(made []Finding, lines []string) {
	o = o[:min(len(o), len(lines))]
	begin := 0
	for i, f := range made {
		if f.Fix != "" {
			continue
		}
		for begin < len(o) && o[begin] < f.Line {
			begin++
		}
		end := begin
		for end < len(o) && o[end] == f.Line {
			end++
		}
		made[i].Fix = FixOf(lines[begin:end])
	}
}
