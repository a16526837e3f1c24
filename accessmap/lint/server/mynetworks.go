package server

import (
	"fmt"
	"net/netip"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
)

// Patterns gives the findings in one of PatternFiles, whose patterns Postfix reads in the place of its path. follow gets each file that
// this one names in the same way, and reports whether that exists.
func Patterns(file string, text []byte, o rule.Options, follow func(file string) bool) []rule.Finding {
	l := newPostfixLinter(&postfix.Main{}, nil, o)
	path, not := strings.CutPrefix(file, "!")
	l.not = not
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		before := len(l.Findings)
		for _, word := range postfix.Patterns(line) {
			l.Each(func(c *postfixChecks) []rule.Finding { return c.network.Of(l, postfix.Item{Name: word}) })
			if named := patternFile(word, l.excludes(word)); named != "" && !follow(named) {
				l.Report(noMap(), noFile("mynetworks", strings.TrimLeft(word, "!")))
			}
		}
		for i := range l.Findings[before:] {
			l.Findings[before+i].File, l.Findings[before+i].Line = path, number
		}
	}
	return l.Findings
}

// excludes reports whether a pattern keeps clients out of mynetworks.
func (l *postfixLinter) excludes(pattern string) bool { return postfix.Excludes(pattern) != l.not }

// member reads a pattern of mynetworks. ok: it is an address or a network, perhaps with host bits, whose hosts are members.
func (l *postfixLinter) member(pattern string) (p netip.Prefix, ok bool) {
	p, ok = postfix.ParsePattern(strings.TrimLeft(pattern, "!"))
	return p, ok && !l.excludes(pattern)
}

// sharedNetwork finds hosts that send for many customers in mynetworks.
func sharedNetwork(l *postfixLinter, item postfix.Item) []rule.Finding {
	p, ok := l.member(item.Name)
	if !ok || p != p.Masked() || l.Shared == nil || l.Limits.Wide(p) {
		return nil
	}
	title := l.Shared(p)
	if title == "" {
		return nil
	}
	return []rule.Finding{{Text: fmt.Sprintf("mynetworks has %s, which holds hosts of %s: each of their customers may relay through this server", item.Name, title),
		Fix: "remove it, and let their mail in with a table that permits them"}}
}

// wideNetwork finds networks in mynetworks that can hardly be one's own.
func wideNetwork(l *postfixLinter, item postfix.Item) []rule.Finding {
	p, ok := l.member(item.Name)
	what := rule.Size(p)
	open := ok && p == p.Masked() && rule.Open(p)
	if strings.HasPrefix(strings.TrimLeft(item.Name, "!"), "static:") && !l.excludes(item.Name) {
		open, what = true, "every address"
	}
	if !open && (!ok || p != p.Masked() || !l.Limits.Wide(p)) {
		return nil
	}
	f := rule.Finding{Text: fmt.Sprintf("mynetworks has %s: this is %s, and every host in it may relay through this server", item.Name, what),
		Fix: "name your own networks there"}
	if open {
		f = rule.OpenRelay().Own(f)
	}
	return []rule.Finding{f}
}

// hostBitsNetwork finds networks in mynetworks for which Postfix refuses the whole list (docs/facts.md 28).
func hostBitsNetwork(_ *postfixLinter, item postfix.Item) []rule.Finding {
	p, ok := postfix.ParsePattern(strings.TrimLeft(item.Name, "!"))
	if !ok || p == p.Masked() {
		return nil
	}
	meant := p.Masked()
	if b := p.Addr().As16(); p.Addr().Is6() && meant.Addr().IsUnspecified() && b[0] == 0 { // fd::/8 for fd00::/8
		b[0], b[1] = b[1], 0
		meant, _ = netip.AddrFrom16(b).Prefix(p.Bits())
	}
	return []rule.Finding{{Text: fmt.Sprintf("mynetworks has %s, with bits of the host set: Postfix cannot read the list, and answers clients with 451", item.Name),
		Fix: "if the network is meant, write " + bracketed(meant)}}
}

// bracketed writes a network as it may stand in main.cf, where an IPv6 address without brackets begins the name of a table.
func bracketed(p netip.Prefix) string {
	if p.Addr().Is4() {
		return p.String()
	}
	return fmt.Sprintf("[%s]/%d", p.Addr(), p.Bits())
}

// noNetwork finds an item that is meant as a network and that Postfix does not read as one. For some it refuses the whole list:
// 10/8, 10.0.0.0/255.0.0.0. Others it takes for names: 10.0.0, 10.0.0.0/24; and the like. An IPv6 address without brackets begins
// the name of a table there, and what begins with a slash is a file with more items.
func noNetwork(_ *postfixLinter, item postfix.Item) []rule.Finding {
	name := strings.TrimLeft(item.Name, "!")
	if name == "" {
		return []rule.Finding{{Text: "mynetworks has " + item.Name + " with nothing behind it: smtpd ends whenever it starts, and no client gets an answer",
			Fix: "write the ! and what it is for without a blank between them"}}
	}
	before, mask, hasMask := strings.Cut(name, "/")
	const refuses = ": Postfix cannot read the list, and answers clients with 451"
	p, ok := postfix.ParsePattern(name)
	if ok && p.Addr().Is6() && name[0] != '[' && p == p.Masked() {
		return []rule.Finding{{Text: "mynetworks has " + item.Name + ", which has no brackets" + refuses, Fix: "write " + bracketed(p)}}
	}
	only := func(text, of string) bool { return strings.Trim(text, of) == "" }
	switch isTable := strings.Contains(before, ":") && before[0] != '[' && !key.IsBareIPv6(before); {
	case ok, isTable, before == "" && !only(mask, "0123456789"), !hasMask && name[0] != '[' && !only(name, "0123456789.*-"):
		return nil
	}
	effect := ": Postfix takes it for a name, which no client has"
	if (hasMask || strings.Contains(name, ":")) && only(name, "0123456789abcdefABCDEF:./[]") {
		effect = refuses
	}
	fix := "write networks as 192.0.2.0/24 or [2001:db8::]/32"
	if p, ok := address.Network(name); ok {
		fix = "write " + bracketed(p.Masked())
	}
	return []rule.Finding{{Text: "mynetworks has " + item.Name + ", which is no network" + effect, Fix: fix}}
}
