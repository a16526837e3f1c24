package history

import (
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/history"
	"mailallow/allowlist/prefixes"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	// toTheMinute is a time of a span, in UTC as all times of the history are.
	toTheMinute = "2006-01-02 15:04Z"
	indent      = 4
	maxPath     = 500 // bytes of a path that are shown
)

// tellList writes a line for each entry, more where it does not fit.
func tellList(t *terminal.Terminal, entries []history.Entry) {
	if len(entries) == 0 {
		return
	}
	rows := [][]string{{"ENTRY", "COMMAND", "BY", "NETWORKS"}}
	for _, e := range entries {
		rows = append(rows, []string{e.ID, e.Command, whose(e), summary(e)})
	}
	t.Table(rows)
}

// summary says in a few words what an entry tells of its sources, and why.
func summary(e history.Entry) string {
	var parts []string
	for _, s := range e.Sources {
		parts = append(parts, s.Name+": "+inWords(s))
	}
	text := strings.Join(parts, "; ")
	switch {
	case e.Begins && !e.First && len(parts) > 0:
		text = "the history begins; " + text
	case len(parts) == 0:
		text = "nothing came or went"
	}
	if e.Reason != "" {
		text += "; reason: " + e.Reason
	}
	return text
}

// inWords says what happened to a source.
func inWords(s history.Source) string {
	var words []string
	if s.Change != "" {
		words = append(words, s.Change)
	}
	if s.From != "" {
		words[0] += " from " + s.From
	}
	if s.Was != allowlist.None {
		words = append(words, fmt.Sprintf("%s, was %s", s.Action, s.Was))
	}
	came, gone := s.Networks()
	for _, side := range []struct {
		networks prefixes.List
		verb     string
	}{{came, "came"}, {gone, "went"}} {
		if n := side.networks.Len(); n > 0 {
			words = append(words, fmt.Sprintf("%s %s", terminal.Grouped(uint64(n)), side.verb))
		}
	}
	if s.Status != "" && s.Status != guard.Fresh && s.Change != history.Ended || len(words) == 0 {
		words = append(words, string(s.Status))
	}
	return strings.Join(words, ", ")
}

// tellWhole writes an entry with every network and its path.
func tellWhole(t *terminal.Terminal, e history.Entry) {
	t.Data(terminal.Bold, "%s  %s by %s", e.ID, e.Command, whose(e))
	if e.Reason != "" {
		folded(t, "reason: "+e.Reason)
	}
	for _, path := range e.Targets {
		folded(t, "changed "+ascii.Line(path))
	}
	if e.Begins && !e.First {
		folded(t, "the history begins here: what the list was before is not known")
	}
	for _, s := range e.Sources {
		t.Data(terminal.Cyan, "  %s %s: %s", s.Name, s.Action, inWords(s))
		if about := inOneText(s.About); about != "" {
			folded(t, about)
		}
		for _, p := range s.Problems {
			folded(t, p.Text)
		}
		came, gone := s.Networks()
		tellNetworks(t, terminal.Green, "+", came, s.Came)
		tellNetworks(t, terminal.Red, "-", gone, allowlist.Ranges{})
	}
}

// inOneText gives the reason, the owner and the last day of a source as other commands do.
func inOneText(a history.About) string { return ascii.Line(a.Life().String()) }

// folded writes a text below its heading.
func folded(t *terminal.Terminal, text string) {
	for _, line := range t.Folded(text, indent) {
		t.Data(terminal.Plain, "%*s%s", indent, "", line)
	}
}

// tellNetworks writes networks, each with the first path to the network of paths that holds it.
func tellNetworks(t *terminal.Terminal, style terminal.Style, sign string, networks prefixes.List, paths allowlist.Ranges) {
	width := 0
	for p := range networks.All() {
		width = max(width, len(p.String()))
	}
	for p := range networks.All() {
		line := fmt.Sprintf("%*s%s %-*s  %17s  %s", indent, "", sign, width, p, terminal.Addresses(p), pathOf(p, paths))
		t.Data(style, "%s", strings.TrimRight(line, " "))
	}
}

func pathOf(p netip.Prefix, ranges allowlist.Ranges) string {
	fewest := ranges.Fewest()
	number, ok := fewest.Longest(p.Addr())
	if !ok {
		return ""
	}
	holding, _ := fewest.At(number)
	if places, _ := ranges.Places().Inside(holding); len(places) > 0 {
		return ascii.Shown(places[0].To().String(), maxPath)
	}
	return ""
}

// tellSpans writes when an address was in the list.
func tellSpans(t *terminal.Terminal, addr netip.Addr, spans []history.Span) {
	if len(spans) == 0 {
		t.Data(terminal.Bold, "%s  was not in the list, as far as the history goes", addr)
		return
	}
	t.Data(terminal.Bold, "%s", addr)
	for _, s := range spans {
		from, until := s.From.Format(toTheMinute), "now"
		if s.Entry.Begins {
			from = "before " + from
		}
		style := terminal.Plain
		if s.Until.IsZero() {
			style = terminal.Green
		} else {
			until = s.Until.Format(toTheMinute)
		}
		t.Data(style, "  %s to %s  %s by %s: %s", from, until, s.Action, s.Source, s.Prefix)
		folded(t, ascii.Shown(s.Path.String(), maxPath))
		folded(t, by(s))
	}
}

// by says which run began a span, and why.
func by(s history.Span) string {
	text := fmt.Sprintf("entry %s (%s by %s)", s.Entry.ID, s.Entry.Command, whose(s.Entry))
	if s.Entry.Begins {
		text = "it was there when the history began, with the entry " + s.Entry.ID
	}
	if s.Entry.Reason != "" {
		text += ": " + s.Entry.Reason
	}
	return text
}
