package say

import (
	"fmt"
	"net/netip"
	"sort"

	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// maxRefused bounds the networks of a held source that a message lists.
const maxRefused = 10

// Refused gives what would come and go if a held source were accepted, in the order of addresses; nil: it is not held, or
// that is not known.
func Refused(s run.Source) *SourceChange {
	if s.Proposed == nil {
		return nil
	}
	change := &SourceChange{Title: fmt.Sprintf("%s %s, the change that was refused", s.Source.Name, s.Action), About: s.Life.String()}
	for _, p := range s.Proposed.Came {
		change.Added.Add(p, 0)
	}
	for _, p := range s.Proposed.Gone {
		change.Removed.Add(p, 0)
	}
	return change
}

// widest gives the counts of a refused change, and a line for each of its widest networks. rest is what to say of the others.
func (g SourceChange) widest(rest string) []string {
	if g.Added.Len()+g.Removed.Len() == 0 {
		return nil
	}
	type row struct {
		sign string
		netip.Prefix
	}
	var rows []row
	for p := range g.Added.Networks() {
		rows = append(rows, row{"+", p})
	}
	for p := range g.Removed.Networks() {
		rows = append(rows, row{"-", p})
	}
	share := func(r row) int { return r.Bits() * 128 / r.Addr().BitLen() }
	sort.SliceStable(rows, func(i, j int) bool { return share(rows[i]) < share(rows[j]) })
	shown := rows[:min(len(rows), maxRefused)]
	width := 0
	for _, r := range shown {
		width = max(width, len(r.String()))
	}
	lines := []string{"refused: " + g.Counts()}
	for _, r := range shown {
		lines = append(lines, fmt.Sprintf("  %s %-*s  %17s", r.sign, width, r.Prefix, terminal.Addresses(r.Prefix)))
	}
	if more := len(rows) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %s more%s", terminal.Grouped(uint64(more)), rest))
	}
	return lines
}
