package main

import (
	"fmt"
	"strings"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	explainLabel = 13 // columns of what stands before a text, with the gap behind it
	maxExplained = 5  // matches, keys or differences that are told of; JSON has all
)

// leaf writes a line of an explanation: a label and a text, which goes on below itself.
func leaf(t *terminal.Terminal, style terminal.Style, indent int, label, format string, args ...any) {
	margin := strings.Repeat(" ", indent)
	text := terminal.Wrap(fmt.Sprintf(format, args...), max(t.Width()-indent-explainLabel, 2*terminal.Narrowest))
	for i, line := range text {
		if i > 0 {
			label = ""
		}
		t.Data(style, "%s%s", margin, strings.TrimRight(fmt.Sprintf("%-*s%s", explainLabel, label, line), " "))
	}
}

// tell writes an explanation for people.
func (x *explaining) tell(t *terminal.Terminal, doc *explainDocument) {
	for i, d := range doc.Addresses {
		if i > 0 {
			t.Data(terminal.Plain, "")
		}
		x.tellAddress(t, d)
	}
}

func (x *explaining) tellAddress(t *terminal.Terminal, d explainedDocument) {
	tellVerdict(t, d, x.explain != nil)
	tellOverruled(t, d)
	if d.Without != nil {
		leaf(t, terminal.Plain, 2, "without it", "%s by %s", d.Without.Action, byWhom(*d.Without))
	}
	for i, m := range d.others() {
		if i == maxExplained {
			leaf(t, terminal.Faint, 2, "", "and %d more; --json has all", len(d.others())-i)
			break
		}
		leaf(t, terminal.Plain, 2, "also in", "%s %s%s: %s", m.Source, m.Action, statusMark(m.Status), withPrefix(m.Path, m.Prefix))
	}
	for _, n := range d.Nearest {
		verb := "begins"
		if n.Side == "below" {
			verb = "ends"
		}
		leaf(t, terminal.Plain, 2, "nearest", "%s %s: %s %s %s %s, at %s", n.Source, n.Action, n.Prefix, verb, n.Distance, n.Side, n.Edge)
	}
	if len(d.Matches) == 0 {
		x.tellUnlisted(t, d)
	}
	for _, target := range d.Targets {
		tellExplainedTarget(t, target, d)
	}
}

// tellVerdict writes the first line: the address, the action, and who put it there.
func tellVerdict(t *terminal.Terminal, d explainedDocument, hasList bool) {
	styles := map[string]terminal.Style{"OK": terminal.Green, "RELAY": terminal.Yellow, "REJECT": terminal.Red, "EXCLUDE": terminal.Red}
	head := d.Address
	if strings.EqualFold(strings.TrimSuffix(d.Argument, "."), d.Name) && d.Name != "" {
		head += " (" + d.Argument + ")"
	}
	switch {
	case d.Action != "":
		head += "  " + d.Action + "  by " + byWhom(d.decidingDocument)
		if first, ok := d.first(); ok {
			head += statusMark(first.Status)
		}
	case hasList:
		head += "  in no source"
	}
	style, ok := styles[d.Action]
	if !ok {
		style = terminal.Bold
	}
	for i, line := range terminal.Wrap(head, t.Width()-4) {
		margin := ""
		if i > 0 {
			margin = "    "
		}
		t.Data(style, "%s%s", margin, line)
	}
}

