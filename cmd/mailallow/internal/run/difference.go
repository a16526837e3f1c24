package run

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/cmd/mailallow/internal/terminal"
)

// MaxListed bounds the networks of a source that are listed one by one. With
// --verbose there is no bound.
const MaxListed = 25

// maxShownPath bounds a path, in bytes: the names of many long includes are no help.
const maxShownPath = 500

func tellChanges(t *terminal.Terminal, style terminal.Style, sign string, changes []plan.Change) {
	shown := changes
	if len(shown) > MaxListed && !t.Verbose {
		shown = shown[:MaxListed]
	}
	width := 0
	for _, c := range shown {
		width = max(width, len(c.Prefix.String()))
	}
	for _, c := range shown {
		line := fmt.Sprintf("    %s %-*s  %17s  %s", sign, width, c.Prefix, terminal.Addresses(c.Prefix), ascii.Printable(c.Path.String(), maxShownPath))
		t.Summary(style, "%s", strings.TrimRight(line, " "))
	}
	if more := len(changes) - len(shown); more > 0 {
		t.Summary(terminal.Faint, "    %s and %s more; --verbose lists them", sign, terminal.Grouped(uint64(more)))
	}
}

// SourceChange is the difference that one source makes under one action.
type SourceChange struct {
	Title          string // names the source and the action
	About          string // what is written about the source; empty: nothing
	Added, Removed []plan.Change
}

// Changes splits the difference of a plan by source and action, in the order of the first change of each.
func (r *Result) Changes(p plan.Plan) []*SourceChange {
	about := map[string]string{}
	for _, s := range r.List.Sources {
		about[s.Source.Name] = s.Life.String()
	}
	type key struct {
		source string
		action allowlist.Action
	}
	groups := map[key]*SourceChange{}
	var order []*SourceChange
	at := func(c plan.Change) *SourceChange {
		k := key{c.Source, c.Action}
		if groups[k] == nil {
			groups[k] = &SourceChange{Title: "all sources"}
			if c.Source != "" {
				groups[k].Title, groups[k].About = fmt.Sprintf("%s %s", c.Source, c.Action), about[c.Source]
			}
			order = append(order, groups[k])
		}
		return groups[k]
	}
	for _, c := range p.Difference.Added {
		g := at(c)
		g.Added = append(g.Added, c)
	}
	for _, c := range p.Difference.Removed {
		g := at(c)
		g.Removed = append(g.Removed, c)
	}
	return order
}

// Counts gives the numbers of networks that came and went, and of their IPv4 addresses.
func (g SourceChange) Counts() string {
	var parts []string
	for _, side := range []struct {
		verb    string
		changes []plan.Change
	}{{"came", g.Added}, {"went", g.Removed}} {
		if len(side.changes) == 0 {
			continue
		}
		var prefixes []netip.Prefix
		for _, c := range side.changes {
			prefixes = append(prefixes, c.Prefix)
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s)", terminal.Grouped(uint64(len(side.changes))), side.verb, size(prefixes)))
	}
	return strings.Join(parts, ", ")
}

// size gives the IPv4 addresses of networks, or where there are none the number of IPv6 networks, whose addresses nobody counts.
func size(prefixes []netip.Prefix) string {
	n := allowlist.CountAddresses(slices.Values(prefixes)).IPv4
	if n == 0 {
		return terminal.Counted(uint64(len(prefixes)), "IPv6 network", "IPv6 networks")
	}
	return terminal.Counted(n, "IPv4 address", "IPv4 addresses")
}
