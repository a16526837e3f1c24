package explain

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
	"mailallow/cmd/mailallow/internal/terminal"
)

// tellOverruled names the hand-written keys that overrule the list.
func tellOverruled(t *terminal.Terminal, d addressDocument) {
	for _, target := range d.Targets {
		for _, k := range target.Keys {
			if k.HandWritten && k.Key == target.Sendmail.Relay.Key && !strings.EqualFold(strings.TrimSpace(k.Value), d.Action) {
				line(t, terminal.Red, 2, "but", "%s %s decides: written by hand, line %d of %s", k.Key, k.Value, k.Line, filepath.Base(target.Path))
			}
		}
	}
}

// tellSendmail writes the keys that match and decide, and the results of the rulesets.
func tellSendmail(t *terminal.Terminal, target targetDocument, d addressDocument) {
	s := target.Sendmail
	deciding := map[string]bool{s.Relay.Key: true, s.Rcpt.Key: true}
	for i, k := range target.Keys {
		if i == maxShown {
			line(t, terminal.Faint, 4, "", "and %s more that are not reached; --json has all", ascii.Count(len(target.Keys)-i))
			break
		}
		label, style, more := "key", terminal.Plain, ""
		if !deciding[k.Key] {
			label, style = "not reached", terminal.Faint
		}
		if k.HandWritten {
			more = ", written by hand"
		}
		line(t, style, 4, label, "%s %s, line %d%s", k.Key, k.Value, k.Line, more)
	}
	if len(target.Keys) == 0 {
		line(t, terminal.Plain, 4, "key", "none matches")
	}
	if len(target.Keys) > 0 && target.Keys[0].By == byName {
		line(t, terminal.Plain, 4, "name", "taken to be %s; Sendmail knows it by its PTR record, if that leads back to the address", d.Name)
	}
	if n := len(target.NameKeys); n > 0 {
		first := target.NameKeys[0]
		which := fmt.Sprintf("%s (line %d)", first.Key, first.Line)
		if n > 1 {
			which = fmt.Sprintf("one of %d keys written by hand, such as %s", n, which)
		}
		line(t, terminal.Plain, 4, "name", "if the client's name is in %s, that key decides first in check_relay: try --name HOST", which)
	}
	v6 := netip.MustParseAddr(d.Address).Is6()
	line(t, relayStyle(s.Relay), 4, "check_relay", "%s", s.relay(s.Relay, v6))
	if s.WithSkip != nil {
		line(t, relayStyle(*s.WithSkip), 4, "", "where access_db has skip: %s", s.relay(*s.WithSkip, v6))
	}
	switch {
	case s.Relay.stops():
	case s.Rcpt.Relays && s.Rcpt.Key == "":
		line(t, terminal.Plain, 4, "check_rcpt", "relays to anywhere: it is this host itself")
	case s.Rcpt.Relays:
		line(t, terminal.Yellow, 4, "check_rcpt", "relays to anywhere, by %s", s.Rcpt.Key)
	default:
		line(t, terminal.Plain, 4, "check_rcpt", "does not relay: a foreign recipient gets 550 Relaying denied")
	}
}

func relayStyle(r relayDocument) terminal.Style {
	switch r.Outcome {
	case sendmail.Accepted:
		return terminal.Green
	case sendmail.Undecided:
		return terminal.Plain
	}
	return terminal.Red
}

