package allowlist

import (
	"fmt"
	"net/netip"

	"mailallow/allowlist/document"
	"mailallow/allowlist/provenance"
)

// finding collects the ranges and problems of a document.
type finding struct {
	name     string // of the document, for paths and messages
	max      int    // of ranges
	ranges   Ranges
	problems Few
}

func (f *finding) add(p netip.Prefix, path *provenance.Path) error {
	if f.ranges.Len() == f.max {
		return fmt.Errorf("more than %d addresses and networks", f.max)
	}
	f.ranges.Add(Range{Prefix: p, Path: path})
	return nil
}

// reader gives a reader of the document.
func (f *finding) reader() document.Reader {
	return document.Reader{Name: f.name, Add: f.add, Problem: f.problems.Add}
}
