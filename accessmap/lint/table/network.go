package table

import (
	"fmt"
	"net/netip"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
)

// letsIn reports whether the line lets its addresses in: by its value, and in mynetworks by being there.
func (l *linter) letsIn(line *textLine) bool {
	if l.use == format.UseExclusion {
		return false
	}
	word, _ := line.words()
	switch strings.ToLower(word) {
	case "permit", "ok", "relay", "permit_mynetworks", "permit_auth_destination":
		return true
	}
	return l.use == format.UseMyNetworks
}

// words gives the first word of the value, and the rest of it.
func (line *textLine) words() (word, rest string) {
	end := strings.IndexAny(line.value, " \t")
	if end < 0 {
		return line.value, ""
	}
	return line.value[:end], strings.TrimLeft(line.value[end:], " \t")
}

// wide finds lines that let in more public addresses than one network of the guard's limit.
func wide(l *linter, line *textLine) []rule.Finding {
	p := line.network
	if n := len(l.open); n > 0 && !l.open[n-1].negated && l.open[n-1].network.Bits() > p.Bits() {
		p = l.open[n-1].network // the if lets no other addresses through
	}
	opens := l.use == format.UseMyNetworks && rule.Open(p)
	if !l.letsIn(line) || !l.Limits.Wide(p) && !opens {
		return nil
	}
	return []rule.Finding{l.letsInAll(line, rule.Shown(line.pattern)+": this is "+rule.Size(p), opens)}
}

// allBut finds lines that let in all but a network. One within an if lets in no more than the if does.
func allBut(l *linter, line *textLine) []rule.Finding {
	if !line.negated || line.skipped || !l.letsIn(line) || len(l.open) > 0 && !l.open[len(l.open)-1].negated {
		return nil
	}
	return []rule.Finding{l.letsInAll(line, "!"+rule.Shown(line.pattern)+": this is every address but these", l.use == format.UseMyNetworks)}
}

// letsInAll says what it means that a line lets in so many addresses. opens: the server is an open relay by it.
func (l *linter) letsInAll(line *textLine, addresses string, opens bool) rule.Finding {
	effect := "is let in"
	if l.use == format.UseMyNetworks {
		effect = "may relay through this server"
	}
	f := line.Found(addresses+": whoever sends from there "+effect, "write the networks that are meant")
	if opens {
		f = rule.OpenRelay().Own(f)
	}
	return f
}

// special finds networks that lie in special-purpose space, in a table that lets other networks in. A table of such networks alone
// is about one's own, and so is mynetworks.
func special(l *linter, line *textLine) []rule.Finding {
	p := line.network
	if !l.outside || l.use == format.UseMyNetworks || p.IsSingleIP() || p.Addr().IsLoopback() || !rule.Special(p) || rule.IsExample(p) || !l.letsIn(line) {
		return nil
	}
	return []rule.Finding{line.Found(fmt.Sprintf("%s: special-purpose space, from which no mail of others comes, among networks of others", rule.Shown(line.pattern)),
		"remove it, unless it is a network of yours")}
}

// permitsOutside reports whether a line that Postfix reads lets in a network that is not special-purpose space.
func (l *linter) permitsOutside() bool {
	for _, h := range l.healthy {
		if !h.prefix.IsSingleIP() && !rule.Special(h.prefix) && l.letsIn(h.textLine) {
			return true
		}
	}
	return false
}

// sharedRelay finds hosts that send for many customers in a table of mynetworks.
func sharedRelay(l *linter, line *textLine) []rule.Finding {
	if l.use != format.UseMyNetworks || l.Shared == nil || l.Limits.Wide(line.network) {
		return nil
	}
	title := l.Shared(line.network)
	if title == "" {
		return nil
	}
	return []rule.Finding{line.Found(fmt.Sprintf("%s: it holds hosts of %s: in mynetworks each of their customers may relay through this server", rule.Shown(line.pattern), title),
		"remove it, and let their mail in with a table that permits them")}
}

