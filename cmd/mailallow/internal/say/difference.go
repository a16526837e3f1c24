package say

import (
	"fmt"
	"strings"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// MaxListed bounds the networks of a source that are listed one by one. With
// --verbose there is no bound.
const MaxListed = 25

// maxShownPath bounds a path, in bytes: the names of many long includes are no help.
const maxShownPath = 500

func tellNetworks(t *terminal.Terminal, style terminal.Style, sign string, networks plan.Networks) {
	shown := networks.Len()
	if !t.Verbose {
		shown = min(shown, MaxListed)
	}
	width := 0
	for i := range shown {
		p, _ := networks.At(i)
		width = max(width, len(p.String()))
	}
	for i := range shown {
		p, _ := networks.At(i)
		line := fmt.Sprintf("    %s %-*s  %17s  %s", sign, width, p, terminal.Addresses(p), ascii.Shown(networks.Path(p).String(), maxShownPath))
		t.Summary(style, "%s", strings.TrimRight(line, " "))
	}
	if more := networks.Len() - shown; more > 0 {
		t.Summary(terminal.Faint, "    %s and %s more; --verbose lists them", sign, terminal.Grouped(uint64(more)))
	}
}

// SourceChange is the difference that one source makes under one action.
type SourceChange struct {
	plan.Change
	Title string // names the source and the action
	About string // what is written about the source; empty: nothing
}

// Changes gives the difference of a plan in its order, with what is written about the sources.
func Changes(l *run.List, p *plan.Plan) (changes []SourceChange) {
	about := map[string]string{}
	for _, s := range l.Sources {
		about[s.Source.Name] = s.Life.String()
	}
	for _, c := range p.Difference() {
		one := SourceChange{Change: c, Title: "all sources"}
		if c.Source != "" {
			one.Title, one.About = fmt.Sprintf("%s %s", c.Source, c.Action), about[c.Source]
		}
		changes = append(changes, one)
	}
	return changes
}

// Counts gives the numbers of networks that came and went, and of their IPv4 addresses.
func (g SourceChange) Counts() string {
	var parts []string
	for _, side := range []struct {
		verb     string
		networks plan.Networks
	}{{"came", g.Added}, {"went", g.Removed}} {
		if n := side.networks.Len(); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", terminal.Grouped(uint64(n)), side.verb, size(side.networks)))
		}
	}
	return strings.Join(parts, ", ")
}

// size gives the IPv4 addresses of networks, or where there are none the number of IPv6 networks, whose addresses nobody counts.
func size(networks plan.Networks) string {
	n := allowlist.CountAddresses(networks.Networks()).IPv4
	if n == 0 {
		return terminal.Counted(uint64(networks.Len()), "IPv6 network", "IPv6 networks")
	}
	return terminal.Counted(n, "IPv4 address", "IPv4 addresses")
}
