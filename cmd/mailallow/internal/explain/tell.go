package explain

import (
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	labelWidth = 13 // columns of a label, with the gap behind it
	maxShown   = 5  // matches, keys or differences of one kind; JSON has all
)

// line writes a label and a text, which is wrapped below itself.
func line(t *terminal.Terminal, style terminal.Style, indent int, label, format string, args ...any) {
	margin := strings.Repeat(" ", indent)
	text := terminal.Wrap(fmt.Sprintf(format, args...), max(t.Width()-indent-labelWidth, 2*terminal.Narrowest))
	for i, part := range text {
		if i > 0 {
			label = ""
		}
		t.Data(style, "%s%s", margin, strings.TrimRight(fmt.Sprintf("%-*s%s", labelWidth, label, part), " "))
	}
}

// tell writes an explanation for people.
func (x *explanation) tell(t *terminal.Terminal, doc *document) {
	for i, d := range doc.Addresses {
		if i > 0 {
			t.Data(terminal.Plain, "")
		}
		x.tellAddress(t, doc, d)
	}
}

func (x *explanation) tellAddress(t *terminal.Terminal, doc *document, d addressDocument) {
	tellVerdict(t, d, x.explain != nil)
	tellOverruled(t, d)
	if d.Since != nil {
		line(t, terminal.Plain, 2, "since", "%s", d.Since.text)
	}
	if d.Without != nil {
		line(t, terminal.Plain, 2, "without it", "%s by %s", d.Without.Action, owners(*d.Without))
	}
	for i, m := range d.others() {
		if i == maxShown {
			line(t, terminal.Faint, 2, "", "and %s more; --json has all", ascii.Count(len(d.others())-i))
			break
		}
		line(t, terminal.Plain, 2, "also in", "%s %s%s: %s", m.Source, m.Action, statusMark(m.Status), withPrefix(m.Path, m.Prefix))
	}
	x.tellAbout(t, d)
	for _, n := range d.Nearest {
		verb := "begins"
		if n.Side == "below" {
			verb = "ends"
		}
		line(t, terminal.Plain, 2, "nearest", "%s %s: %s %s %s %s, at %s", n.Source, n.Action, n.Prefix, verb, n.Distance, n.Side, n.Edge)
	}
	if len(d.Matches) == 0 && doc.At == nil {
		x.tellUnlisted(t, d)
	}
	for _, target := range d.Targets {
		tellTarget(t, target, d)
	}
	for _, server := range d.Servers {
		tellServer(t, server)
	}
}

