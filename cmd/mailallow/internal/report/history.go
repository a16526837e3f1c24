package report

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"mailallow/allowlist/guard"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Bounds on the history on the page.
const (
	maxCharts  = 24 // sources with a chart of their own, those that changed most
	maxMarks   = 30 // of a source
	maxEntries = 30 // listed one by one, the last ones
)

// sizes is the history of the sizes of all sources.
type sizes struct {
	last  map[string]*ofSource
	first time.Time
	begin string // the id of the first entry

	log     history.Log
	changed history.Size // one of the last entry with which networks came or went; zero: there is none
}

// ofSource is the history of one source.
type ofSource struct {
	history.Size // the last
	points       []point
	marks        []mark
	least, most  uint64
	changes      int
	covers       time.Time // since when its addresses are let in; zero: they are not
	atFirst      bool      // they were when the history began
}

// point is the size of a source from a time on.
type point struct {
	at   time.Time
	size uint64
}

// mark is something that a person may look for in a chart.
type mark struct {
	at         time.Time
	kind, text string
}

// historyView is the section of the page.
type historyView struct {
	Since   string // empty: there is no history
	Until   string
	Sources []historyRow
	More    int
	Entries []entryRow
}

type historyRow struct {
	Name, Now, Least, Most, Unit string
	Changes                      int
	Line                         string // a path in a box of 600 x 60
	Marks                        []markRow
}

type markRow struct {
	X          string // in the box
	Kind, When string
	Text       string
}

type entryRow struct{ When, Command, Sources string }

// history reads the history once, and says how each source changed.
func (g *gathering) history(p *page) *sizes {
	all := &sizes{last: map[string]*ofSource{}}
	log, err := run.OpenHistory(g.settings.StateDir)
	if err != nil {
		g.look("", "%v", err)
		return all
	}
	all.log = log
	var entries []entryRow
	var until time.Time
	entry := ""
	for _, problem := range log.Sizes(func(s history.Size) {
		s.At = s.At.Local() // as all times on the page
		if all.first.IsZero() {
			all.first, all.begin = s.At, s.Entry
		}
		until = s.At
		all.add(s)
		if s.Command == "" {
			return
		}
		if s.Entry != entry {
			entries = append(entries, entryRow{When: s.At.Format(minute), Command: s.Command})
			if len(entries) > 2*maxEntries {
				entries = slices.Delete(entries, 0, maxEntries)
			}
			entry = s.Entry
		}
		row := &entries[len(entries)-1]
		if told := about(s); len(row.Sources) < 200 && told != "" {
			row.Sources = strings.TrimPrefix(row.Sources+"; "+told, "; ")
		}
	}) {
		g.look("", "%s", problem.Text)
	}
	if all.first.IsZero() {
		return all
	}
	slices.Reverse(entries)
	p.History = all.view(until, time.Now())
	p.History.Entries = entries[:min(len(entries), maxEntries)]
	return all
}

// about says what an entry tells of a source.
func about(s history.Size) string {
	words := []string{s.Source}
	if s.Change != "" {
		words = append(words, s.Change)
	}
	if s.Status != "" && s.Status != guard.Fresh {
		words = append(words, string(s.Status))
	}
	if s.Changed && s.Change == "" {
		words = append(words, "changed")
	}
	return strings.Join(words, " ")
}

func (a *sizes) add(s history.Size) {
	o := a.last[s.Source]
	if o == nil {
		o = &ofSource{least: size(s)}
		a.last[s.Source] = o
	}
	begins := s.Command == "" || s.Entry == a.begin
	switch had := o.Status == guard.Held; {
	case begins:
	case s.Status == guard.Held && !had:
		o.mark(s.At, "held", "held by the guard")
	case s.Command == history.Accept && had:
		o.mark(s.At, "accepted", "a held change was accepted")
	case s.Command == history.Rollback:
		o.mark(s.At, "rollback", "the list was rolled back")
	case s.Change != "":
		o.mark(s.At, "change", "the source was "+s.Change)
	}
	gone := s.Change == history.Removed || s.Change == history.Ended
	switch in := s.Action.LetsIn() && size(s) > 0 && !gone; {
	case in && o.covers.IsZero():
		o.covers, o.atFirst = s.At, begins
	case !in:
		o.covers = time.Time{}
	}
	if s.Changed && !begins {
		o.changes++
		a.changed = s
	}
	o.Size = s
	o.least, o.most = min(o.least, size(s)), max(o.most, size(s))
	o.points = append(o.points, point{s.At, size(s)})
}

func (o *ofSource) mark(at time.Time, kind, text string) {
	o.marks = append(o.marks, mark{at, kind, text})
	if len(o.marks) > 2*maxMarks {
		o.marks = slices.Delete(o.marks, 0, maxMarks)
	}
}

// size is the number that a chart shows: IPv4 addresses, or the IPv6 networks of a source without any.
func size(s history.Size) uint64 {
	if s.IPv4 == 0 {
		return uint64(max(0, s.IPv6))
	}
	return s.IPv4
}

// view draws the sources, those first that changed most.
func (a *sizes) view(until, now time.Time) historyView {
	v := historyView{Since: a.first.Format(day), Until: until.Format(minute)}
	var all []*ofSource
	for _, o := range a.last {
		all = append(all, o)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return cmp.Or(cmp.Compare(len(b.marks)+b.changes, len(a.marks)+a.changes), cmp.Compare(a.Source, b.Source)) < 0
	})
	v.More = max(0, len(all)-maxCharts)
	axis := timeAxis{a.first, now}
	for _, o := range all[:min(len(all), maxCharts)] {
		row := historyRow{Name: o.Source, Now: terminal.Counted(size(o.Size), "IPv4 address", "IPv4 addresses"), Least: terminal.Grouped(o.least), Most: terminal.Grouped(o.most),
			Unit: "IPv4 addresses", Changes: o.changes, Line: axis.line(o.points, o.most)}
		if o.IPv4 == 0 && o.IPv6 > 0 {
			row.Now, row.Unit = terminal.Counted(size(o.Size), "IPv6 network", "IPv6 networks"), "IPv6 networks"
		}
		for _, m := range o.marks[max(0, len(o.marks)-maxMarks):] {
			row.Marks = append(row.Marks, markRow{fmt.Sprintf("%.1f", axis.x(m.at)), m.kind, m.at.Format(minute), m.text})
		}
		v.Sources = append(v.Sources, row)
	}
	return v
}
