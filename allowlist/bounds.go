package allowlist

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// Bounds bound what one source may cost, so that its publisher cannot stop the other sources. A source that is past one
// of them when it is fetched is stale, and one that needs too many keys is held. A field that is zero means its default.
// Look-ups are bounded for each SPF policy: see spf.Limits.
type Bounds struct {
	// Ranges bounds the ranges. The longest lists that providers publish have some ten thousand, and a range takes up to
	// two kilobytes of memory while update makes a map and a table of it.
	Ranges int
	// Provenance bounds the steps of the paths, in bytes as provenance.Meter counts them: 279 for each range.
	Provenance int64
	// Deadline bounds the time of the fetch. A source in use takes less than five seconds. Four rounds of questions with
	// three tries of two seconds each take 24 of them.
	Deadline time.Duration
	// Keys bounds the access keys that the source needs where a target with a map takes it. Google, the provider that
	// needs most, has had 24,576; a key takes up to 700 bytes of memory when the map is made.
	Keys int
}

// DefaultBounds gives the bounds of a source that sets none. Within them update needs less than 256 MiB for the source.
func DefaultBounds() Bounds {
	return Bounds{Ranges: 120_000, Provenance: 32 << 20, Deadline: 25 * time.Second, Keys: 250_000}
}

// MaxFileRanges bounds a list on disk. A longer list can be written in fewer, wider networks.
const MaxFileRanges = 2_000_000

func (b Bounds) orDefault() Bounds {
	d := DefaultBounds()
	return Bounds{
		Ranges: cmp.Or(b.Ranges, d.Ranges), Provenance: cmp.Or(b.Provenance, d.Provenance),
		Deadline: cmp.Or(b.Deadline, d.Deadline), Keys: cmp.Or(b.Keys, d.Keys),
	}
}

// bounds gives the bounds of the source. Those of ranges and time are for lists that others publish.
func (s Source) bounds() Bounds {
	b := s.Bounds.orDefault()
	if s.Static() {
		b.Ranges = MaxFileRanges
	}
	return b
}

// KeyLimit gives the bound of the access keys that the source needs.
func (s Source) KeyLimit() int { return s.bounds().Keys }

// within bounds ctx by the deadline of the source.
func (b Bounds) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, b.Deadline, fmt.Errorf("not done within deadline = %s", ascii.Duration(b.Deadline)))
}

// check returns an error if the ranges of a source, or their paths, are past their bounds.
func (b Bounds) check(ranges Ranges) error {
	if n := ranges.Len(); n > b.Ranges {
		return fmt.Errorf("it has %s ranges, and a source may have %s", ascii.Count(n), ascii.Count(b.Ranges))
	}
	if n := ranges.provenance(); n > b.Provenance {
		return fmt.Errorf("the paths of its ranges take %s bytes, and those of a source may take %s", ascii.Count(n), ascii.Count(b.Provenance))
	}
	return nil
}

// Check returns an error if ranges that others resolved for the source are past its bounds, or of a family that it does not take.
func (s Source) Check(ranges Ranges) error {
	b := s.bounds()
	if s.FromSnapshot { // it may be a list on disk there
		b.Ranges = MaxFileRanges
	}
	for p := range ranges.Minimal() {
		if !s.takes(p) {
			return fmt.Errorf("it has %s, and families leaves that out", p)
		}
	}
	return b.check(ranges)
}

// provenance gives the bytes of all paths.
func (r Ranges) provenance() int64 {
	if r.packed == nil {
		return 0
	}
	var m provenance.Meter
	for _, path := range r.paths {
		m.Add(path)
	}
	return m.Bytes
}