// hold is the reason why --fix leaves a line that Postfix does not read: with it others would relay.
type hold struct{ why, advice string }

// holds finds the reason to hold a line with these networks; nil: there is none.
func (l *linter) holds(line *textLine, networks []netip.Prefix) *hold {
	if l.use != format.UseMyNetworks && !(l.Relays && l.letsIn(line)) {
		return nil
	}
	if word, _ := line.words(); l.use == format.UseMyNetworks && refusal().MatchString(word) {
		return &hold{"its value is meant to keep these hosts out, and in mynetworks they could relay through this server", listAround}
	}
	if line.negated {
		return &hold{"it stands for all other networks, and every host in them could relay through this server", "write the networks that are meant"}
	}
	for _, p := range networks {
		hosts, wide := l.Others(p)
		if hosts == "" {
			continue
		}
		h := &hold{hosts + " could relay through this server", "write the networks that are meant"}
		if !wide {
			h.advice = "remove it, and let their mail in with a table that smtpd reads where it decides about clients alone"
			for _, p := range networks {
				h.advice += "\n" + p.String() + "\tpermit"
			}
		}
		return h
	}
	return nil
}

// opens finds the reason to hold an endif: without it Postfix reads the lines below for some clients only. It goes on where the last
// call ended, because there may be as many endifs as lines.
func (l *linter) opens(endif *textLine) *hold {
	for l.opened = max(l.opened, endif.Number); l.opened < len(l.lines); l.opened++ {
		line := l.lines[l.opened]
		if p, ok := postfix.ParsePattern(line.pattern); ok && line.word == "" && !line.skipped {
			if found := l.holds(line, []netip.Prefix{p}); found != nil {
				return &hold{fmt.Sprintf("line %d: %s", line.Number, found.why), "first correct that line; then write endif"}
			}
		}
	}
	return nil
}

var mappedNetwork = netip.MustParsePrefix("::ffff:0:0/96")

// mapped finds IPv4-mapped networks. Postfix takes the address of such a client for IPv4 (docs/facts.md 31).
func mapped(_ *linter, line *textLine) []rule.Finding {
	p := line.network
	if !mappedNetwork.Contains(p.Addr()) || p.Bits() < mappedNetwork.Bits() {
		return nil
	}
	plain := netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedNetwork.Bits())
	fix := "write " + strings.TrimSuffix(plain.String(), "/32") + "\t" + line.value
	if plain.Bits() == 0 { // it is meant to keep such addresses out, and not all of IPv4
		fix = "remove it"
	}
	return []rule.Finding{line.Found(rule.Shown(line.pattern)+": Postfix takes an IPv4-mapped client for an IPv4 client: this line never matches", fix)}
}

// valueComment finds a comment after a value: Postfix takes it for a part of the value (docs/facts.md 28).
func valueComment(l *linter, line *textLine) []rule.Finding {
	at := strings.IndexByte(line.value, '#')
	if _, rest := line.words(); l.letsIn(line) && (strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, ";")) {
		at = len(line.value) - len(rest)
	}
	if l.use == format.UseMyNetworks || l.use == format.UseExclusion || at < 1 || line.value[at-1] != ' ' && line.value[at-1] != '\t' {
		return nil
	}
	value, comment := strings.TrimRight(line.value[:at], " \t"), line.value[at:]
	word, rest := line.words()
	if rest == comment && line.single() && !line.Changed && l.letsIn(line) {
		line.value = word
		return []rule.Finding{line.Fixed(rule.Shown(line.pattern)+": a cidr table has no comments after a value: the comment is part of it", "# "+strings.TrimLeft(comment, "#/; "), line.entry(line.pattern, word))}
	}
	return []rule.Finding{line.Found(rule.Shown(line.pattern)+": a cidr table has no comments after a value: the comment is part of the text that the client gets",
		"if it is a comment, write it on a line of its own:\n"+comment+"\n"+line.entry(line.pattern, value))}
}
