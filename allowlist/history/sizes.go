package history

import (
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
)

// Size is how large a source was after an entry that told of it, and what the entry said.
type Size struct {
	Entry    string // its id; empty: the beginning of what the history knows
	At       time.Time
	Command  string
	Source   string
	Change   string
	Action   allowlist.Action
	Status   guard.Status
	Problems []allowlist.Problem
	IPv4     uint64 // addresses
	IPv6     int    // networks, the fewest
	Changed  bool   // networks came or went
}

// Sizes calls yield for each source of each entry, the oldest first. It needs no memory for networks, so that a year of
// changes is read in a second. The problems are of parts of the history that cannot be read.
func (l Log) Sizes(yield func(Size)) (problems []allowlist.Problem) {
	now := map[string]Size{}
	known := false
	for m := range l.walk() {
		if m.problem != nil {
			problems = append(problems, *m.problem)
			known = false
			continue
		}
		begins := m.base || m.Begins
		if m.base && known || !begins && !known {
			continue
		}
		if known = true; begins {
			clear(now)
		}
		m.resize(now)
		for _, s := range m.Sources {
			one := now[s.Name]
			one.Entry, one.At, one.Command, one.Change = m.ID, m.Time, m.Command, s.Change
			one.Source, one.Action, one.Status, one.Problems = s.Name, s.Action, s.Status, s.Problems
			yield(one)
			if one.Changed = false; s.Change == Removed || s.Change == Ended {
				delete(now, s.Name)
				continue
			}
			now[s.Name] = one
		}
	}
	return problems
}

// resize adds the networks of an entry to the sizes of its sources, and takes away those that went: what came and went are of
// disjoint networks each.
func (m moment) resize(now map[string]Size) {
	for _, s := range m.Sources {
		if was, had := now[s.From]; had && s.Change == Renamed {
			delete(now, s.From)
			now[s.Name] = was
		}
	}
	for c := range m.changes() {
		name := m.Sources[c.source].Name
		one := now[name]
		one.Changed = true
		switch is4, n := c.prefix.Addr().Is4(), uint64(1)<<max(0, 32-c.prefix.Bits()); {
		case is4 && c.came:
			one.IPv4 += n
		case is4:
			one.IPv4 -= n
		case c.came:
			one.IPv6++
		default:
			one.IPv6--
		}
		now[name] = one
	}
}
