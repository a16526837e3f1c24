package maillog

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	// maxDays bounds the days that are counted: no log reaches further back.
	maxDays = 10_000
	// maxRecent bounds the addresses that are not looked up again: a client that connects does so more than once.
	maxRecent = 4096
)

// usage notes the sources of which an address is in the logs. The nil value notes nothing.
type usage struct {
	sources []run.Source // that have addresses
	index   *allowlist.Index
	used    map[string]bool
	recent  map[netip.Addr]struct{}
	lines   refusals.Total
	days    map[time.Time]struct{}
}

// newUsage needs the list: what is not in it cannot be looked for.
func newUsage(list *run.List) (*usage, error) {
	if list == nil {
		return nil, errors.New("which sources are unused is not known without the list")
	}
	u := &usage{index: allowlist.NewIndex(list.Labelled()), used: map[string]bool{}, recent: map[netip.Addr]struct{}{}, days: map[time.Time]struct{}{}}
	for _, s := range list.Sources {
		if s.Ranges.Len() > 0 {
			u.sources = append(u.sources, s)
		}
	}
	return u, nil
}

// add notes the client of a line: one that connected, whose mail was accepted, or that was refused. In a refusal of this host the
// address is its own.
func (u *usage) add(e maillog.Event) {
	if u == nil || !e.IP.IsValid() || e.Kind == maillog.OutboundBlock || e.Kind == maillog.DomainBlock {
		return
	}
	u.lines.Add(e.Time)
	if day := e.Time.UTC().Truncate(24 * time.Hour); !e.Time.IsZero() && len(u.days) < maxDays {
		u.days[day] = struct{}{}
	}
	if _, known := u.recent[e.IP]; known {
		return
	}
	if len(u.recent) == maxRecent {
		clear(u.recent)
	}
	u.recent[e.IP] = struct{}{}
	for _, m := range u.index.Holding(e.IP) {
		u.used[m.Source] = true
	}
}

// unusedReport is what the logs say of sources without a client in them.
type unusedReport struct {
	Lines   uint32         `json:"lines"` // that name a client
	Days    int            `json:"days"`  // in UTC, with such lines
	Since   refusals.Stamp `json:"since"`
	Until   refusals.Stamp `json:"until"`
	Used    int            `json:"used"` // sources of which an address is in them
	Sources []unusedSource `json:"sources"`
}

type unusedSource struct {
	Name   string  `json:"name"`
	Action string  `json:"action"`
	Reason string  `json:"reason"`
	Owner  string  `json:"owner"`
	Until  *string `json:"until"`

	about string
}

func (u *usage) report() *unusedReport {
	if u == nil {
		return nil
	}
	r := &unusedReport{Lines: u.lines.Count, Days: len(u.days), Since: u.lines.Since, Until: u.lines.Until, Used: len(u.used), Sources: []unusedSource{}}
	for _, s := range u.sources {
		if u.used[s.Source.Name] {
			continue
		}
		one := unusedSource{Name: s.Source.Name, Action: s.Action.String(), Reason: s.Reason, Owner: s.Owner, about: s.Life.String()}
		if last := s.UntilText(); last != "" {
			one.Until = &last
		}
		r.Sources = append(r.Sources, one)
	}
	return r
}

// tell writes the sources, and what the answer rests on.
func (r *unusedReport) tell(t *terminal.Terminal) {
	rests := terminal.Counted(uint64(r.Lines), "line that names a client", "lines that name a client")
	if r.Days > 0 {
		rests += ", of " + terminal.Counted(uint64(r.Days), "day", "days") + ", " + refusals.Between(r.Since, r.Until)
	}
	if len(r.Sources) == 0 {
		t.Headline("Of every source with addresses one is in the logs: %s", rests)
		return
	}
	t.Headline("No address of these sources is in the logs: %s", rests)
	rows := [][]string{{"SOURCE", "ACTION", "ABOUT"}}
	if !slices.ContainsFunc(r.Sources, func(s unusedSource) bool { return s.about != "" }) {
		rows[0] = rows[0][:2]
	}
	for _, s := range r.Sources {
		rows = append(rows, []string{s.Name, s.Action, s.about}[:len(rows[0])])
	}
	t.Table(rows)
	t.Note("that is no proof: a sender that writes once a year is in no log of a month, and other hosts of yours may hear from it; ask its owner before you take it out")
}
