package allowlist

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"mailallow/allowlist/ascii"
)

// snapshotVersion is the version that Encode writes. DecodeSnapshot reads version 1, too.
const snapshotVersion = 2

// The bounds of a snapshot. A range of a long list takes about 50 bytes in the
// file, and 40 in memory.
const (
	MaxSnapshotBytes  = 256 << 20
	MaxSnapshotRanges = 4_000_000 // two long lists on disk, and eight sources that others publish
)

// maxMistakes bounds the mistakes of a snapshot that are reported one by one.
const maxMistakes = 20

// Snapshot holds the resolved ranges of all sources. One format has three uses:
// the last good state, the reviewed plan that many hosts install, and the list
// inside the program for a first run without a network.
type Snapshot struct {
	Sources []Resolved // by name
}

// Resolved is one source with its ranges.
type Resolved struct {
	Name string
	// Definition is the Source.Definition of the source when it was resolved.
	Definition string
	// Time is the time of the fetch, in UTC and whole seconds.
	Time time.Time
	// Validator names the state of the document that gave the ranges; nil for other sources.
	Validator *Validator
	// Ranges are canonical; they may overlap.
	Ranges Ranges
}

// Age gives the age of the ranges at now, never below zero.
func (r Resolved) Age(now time.Time) time.Duration { return max(0, now.Sub(r.Time)) }

// Find gives the source with this name. A nil snapshot has none.
func (s *Snapshot) Find(name string) (Resolved, bool) {
	if s == nil {
		return Resolved{}, false
	}
	i, ok := slices.BinarySearchFunc(s.Sources, name, func(r Resolved, name string) int {
		return strings.Compare(r.Name, name)
	})
	if !ok {
		return Resolved{}, false
	}
	return s.Sources[i], true
}

// NewSnapshot sorts the sources by name, so that equal content encodes to equal
// bytes.
func NewSnapshot(sources []Resolved) *Snapshot {
	s := &Snapshot{Sources: slices.Clone(sources)}
	slices.SortFunc(s.Sources, func(a, b Resolved) int { return strings.Compare(a.Name, b.Name) })
	for i := range s.Sources {
		s.Sources[i].Time = s.Sources[i].Time.UTC().Truncate(time.Second)
	}
	return s
}

// printable makes s fit for a step of a path. DecodeSnapshot refuses a path that
// cannot be printed, and file names in the configuration may have such characters.
func printable(s string) string {
	const most = 1000
	if isPrintable(s) {
		return s
	}
	return ascii.Printable(s, most)
}

// isPrintable reports whether s is text on one line.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !ascii.Shows(r) })
}

// canonical masks a prefix and turns an IPv4-mapped one into IPv4, since Sendmail
// and Postfix see such a client as IPv4. changed reports whether the result
// differs from p.
func canonical(p netip.Prefix) (_ netip.Prefix, changed bool) {
	masked := p.Masked()
	if masked.Addr().Is4In6() && masked.Bits() >= 96 {
		return netip.PrefixFrom(masked.Addr().Unmap(), masked.Bits()-96), true
	}
	return masked, masked != p
}