// byWhom names all who gave a prefix its action, each with its first path.
func byWhom(d decidingDocument) string {
	var all []string
	for _, o := range d.Sources {
		text := o.Name + ": " + withPrefix(o.Paths[0], d.Prefix)
		if more := len(o.Paths) - 1; more > 0 {
			text += fmt.Sprintf(" (and %d more)", more)
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// withPrefix is a path, and the prefix where no step of the path is it: that of an mx ends in the name of a host.
func withPrefix(path, prefix string) string {
	if strings.HasSuffix(path, prefix) || strings.HasSuffix(path, strings.TrimSuffix(strings.TrimSuffix(prefix, "/32"), "/128")) {
		return path
	}
	return path + " (" + prefix + ")"
}

// first is the range that the first line names.
func (d explainedDocument) first() (matchDocument, bool) {
	for _, m := range d.Matches {
		if m.Action == d.Action && len(d.Sources) > 0 && m.Source == d.Sources[0].Name {
			return m, true
		}
	}
	return matchDocument{}, false
}

// others are the ranges that neither the first line names nor the one of what would decide without the exclusion.
func (d explainedDocument) others() (others []matchDocument) {
	first, _ := d.first()
	for _, m := range d.Matches {
		told := d.Without != nil && m.Source == d.Without.Sources[0].Name && m.Action == d.Without.Action
		if m != first && !told {
			others = append(others, m)
		}
	}
	return others
}

// statusMark stands behind a source whose ranges are not those of now.
func statusMark(s allowlist.Status) string {
	if s == allowlist.Fresh || s == "" {
		return ""
	}
	return fmt.Sprintf(" (%s: its last good ranges)", s)
}

// tellUnlisted tells of an address in no source who in the catalogue sends from it, and which sources it may be in all
// the same, were they known.
func (x *explaining) tellUnlisted(t *terminal.Terminal, d explainedDocument) {
	if x.list != nil {
		for _, s := range x.list.sources {
			if s.Status != allowlist.Fresh {
				leaf(t, terminal.Yellow, 2, "not known", "source %q is %s: as it is now it may hold this address", s.Source.Name, s.Status)
			}
		}
	}
	for _, p := range d.Providers {
		leaf(t, terminal.Cyan, 2, "catalogue", "%s (%s) sends from it: %s, as of %s", p.Name, p.Title, withPrefix(p.Path, p.Prefix), p.Date)
		if p.Configured != "" {
			leaf(t, terminal.Plain, 2, "", "source %q names it, and does not hold this address now", p.Configured)
			continue
		}
		leaf(t, terminal.Plain, 2, "", "to let its mail in past the DNSBLs:")
		for line := range strings.Lines(p.Source) {
			t.Data(terminal.Plain, "    %s", strings.TrimSuffix(line, "\n"))
		}
	}
	if len(d.Providers) == 0 {
		leaf(t, terminal.Plain, 2, "catalogue", "no provider in it sends from this address")
	}
}

func tellExplainedTarget(t *terminal.Terminal, target explainedTarget, d explainedDocument) {
	t.Data(terminal.Bold, "  %s (%s)", target.Path, target.Format)
	for _, p := range target.Problems {
		leaf(t, terminal.Red, 4, "no plan", "%s: %s", terminal.Place(target.Path, p.Line), p.Text)
	}
	if len(target.Problems) > 0 {
		return
	}
	if target.LeftAlone {
		leaf(t, terminal.Yellow, 4, "left alone", "too little is known of the sources: it stays as it is, and that is what is explained")
	}
	if target.Sendmail != nil {
		tellSendmail(t, target, d)
	} else {
		tellTableLine(t, target)
	}
	if len(target.Pending) > 0 {
		leaf(t, terminal.Yellow, 4, "not yet", "%s: 'mailallow update' writes it", differences(target.Pending))
	}
	for _, live := range target.Live {
		switch {
		case live.Error != "":
			leaf(t, terminal.Yellow, 4, "live", "%s: not known: %s", live.By, live.Error)
		case len(live.Differs) > 0:
			leaf(t, terminal.Red, 4, "live", "%s differs from the plan: %s", live.By, differences(live.Differs))
		default:
			leaf(t, terminal.Green, 4, "live", "%s says what the plan says", live.By)
		}
		if s := target.Sendmail; live.Relays != nil && s != nil && !s.Relay.stops() && *live.Relays != s.Rcpt.Relays {
			leaf(t, terminal.Red, 4, "", "its Relay_ok %s, and the plan's keys do not say so", map[bool]string{
				true: "lets it relay to anywhere", false: "does not let it relay"}[*live.Relays])
		}
	}
}

// differences are keys with what is installed and what is planned.
func differences(all []accessmap.KeyDifference) string {
	var parts []string
	for i, d := range all {
		if i == maxExplained {
			parts = append(parts, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		there, plan := d.Installed+" there", d.Planned
		if d.Installed == "" {
			there = "not there"
		}
		if d.Planned == "" {
			plan = "nothing"
		}
		parts = append(parts, fmt.Sprintf("%s is %s and %s in the plan", d.Key, there, plan))
	}
	return strings.Join(parts, "; ")
}
