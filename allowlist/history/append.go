package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// Bounds on what an entry says beside its networks, in bytes.
const (
	maxByBytes     = 100
	maxReasonBytes = 500
	maxProblem     = 1000 // as long as the guard's are
	maxProblems    = 20   // of a source
)

// Tell has an entry say what a run did. before is the list as the last entry left it, after the one that the run leaves, none of
// it if it takes the list away. ok is false if there is nothing to tell: nothing came or went, and no source has another status,
// name or definition. A run that is no update is told always.
func (e *Entry) Tell(before State, after []Installed) (ok bool) {
	e.Begins = !before.Known
	e.Sources = difference(before, after)
	return e.Begins || len(e.Sources) > 0 || e.Command != Update
}

// Append gives the segment in which the history has one entry more, to be installed with what the run installs: a new one, or the
// last one with the entry behind it. The entry needs no ID. keep is how long entries are kept. pack gives the bytes of the segment,
// each time the same: it compresses the entry, which can be done beside other work.
func (l Log) Append(e Entry, keep time.Duration) (name string, pack func() []byte, err error) {
	e.Time = e.Time.UTC().Truncate(time.Second)
	e.By, e.Reason = ascii.Printable(e.By, maxByBytes), OneLine(e.Reason)
	e.First = e.First && len(l.Segments) == 0
	for i, s := range e.Sources {
		e.Sources[i].Problems = shortened(s.Problems)
	}
	e.ID = l.newID(e.Time)
	last, full, err := l.lastSegment(e.Time, keep)
	if err != nil {
		return "", nil, err
	}
	number, begun, entries := last.number, slices.Clip(last.bytes), []Entry{e}
	if full || e.Begins {
		number++
		begun = []byte(versionLine())
		if !e.Begins {
			entries = []Entry{l.last(true).base(), e}
		}
	}
	pack, err = packed(begun, entries)
	return SegmentName(number), pack, err
}

// lastSegment is the segment that the next entry may go into.
type lastSegment struct {
	number int
	bytes  []byte
}

// lastSegment gives the last segment; full: the next entry begins another one. One that cannot be read is full.
func (l Log) lastSegment(now time.Time, keep time.Duration) (last lastSegment, full bool, err error) {
	if len(l.Segments) == 0 {
		return last, true, nil
	}
	s := l.Segments[len(l.Segments)-1]
	if last.number, err = strconv.Atoi(s.Name); err != nil {
		return last, true, fmt.Errorf("history %s: not the name of a segment", s.Name)
	}
	text, err := s.Read()
	if err != nil {
		return last, true, nil
	}
	all, err := frames(text)
	if err != nil || len(all) == 0 {
		return last, true, nil
	}
	last.bytes = text
	first := int64(len(all[0].packed)) // the whole list as it was
	size := int64(len(text))
	full = size-first > max(fullSegment, first) || now.Sub(all[0].at) > keep/segmentsOfAge
	return last, full, nil
}

// base is the entry that a segment begins with.
func (s State) base() Entry {
	e := Entry{ID: s.Entry, Time: s.Time}
	for _, src := range s.Sources {
		e.Sources = append(e.Sources, Source{Name: src.Name, Definition: src.Definition, Action: src.Action,
			Status: src.Status, About: src.About, Problems: src.Problems, Came: src.Ranges})
	}
	return e
}

// newID gives the time, and a number behind it if there are entries of that second, also before a clock went back.
func (l Log) newID(at time.Time) string {
	same := 0
	for _, s := range l.Segments {
		all, _ := s.frames()
		for _, f := range all {
			if f.at.Equal(at) {
				same++
			}
		}
	}
	id := at.Format(time.RFC3339)
	if same > 0 {
		id += fmt.Sprintf(".%02d", same+1)
	}
	return id
}

// shortened bounds problems, for a hostile list has as many as it likes. The last ones stay: they say why a source has its status.
func shortened(problems []allowlist.Problem) (few []allowlist.Problem) {
	for _, p := range problems[max(0, len(problems)-maxProblems):] {
		few = append(few, allowlist.Problem{Kind: p.Kind, Text: oneLine(p.Text, maxProblem)})
	}
	return few
}

// OneLine gives a reason as an entry has it.
func OneLine(reason string) string { return oneLine(reason, maxReasonBytes) }

// oneLine gives a text that shows on one line, at most so many bytes long.
func oneLine(text string, most int) string {
	return ascii.Shown(strings.Join(strings.Fields(text), " "), most)
}

// Outdated gives the names of the segments that are to go: the oldest ones, as long as all of their entries are older than keep,
// or all segments are longer than MaxBytes together. The last one stays.
func (l Log) Outdated(now time.Time, keep time.Duration) (names []string) {
	total := int64(0)
	for _, s := range l.Segments {
		total += s.Size
	}
	for i, s := range l.Segments[:max(0, len(l.Segments)-1)] {
		if total <= MaxBytes && !l.Segments[i+1].beganBefore(now.Add(-keep)) {
			break
		}
		total -= s.Size
		names = append(names, s.Name)
	}
	return names
}

// beganBefore reports whether a segment begins with the list of a time before t, so that every entry of the segment before it
// is older.
func (s Segment) beganBefore(t time.Time) bool {
	all, err := s.frames()
	return err == nil && len(all) > 0 && all[0].at.Before(t)
}
