package run

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"mailallow/accessmap/plan"
	"mailallow/cmd/mailallow/internal/terminal"
)

// maxRefused bounds the networks of a held source that a summary lists.
const maxRefused = 10

// Refused gives what would come and go if a held source were accepted, in the order of addresses; nil: it is not held, or
// that is not known.
func Refused(s Source) *SourceChange {
	if s.Proposed == nil {
		return nil
	}
	change := &SourceChange{Title: fmt.Sprintf("%s %s, the change that was refused", s.Source.Name, s.Action), About: s.Life.String()}
	for _, side := range []struct {
		networks []netip.Prefix
		into     *[]plan.Change
	}{{s.Proposed.Came, &change.Added}, {s.Proposed.Gone, &change.Removed}} {
		for _, p := range side.networks {
			*side.into = append(*side.into, plan.Change{Prefix: p, Source: s.Source.Name, Action: s.Action})
		}
	}
	return change
}

// tellRefused writes what is at stake in a held source, the widest networks first.
func tellRefused(t *terminal.Terminal, s Source) {
	change := Refused(s)
	if change == nil || len(change.Added)+len(change.Removed) == 0 {
		return
	}
	t.Summary(terminal.Cyan, "%s: %s", change.Title, change.Counts())
	if change.About != "" {
		t.Summary(terminal.Plain, "    %s", change.About)
	}
	type line struct {
		sign  string
		style terminal.Style
		plan.Change
	}
	var lines []line
	for _, c := range change.Added {
		lines = append(lines, line{"+", terminal.Green, c})
	}
	for _, c := range change.Removed {
		lines = append(lines, line{"-", terminal.Red, c})
	}
	share := func(l line) int { return l.Prefix.Bits() * 128 / l.Prefix.Addr().BitLen() }
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(share(a), share(b)) })
	shown := lines[:min(len(lines), maxRefused)]
	width := 0
	for _, l := range shown {
		width = max(width, len(l.Prefix.String()))
	}
	for _, l := range shown {
		t.Summary(l.style, "    %s %-*s  %17s", l.sign, width, l.Prefix, terminal.Addresses(l.Prefix))
	}
	if more := len(lines) - len(shown); more > 0 {
		t.Summary(terminal.Faint, "    and %d more; 'diff --format markdown' lists them", more)
	}
}
