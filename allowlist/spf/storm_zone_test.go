package spf

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"mailallow/fixtures"
)

// poisoned gives the addresses in forged answers, and some near the filler.
func poisoned() []netip.Addr {
	return []netip.Addr{
		netip.MustParseAddr(fixtures.PoisonIPv4), netip.MustParseAddr(fixtures.PoisonIPv6),
		netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("198.51.100.107"),
	}
}

// filler holds terms that make a record too long for a datagram.
var filler = func() string {
	var b strings.Builder
	for i := range 80 {
		fmt.Fprintf(&b, " ip4:198.51.100.%d", i)
	}
	return b.String()
}()

// drawn draws one in oneIn of the names of a drawn zone.
func drawn(draw func(int) int, oneIn int) map[string]bool {
	names := map[string]bool{}
	for _, name := range []string{"a.test", "b.test", "c.test", "in-addr.test", "ip6.test", "h1.test", "h2.test", "v.in-addr", "v.ip6"} {
		names[name] = draw(oneIn-1) == 0
	}
	return names
}

// drawVersion draws a zone and makes the records of some names long. Most drawn zones have an error, so it draws up to
// five times for one without.
func drawVersion(draw func(int) int, long map[string]bool) *fakeDNS {
	d := drawZone(draw)
	for range 4 {
		if Walk(context.Background(), d, "a.test", DefaultLimits()).Error == OK {
			break
		}
		d = drawZone(draw)
	}
	for name, texts := range d.txt {
		if long[name] {
			texts[1] = strings.Replace(texts[1], "v=spf1", "v=spf1"+filler, 1)
		}
	}
	return d
}

// changed gives a zone with about half of the answers of each of two others.
func changed(from, to *fakeDNS, draw func(int) int) *fakeDNS {
	d := newFakeDNS()
	name := func(name string) string { return name }
	mix(d.txt, from.txt, to.txt, name, draw)
	mix(d.mx, from.mx, to.mx, name, draw)
	mix(d.a, from.a, to.a, name, draw)
	mix(d.aaaa, from.aaaa, to.aaaa, name, draw)
	mix(d.broken, from.broken, to.broken, question.String, draw)
	return d
}

// mix takes each value of d from one of two maps. It sorts the keys, so that the same draws give the same map.
func mix[K comparable, V any](d, from, to map[K]V, order func(K) string, draw func(int) int) {
	both := maps.Clone(from)
	maps.Copy(both, to)
	for _, key := range slices.SortedFunc(maps.Keys(both), func(a, b K) int { return cmp.Compare(order(a), order(b)) }) {
		if draw(1) == 0 {
			d[key] = from[key]
		} else {
			d[key] = to[key]
		}
	}
}

// zone gives d in the notation of fixtures.DNS. Aliases have a chain of CNAMEs before their records. A name in loops has
// a loop of CNAMEs instead, which zone adds to d.broken.
func (d *fakeDNS) zone(aliases, loops map[string]bool) string {
	var b strings.Builder
	for name := range aliases {
		if loops[name] {
			fmt.Fprintf(&b, "%s CNAME one.%[1]s.alias\none.%[1]s.alias CNAME %[1]s\n", name)
			aliases[name] = true
			for _, kind := range []string{"TXT", "MX", "A", "AAAA"} {
				d.broken[question{kind, name}] = true
			}
		} else if aliases[name] {
			fmt.Fprintf(&b, "%s CNAME one.%[1]s.alias\none.%[1]s.alias CNAME two.%[1]s.alias\n", name)
		}
	}
	at := func(name string) string {
		if aliases[name] {
			return "two." + name + ".alias"
		}
		return name
	}
	for name, texts := range d.txt {
		for _, text := range texts {
			fmt.Fprintf(&b, "%s TXT", at(name))
			for part := range slices.Chunk([]byte(text), 255) {
				fmt.Fprintf(&b, " %q", part)
			}
			b.WriteString("\n")
		}
	}
	for name, hosts := range d.mx {
		for i, host := range hosts {
			fmt.Fprintf(&b, "%s MX %d %s\n", at(name), i, host)
		}
	}
	for kind, records := range map[string]map[string][]netip.Addr{"A": d.a, "AAAA": d.aaaa} {
		for name, addrs := range records {
			for _, addr := range addrs {
				fmt.Fprintf(&b, "%s %s %s\n", at(name), kind, addr)
			}
		}
	}
	return b.String()
}

// aliasOf gives the name whose chain of CNAMEs, as in zone, leads to name. A name that is in no chain is its own. Where
// a resolver gives one link at a time, the last link may be asked for after a change that broke the name.
func aliasOf(name string) string {
	if chained, in := strings.CutSuffix(name, ".alias"); in {
		_, name, _ = strings.Cut(chained, ".")
	}
	return name
}

// canonical gives the answer to a question, in one form for equal answers.
func (d *fakeDNS) canonical(q question) string {
	addrs := map[string]map[string][]netip.Addr{"A": d.a, "AAAA": d.aaaa}[q.kind][q.name]
	addrs = slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare)
	switch q.kind {
	case "TXT":
		return fmt.Sprintf("%q", slices.Sorted(slices.Values(d.txt[q.name])))
	case "MX":
		return fmt.Sprintf("%q", d.mx[q.name])
	}
	return fmt.Sprint(slices.Compact(addrs))
}