// relay describes the result of check_relay, which asks the stock DNSBLs about IPv4 only,
// and with delay_checks runs at RCPT (docs/facts.md 4).
func (s *sendmailDocument) relay(r relayDocument, v6 bool) string {
	lists := ""
	if len(s.DNSBLs) > 0 {
		lists = " (" + strings.Join(s.DNSBLs, ", ") + ")"
	}
	when := ", at the connection; with delay_checks at RCPT"
	if s.DelayChecks != nil {
		when = map[bool]string{false: ", at the connection", true: ", at RCPT (delay_checks)"}[*s.DelayChecks]
	}
	known := s.DNSBLs != nil
	switch r.Outcome {
	case sendmail.Accepted:
		switch {
		case v6:
			return "accepted; the stock DNSBLs are not asked about IPv6 in any case"
		case known && lists == "":
			return "accepted; sendmail.cf has no DNSBL"
		}
		return "accepted, past the DNSBLs" + lists
	case sendmail.Refused:
		return fmt.Sprintf("refused with %q%s", r.Reply, when)
	case sendmail.Discarded:
		return "its mail is taken and thrown away" + when
	case sendmail.Quarantined:
		return fmt.Sprintf("its mail goes into quarantine: %q%s", r.Reply, when)
	}
	switch {
	case v6:
		return "does not decide; the stock DNSBLs are not asked about IPv6, so the client passes"
	case known && lists == "":
		return "does not decide, and sendmail.cf has no DNSBL, so the client passes"
	}
	return "does not decide: the DNSBLs" + lists + " are asked, and one that lists the client refuses it"
}

// effects gives the words for the effect of a line in a list of main.cf.
func effects() map[postfix.Doing]string {
	return map[postfix.Doing]string{
		postfix.EndsList:    "permit ends this list, and no other",
		postfix.RelaysToAll: "permit lets it relay to anywhere: nothing before it refuses foreign recipients",
		postfix.Member:      "it is one of mynetworks: permit_mynetworks lets it relay to anywhere",
		postfix.NotMember:   "it is kept out of mynetworks",
		postfix.Exempt:      "it passes postscreen without a test, its DNSBLs too",
		postfix.Refuses:     "it is refused",
		postfix.OnlyLogs:    "a refusal is only logged (warn_if_reject)",
		postfix.GoesOn:      "no line: the restrictions behind it are asked",
		postfix.NotAsked:    "is not asked about the client's address there",
	}
}

// tableMeans describes the effect of a line in general, for an unknown main.cf.
func tableMeans(use format.Use, value string) string {
	switch {
	case use == format.UseNone:
		return ""
	case use == format.UseMyNetworks:
		return "it is one of mynetworks: permit_mynetworks lets it relay to anywhere"
	case strings.EqualFold(value, "reject"):
		return "it is refused where the table is named"
	case use == format.UsePostscreen:
		return "it passes postscreen without a test, its DNSBLs too; smtpd still asks its own"
	}
	return "permit ends the one restriction list that names the table, and no other"
}

// tellTableLine writes the line of a table, and its effect where main.cf names the table.
func tellTableLine(t *terminal.Terminal, target targetDocument) {
	value := ""
	if target.Line == nil {
		line(t, terminal.Plain, 4, "line", "none holds it")
	} else {
		value = target.Line.Value
		line(t, terminal.Plain, 4, fmt.Sprintf("line %d", target.Line.Line), "%s", strings.TrimSpace(target.Line.Network+" "+value))
	}
	switch {
	case target.Postfix == nil:
		if means := tableMeans(target.format.Use, value); target.Line != nil && means != "" {
			line(t, terminal.Plain, 4, "Postfix", "%s", means)
		}
		return
	case len(target.Postfix) == 0:
		line(t, terminal.Yellow, 4, "Postfix", "main.cf does not name this table: it has no effect")
	}
	for _, e := range target.Postfix {
		style, text := terminal.Plain, effects()[e.Effect]
		if e.Effect == postfix.RelaysToAll || e.Effect == postfix.Member {
			style = terminal.Yellow
		}
		if e.Class != "" {
			text += ", where class " + e.Class + " is asked"
		}
		if len(e.DNSBLs) > 0 {
			text += "; asked before it: " + strings.Join(e.DNSBLs, ", ")
		}
		line(t, style, 4, "Postfix", "%s: %s", e.List, text)
	}
	for _, a := range target.StillAsked {
		line(t, terminal.Yellow, 4, "DNSBLs", "asked in %s: %s", a.List, strings.Join(a.DNSBLs, ", "))
	}
}