// tellVerdict writes the first line: the address, the action, and the sources behind it.
func tellVerdict(t *terminal.Terminal, d addressDocument, hasList bool) {
	styles := map[string]terminal.Style{"OK": terminal.Green, "RELAY": terminal.Yellow, "REJECT": terminal.Red, "EXCLUDE": terminal.Red}
	head := d.Address
	if strings.EqualFold(strings.TrimSuffix(d.Argument, "."), d.Name) && d.Name != "" {
		head += " (" + d.Argument + ")"
	}
	switch {
	case d.Action != "":
		head += "  " + d.Action + "  by " + owners(d.decidingDocument)
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
	for i, part := range terminal.Wrap(head, t.Width()-4) {
		margin := ""
		if i > 0 {
			margin = "    "
		}
		t.Data(style, "%s%s", margin, part)
	}
}

// tellAbout writes what is written about the sources that hold the address.
func (x *explanation) tellAbout(t *terminal.Terminal, d addressDocument) {
	if x.list == nil {
		return
	}
	for _, s := range x.list.Sources {
		holds := slices.ContainsFunc(d.Matches, func(m matchDocument) bool { return m.Source == s.Source.Name })
		if about := s.Life.String(); holds && about != "" {
			line(t, terminal.Plain, 2, "about", "%s: %s", s.Source.Name, about)
		}
	}
}

// owners names the sources that gave a prefix its action, each with its first path.
func owners(d decidingDocument) string {
	var all []string
	for _, o := range d.Sources {
		text := o.Name + ": " + withPrefix(o.Paths[0], d.Prefix)
		if more := len(o.Paths) - 1; more > 0 {
			text += " (and " + ascii.Count(more) + " more)"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// withPrefix is a path, and the prefix where the path does not end in it: that of an mx
// ends in a host name.
func withPrefix(path, prefix string) string {
	if strings.HasSuffix(path, prefix) || strings.HasSuffix(path, strings.TrimSuffix(strings.TrimSuffix(prefix, "/32"), "/128")) {
		return path
	}
	return path + " (" + prefix + ")"
}

// first gives the range that the first line names.
func (d addressDocument) first() (matchDocument, bool) {
	for _, m := range d.Matches {
		if m.Action == d.Action && len(d.Sources) > 0 && m.Source == d.Sources[0].Name {
			return m, true
		}
	}
	return matchDocument{}, false
}

// others gives the ranges that tellAddress has not named: neither the first one, nor the
// one that would decide without the exclusion.
func (d addressDocument) others() (others []matchDocument) {
	first, _ := d.first()
	for _, m := range d.Matches {
		named := d.Without != nil && m.Source == d.Without.Sources[0].Name && m.Action == d.Without.Action
		if m != first && !named {
			others = append(others, m)
		}
	}
	return others
}

// statusMark marks a source whose ranges are not fresh.
func statusMark(s guard.Status) string {
	if s == guard.Fresh || s == "" {
		return ""
	}
	return fmt.Sprintf(" (%s: its last good ranges)", s)
}

// tellUnlisted names, for an address in no source, the providers that send from it, and
// the sources whose current ranges are not known and may hold it.
func (x *explanation) tellUnlisted(t *terminal.Terminal, d addressDocument) {
	if x.list != nil {
		for _, s := range x.list.Sources {
			switch s.Status {
			case guard.Fresh:
			case guard.Ended:
				line(t, terminal.Plain, 2, "ended", "source %q %s: what it held is out of the list", s.Source.Name, s.Standing())
			default:
				line(t, terminal.Yellow, 2, "not known", "source %q is %s: its current ranges may hold this address", s.Source.Name, s.Status)
			}
		}
	}
	for _, p := range d.Providers {
		line(t, terminal.Cyan, 2, "catalogue", "%s (%s) sends from it: %s, as of %s", p.Name, p.Title, withPrefix(p.Path, p.Prefix), p.Date)
		if p.Configured != "" {
			line(t, terminal.Plain, 2, "", "source %q names it, and does not hold this address now", p.Configured)
			continue
		}
		line(t, terminal.Plain, 2, "", "to let its mail in past the DNSBLs:")
		for line := range strings.Lines(p.Source) {
			t.Data(terminal.Plain, "    %s", strings.TrimSuffix(line, "\n"))
		}
	}
	if len(d.Providers) == 0 {
		line(t, terminal.Plain, 2, "catalogue", "no provider in it sends from this address")
	}
}

func tellTarget(t *terminal.Terminal, target targetDocument, d addressDocument) {
	t.Data(terminal.Bold, "  %s (%s)", target.Path, target.Format)
	for _, p := range target.Problems {
		line(t, terminal.Red, 4, "no plan", "%s: %s", terminal.Place(target.Path, p.Line), p.Text)
	}
	if len(target.Problems) > 0 {
		return
	}
	if target.LeftAlone {
		line(t, terminal.Yellow, 4, "left alone", "too little is known of the sources: the file stays as it is, and is explained as it is")
	}
	if target.Sendmail != nil {
		tellSendmail(t, target, d)
	} else {
		tellTableLine(t, target)
	}
	if len(target.Pending) > 0 {
		line(t, terminal.Yellow, 4, "not yet", "%s: 'mailallow update%s' writes it", differences(target.Pending), target.flags)
	}
	for _, live := range target.Live {
		switch {
		case live.Error != "":
			line(t, terminal.Yellow, 4, "live", "%s: not known: %s", live.By, live.Error)
		case len(live.Differs) > 0:
			line(t, terminal.Red, 4, "live", "%s differs from the plan: %s", live.By, differences(live.Differs))
		default:
			line(t, terminal.Green, 4, "live", "%s agrees with the plan", live.By)
		}
		if s := target.Sendmail; live.Relays != nil && s != nil && !s.Relay.stops() && *live.Relays != s.Rcpt.Relays {
			line(t, terminal.Red, 4, "", "its Relay_ok %s, and the plan's keys do not say so", map[bool]string{
				true: "lets it relay to anywhere", false: "does not let it relay"}[*live.Relays])
		}
	}
}

// differences lists keys with their installed and their planned value.
func differences(all []sendmail.KeyDifference) string {
	var parts []string
	for i, d := range all {
		if i == maxShown {
			parts = append(parts, "and "+ascii.Count(len(all)-i)+" more")
			break
		}
		installed, plan := d.Installed+" there", d.Planned
		if d.Installed == "" {
			installed = "not there"
		}
		if d.Planned == "" {
			plan = "nothing"
		}
		parts = append(parts, fmt.Sprintf("%s is %s and %s in the plan", d.Key, installed, plan))
	}
	return strings.Join(parts, "; ")
}
