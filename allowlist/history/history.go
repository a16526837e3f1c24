// Package history holds how the list changed over time: an entry for each run that changed it, with what came and went, and by
// which path. It says which sources held an address, and what the whole list was at a time. It takes the bytes of its files
// and gives the bytes of new ones: where they are is its callers' business.
//
// A history is a sequence of segments, a file each, in the order of their numbers. A segment begins with the whole list as it
// was before its first entry, so that no entry depends on another segment, and the oldest ones can go. Every entry in it says
// only what changed.
package history

import (
	"errors"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/prefixes"
)

// Bounds on a history.
const (
	// MaxBytes bounds all segments together: a year in which 20 of 2,000 networks are others every hour takes a tenth of it.
	MaxBytes = 64 << 20
	// maxPayload bounds an entry before it is compressed: the whole list of two million IPv6 networks is shorter.
	maxPayload = 64 << 20
	// MaxSegment bounds a segment: it is read whole, and written whole for each of its entries.
	MaxSegment = MaxBytes / 2
	// fullSegment is the length at which the next entry begins a segment, unless the list at its beginning is longer. A new
	// one costs the whole list, a long one a copy at each entry.
	fullSegment = 256 << 10
	// segmentsOfAge is how many segments the age of a history is divided into, at least: the oldest goes as a whole.
	segmentsOfAge = 8
)

// The commands that an entry can be of.
const (
	Update   = "update"
	Accept   = "accept" // an update that accepted a held change
	Rollback = "rollback"
	Release  = "release" // of the pins of a rollback
	Remove   = "remove"
)

// What can happen to a source besides that networks come and go.
const (
	Added   = "added"
	Removed = "removed"
	Renamed = "renamed"
	Edited  = "edited" // it is defined otherwise than before
	Ended   = "ended"  // the day of its until has passed
)

// Entry is one run that changed the list, or the status of a source.
type Entry struct {
	ID      string    `json:"id"` // the time, RFC 3339, and .02 and so on if others have it; it sorts by time
	Time    time.Time `json:"-"`  // in UTC and whole seconds, as the clock of the run said
	Command string    `json:"command"`
	By      string    `json:"by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Targets []string  `json:"targets,omitempty"` // the files that it changed
	Sources []Source  `json:"sources,omitempty"` // that it has something to tell of
	// Begins: what the list was before is not known, so that all of it came.
	Begins bool `json:"begins,omitempty"`
	// First: there was no list before it. Then it begins the history, and all of it did come.
	First bool `json:"first,omitempty"`
}

// Source is what an entry tells of one source.
type Source struct {
	Name       string           `json:"name"`
	From       string           `json:"from,omitempty"` // the name before, of one that was renamed
	Definition string           `json:"definition,omitempty"`
	Action     allowlist.Action `json:"action"`
	Was        allowlist.Action `json:"-"` // the action before; None: the same, or there was none
	Change     string           `json:"change,omitempty"`
	Status     guard.Status     `json:"status,omitempty"`
	About
	Problems []allowlist.Problem `json:"problems,omitempty"`

	WasName string `json:"was,omitempty"` // Was, as the file has it

	// Came and Gone are networks of the fewest that cover the source, after the run and before it. One that grew is in both,
	// with its new length and its old one.
	Came allowlist.Ranges `json:"-"`
	Gone prefixes.List    `json:"-"`
}

// About is what the configuration said of a source when something happened to it. A text that changes is told with the next event.
type About struct {
	Reason string `json:"reason,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Until  string `json:"until,omitempty"` // its last day, 2026-12-31
}

// Life gives what was said as a source has it.
func (a About) Life() allowlist.Life {
	life := allowlist.Life{Reason: a.Reason, Owner: a.Owner}
	life.Until, _ = time.Parse(time.DateOnly, a.Until)
	return life
}

// Networks gives what came and what went as sets of addresses, in the fewest networks.
func (s Source) Networks() (came, gone prefixes.List) {
	return s.Came.Fewest().Minus(s.Gone), s.Gone.Minus(s.Came.Fewest())
}

// Installed is a source of the list that a run installed.
type Installed struct {
	Name, Definition string
	Action           allowlist.Action
	Status           guard.Status
	About
	Problems []allowlist.Problem
	Ranges   allowlist.Ranges
	Ended    bool // it left the list because the day of its until has passed
}

// Segment is a file of the history.
type Segment struct {
	Name string // its number, as SegmentName writes it
	Size int64
	Read func() ([]byte, error)
}

// Log is a history: its segments, the oldest first. The zero value is empty.
type Log struct{ Segments []Segment }

// ErrTooLong says that the list takes more room than the history has.
var ErrTooLong = errors.New("the list is too long for the history")
