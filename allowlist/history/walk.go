package history

import (
	"fmt"
	"iter"
	"time"

	"mailallow/allowlist"
)

// moment is an entry on the way through a history, or a part of it that cannot be read.
type moment struct {
	*decoded
	segment int
	// base: the entry is the whole list as it is already.
	base bool
	// effective is the first time for which a later entry says what the list was: the history knows nothing later of this state
	// than the moment before. A clock that went back makes it earlier than the time of the entry.
	effective time.Time
	// problem: an entry or a segment is passed over. What the list was after it is not known until the next whole list.
	problem *allowlist.Problem
}

// ProblemDamaged is the kind of problem of a part of the history that is passed over.
const ProblemDamaged = "damaged"

// walk yields the entries, the oldest first. One segment at a time is in memory.
func (l Log) walk() iter.Seq[moment] { return l.walkFrom(0, l.effective()) }

func (l Log) walkFrom(first int, effective [][]time.Time) iter.Seq[moment] {
	return func(yield func(moment) bool) {
		unpack := newUnpacker()
		for i := first; i < len(l.Segments); i++ {
			all, err := l.Segments[i].frames()
			if err != nil {
				if !yield(moment{segment: i, problem: l.damaged(i, err)}) {
					return
				}
				continue
			}
			for j, f := range all {
				m := moment{segment: i, effective: f.at}
				if m.decoded, err = unpack.unpack(f); err != nil {
					m.problem = l.damaged(i, fmt.Errorf("entry %d, of %s: %w", j+1, f.when(), err))
				} else {
					m.base = m.Command == ""
				}
				if effective != nil {
					m.effective = effective[i][j]
				}
				if !yield(m) {
					return
				}
			}
		}
	}
}

func (f frame) when() string {
	if f.at.IsZero() {
		return "a time that is not known"
	}
	return "about " + f.at.Format(time.RFC3339)
}

func (s Segment) frames() ([]frame, error) {
	text, err := s.Read()
	if err != nil {
		return nil, err
	}
	return frames(text)
}

func (l Log) damaged(segment int, err error) *allowlist.Problem {
	return &allowlist.Problem{Kind: ProblemDamaged, Text: fmt.Sprintf("history %s: %v; it is passed over", l.Segments[segment].Name, err)}
}

// effective gives for each frame the earliest time of it and all later ones: from then on its entry holds, whatever the clock
// said when it was written.
func (l Log) effective() [][]time.Time {
	all := make([][]time.Time, len(l.Segments))
	for i := range l.Segments {
		frames, err := l.Segments[i].frames()
		if err != nil {
			continue
		}
		all[i] = make([]time.Time, len(frames))
		for j, f := range frames {
			all[i][j] = f.at
		}
	}
	var next time.Time
	for i := len(all) - 1; i >= 0; i-- {
		for j := len(all[i]) - 1; j >= 0; j-- {
			if at := all[i][j]; at.IsZero() || !next.IsZero() && next.Before(at) {
				all[i][j] = next
			}
			next = all[i][j]
		}
	}
	return all
}
