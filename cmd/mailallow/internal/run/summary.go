package run

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Figures are the numbers of a source that every form of output has.
type Figures struct {
	Ranges        int // the fewest networks that cover it
	IPv6Ranges    int // of Ranges
	IPv4Addresses uint64
	HasTime       bool          // it has ranges, or had some
	Age           time.Duration // of its ranges, with HasTime
}

// Figures counts the ranges of a source. Its age is counted to now.
func (s Source) Figures(now time.Time) Figures {
	f := Figures{IPv4Addresses: allowlist.CountAddresses(s.Ranges.Minimal()).IPv4, HasTime: !s.Time.IsZero()}
	for p := range s.Ranges.Minimal() {
		f.Ranges++
		if p.Addr().Is6() {
			f.IPv6Ranges++
		}
	}
	if f.HasTime {
		f.Age = s.Age(now)
	}
	return f
}

// AgeText is the age in a table.
func (f Figures) AgeText() string {
	if !f.HasTime {
		return "-"
	}
	return terminal.Age(f.Age)
}

// Tell writes a line about each source, and warns of what is wrong with it.
func (l *List) Tell(t *terminal.Terminal) {
	rows := [][]string{{"SOURCE", "ACTION", "STATUS", "RANGES", "IPV4 ADDRESSES", "IPV6 RANGES", "AGE"}}
	for _, s := range l.Sources {
		f := s.Figures(l.Now)
		rows = append(rows, []string{s.Source.Name, s.Action.String(), string(s.Status),
			fmt.Sprint(f.Ranges), terminal.Grouped(f.IPv4Addresses), fmt.Sprint(f.IPv6Ranges), f.AgeText()})
	}
	for i, lines := range terminal.Layout(t.Width(), rows) {
		style := terminal.Plain
		if i == 0 {
			style = terminal.Bold
		} else if s := l.Sources[i-1].Status; s == allowlist.Held || s == allowlist.Missing || s == allowlist.Stale {
			style = terminal.Yellow
		}
		t.Summary(style, "%s", strings.Join(lines, "\n"))
	}
	l.Warn(t)
}

// Warn says what is wrong with each source.
func (l *List) Warn(t *terminal.Terminal) {
	for _, s := range l.Sources {
		for _, p := range s.Problems {
			t.About(slog.String("source", s.Source.Name), slog.String("kind", p.Kind)).Warn("source %q: %s", s.Source.Name, p.Text)
		}
		if hint := l.Hint(s); hint != "" {
			t.About(slog.String("source", s.Source.Name), slog.String("status", string(s.Status))).
				Warn("source %q is %s: %s", s.Source.Name, s.Status, hint)
		}
	}
}

// Hint says what the status of a source means for the list, or the snapshot, and what
// to do. It is empty for a source that is fresh.
func (l *List) Hint(s Source) string {
	kept := "it has no last good ranges, so nothing of it is in the list"
	switch {
	case s.Ranges.Len() > 0:
		kept = "its last good ranges stay, of " + s.Time.Format(time.DateOnly)
	case l.forSnapshot: // the host that installs the snapshot may have last good ranges
		kept = "nothing of it is in the snapshot"
	}
	switch s.Status {
	case allowlist.Held:
		if slices.ContainsFunc(s.Problems, func(p allowlist.Problem) bool { return p.Kind == "keys" }) {
			return kept // --accept does not waive it
		}
		return fmt.Sprintf("%s; when the change is right: mailallow update --accept %q", kept, s.Source.Name)
	case allowlist.Stale, allowlist.Missing:
		return kept
	}
	return ""
}

// tellTargets writes the changes of each target, in networks by source. Of
// neighbours that change alike the networks are written once.
func tellTargets(t *terminal.Terminal, plans []plan.Plan, done bool) {
	differences := make([]plan.Difference, len(plans))
	for i, p := range plans {
		differences[i] = p.Diff()
	}
	for i, p := range plans {
		line := TargetLine(p, done)
		t.Summary(terminal.Bold, "%s", line)
		if p.Changed() {
			t.About(slog.String("target", p.Path), slog.String("format", p.Format.Name), slog.Int("entries", p.Entries),
				slog.Int("added", len(differences[i].Added)), slog.Int("removed", len(differences[i].Removed))).Record("%s", line)
		}
		WarnTarget(t, p)
		if i+1 < len(plans) && differences[i].Equal(differences[i+1]) {
			continue
		}
		tellDifference(t, differences[i])
	}
}

// WarnTarget says what is wrong with the file of a target.
func WarnTarget(t *terminal.Terminal, p plan.Plan) {
	for _, problem := range p.Problems {
		t.About(slog.String("target", p.Path), slog.Int("line", problem.Line), slog.String("kind", problem.Kind)).
			Warn("%s: %s", terminal.Place(p.Path, problem.Line), problem.Text)
	}
}

// TargetLine says how many entries a target has, and whether it changes or, with
// done, has changed.
func TargetLine(p plan.Plan, done bool) string {
	what := "line"
	if p.Format.Map {
		what = "key"
	}
	state := "no change"
	switch {
	case p.Changed() && done:
		state = "changed"
	case p.Changed():
		state = "would change"
	}
	line := fmt.Sprintf("%s (%s): %s, %s", p.Path, p.Format.Name, terminal.Counted(uint64(p.Entries), what, what+"s"), state)
	if p.MapType != "" {
		line += ", map " + p.MapType
		if p.Changed() && !p.TextChanged() {
			line += " to be rebuilt: it is not the one of this text"
		}
	}
	return line
}
