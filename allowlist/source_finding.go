package allowlist

import (
	"fmt"
	"net/netip"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/document"
	"mailallow/allowlist/notation"
	"mailallow/allowlist/provenance"
)

// finding collects the ranges and problems of a document.
type finding struct {
	name     string           // of the document, for paths and messages
	path     *provenance.Path // of what has no line
	max      int              // of ranges
	expected int              // an estimate of their number
	count    int
	ranges   Ranges
	problems Few
}

func newFinding(name string, most int) *finding {
	return &finding{name: name, max: most, ranges: linesOf(name)}
}

func (f *finding) add(p netip.Prefix, line int) error {
	if f.count == f.max {
		return fmt.Errorf("more than %s addresses and networks", ascii.Count(f.max))
	}
	if f.count == 0 { // most lists have one family only
		f.ranges.list.Grow(p, f.expected)
	}
	f.count++
	switch {
	case line > 0 && uint32(line) >= f.ranges.last && f.ranges.lines != nil:
		f.ranges.addLine(p, uint32(line))
	case line > 0:
		f.ranges.Add(Range{Prefix: p, Path: provenance.Of(f.name).AtLine(uint32(line))})
	default:
		f.ranges.Add(Range{Prefix: p, Path: f.path})
	}
	return nil
}

// reader gives a reader of the document of a source, of at most so many bytes when it is unpacked.
func (f *finding) reader(src Source, maxBytes int64) document.Reader {
	add := f.add
	if src.NoIPv4 || src.NoIPv6 {
		add = func(p netip.Prefix, line int) error {
			if !src.takes(p) {
				return nil
			}
			return f.add(p, line)
		}
	}
	return document.Reader{
		Reader:   notation.Reader{Name: f.name, Add: add, Problem: f.problems.Add},
		MaxBytes: maxBytes,
	}
}
