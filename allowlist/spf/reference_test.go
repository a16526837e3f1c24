package spf

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// reference is check_host() of RFC 7208 sections 4 and 5 for one address at a time, for comparison with Walk: it splits
// terms with string functions, keeps no results and knows no sets. If a term depends on the sender, it gives every
// possible result.
type reference struct {
	dns   *fakeDNS
	asked string
	cut   bool // a loop cut the evaluation
}

const ( // results, as bits
	refPass = 1 << iota
	refMiss
	refPerm
	refTemp
	refMapped // an IPv4-mapped address in a network: it does not match, and no later term sees it
)

// check returns the possible results for ip and, if no term depends on the sender, the terms that lead to a pass.
func (r *reference) check(ip netip.Addr, domain string, stack []string) (results int, path []string) {
	if slices.Contains(stack, domain) {
		r.cut = true
		return refPerm, nil
	}
	stack = append(slices.Clone(stack), domain)
	record, bad := r.record(domain)
	if bad != 0 {
		return bad, nil
	}
	terms := strings.Fields(record)[1:]
	redirect, all := "", false
	for _, t := range terms {
		if strings.Contains(t, "broken") {
			return refPerm, nil
		}
		all = all || strings.TrimLeft(t, "+-~?") == "all"
		if v, ok := strings.CutPrefix(t, "redirect="); ok {
			redirect = v
		}
	}
	for _, t := range terms {
		if strings.Contains(t, "=") {
			continue
		}
		on := map[byte]int{'-': refMiss, '~': refMiss, '?': refMiss}[t[0]]
		if on == 0 {
			on = refPass
		}
		matches, sub := r.term(ip, domain, strings.TrimLeft(t, "+-~?"), stack)
		results |= matches & (refPerm | refTemp)
		if matches&refPass != 0 {
			results |= on
			path = append([]string{t}, sub...)
		}
		if matches&refMapped != 0 {
			results |= refMiss
		}
		if matches&refMiss == 0 {
			return results, path
		}
	}
	if redirect == "" || all {
		return results | refMiss, path
	}
	if strings.Contains(redirect, "%{i}") {
		return results | refPass | refMiss, nil
	}
	more, sub := r.check(ip, r.expand(redirect, ip, domain), stack)
	if more&refPass != 0 {
		path = append([]string{"redirect=" + redirect}, sub...)
	}
	return results | more, path
}

func (r *reference) record(domain string) (record string, bad int) {
	if r.dns.broken[question{"TXT", domain}] {
		return "", refTemp
	}
	var found []string
	for _, txt := range r.dns.txt[domain] {
		if strings.HasPrefix(txt+" ", "v=spf1 ") {
			found = append(found, txt)
		}
	}
	if len(found) != 1 {
		return "", refPerm // for a target, no record is a permerror
	}
	return found[0], 0
}

// term returns refPass for a match, refMiss for no match, and refMapped.
func (r *reference) term(ip netip.Addr, domain, t string, stack []string) (results int, path []string) {
	name, value, _ := strings.Cut(t, ":")
	name, lengths, _ := strings.Cut(name, "/")
	if name != "ip4" && name != "ip6" && lengths == "" {
		value, lengths, _ = strings.Cut(value, "/")
	}
	if name == "ptr" || strings.Contains(value, "%{i}") {
		return refPass | refMiss, nil
	}
	target := domain
	if value != "" {
		target = r.expand(value, ip, domain)
	}
	matched := false
	switch name {
	case "all":
		matched = true
	case "ip4", "ip6":
		if !strings.Contains(value, "/") {
			value += map[string]string{"ip4": "/32", "ip6": "/128"}[name]
		}
		if matched = netip.MustParsePrefix(value).Contains(ip); matched && ip.Is4In6() {
			return refMapped, nil
		}
	case "a":
		return r.hosts(ip, []string{target}, lengths), nil
	case "mx":
		if r.dns.broken[question{"MX", target}] {
			return refTemp, nil
		}
		return r.hosts(ip, r.dns.mx[target], lengths), nil
	case "exists":
		if r.dns.broken[question{"A", target}] {
			return refTemp, nil
		}
		matched = len(r.dns.a[target]) > 0
	case "include":
		return r.check(ip, target, stack)
	default:
		panic("reference: " + t)
	}
	if matched {
		return refPass, nil
	}
	return refMiss, nil
}

func (r *reference) hosts(ip netip.Addr, hosts []string, lengths string) int {
	four, six, _ := strings.Cut(lengths, "/") // "24", "/64" or "24//64" after the first slash
	kind, zone, bits, length := "A", r.dns.a, 32, four
	if ip.Is6() {
		kind, zone, bits, length = "AAAA", r.dns.aaaa, 128, strings.TrimPrefix(six, "/")
	}
	if length != "" {
		bits, _ = strconv.Atoi(length)
	}
	for _, h := range hosts {
		if r.dns.broken[question{kind, h}] {
			return refTemp
		}
		for _, addr := range zone[h] {
			if !netip.PrefixFrom(addr, bits).Contains(ip) {
				continue
			}
			if ip.Is4In6() {
				return refMapped
			}
			return refPass
		}
	}
	return refMiss
}

func (r *reference) expand(s string, ip netip.Addr, domain string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	v := "in-addr"
	if ip.Is6() {
		v = "ip6"
	}
	return strings.NewReplacer("%{d}", domain, "%{o}", r.asked, "%{v}", v, "%{d1}", domain[strings.LastIndex(domain, ".")+1:]).Replace(s)
}

// drawZone draws five policies that include each other, with hosts, exchanges and failures. draw gives a number from 0 to
// max.
func drawZone(draw func(max int) int) *fakeDNS {
	d := newFakeDNS()
	policies := []string{"a.test", "b.test", "c.test", "in-addr.test", "ip6.test"}
	hosts := []string{"h1.test", "h2.test", "a.test", "v.in-addr", "v.ip6", "nobody.test"}
	pick := func(from ...string) string { return from[draw(len(from)-1)] }
	some := func(n int) bool { return draw(n) == 0 }
	unlistable, loops := !some(2), some(1)
	address := func() string {
		switch draw(8) {
		case 0:
			return fmt.Sprintf("::ffff:192.0.2.%d", draw(40))
		case 1, 2:
			return fmt.Sprintf("2001:db8::%x", draw(40))
		}
		return fmt.Sprintf("192.0.2.%d", draw(40))
	}
	for _, h := range hosts {
		for range draw(2) {
			if addr := netip.MustParseAddr(address()); addr.Is4() {
				d.a[h] = append(d.a[h], addr)
			} else {
				d.aaaa[h] = append(d.aaaa[h], addr)
			}
		}
		if !some(3) {
			d.mx[h] = append(d.mx[h], pick(hosts...), pick(hosts...))
		}
		for _, kind := range []string{"A", "AAAA", "MX"} {
			d.broken[question{kind, h}] = some(40)
		}
	}
	for i, p := range policies {
		next := policies[i+1:]
		if loops || len(next) == 0 {
			next = policies
		}
		target := func() string {
			if some(30) {
				return "none.test"
			}
			if loops && some(4) {
				return "%{v}.test"
			}
			return pick(next...)
		}
		term := func() string {
			switch n := draw(19); {
			case n < 7:
				addr := netip.MustParseAddr(address())
				bits := addr.BitLen() - draw(5)
				if some(20) {
					bits = 0
				}
				return fmt.Sprintf("ip%s:%s/%d", map[bool]string{true: "4", false: "6"}[addr.Is4()], addr, bits)
			case n < 11:
				if len(next) == len(policies) && !loops {
					return "all"
				}
				return "include:" + target()
			case n < 13:
				return pick("a", "mx") + pick("", ":"+pick(hosts...), ":v.%{v}", ":h1.%{d1}") + pick("", "/30", "//126", "/28//120")
			case n < 15:
				return "exists:" + pick(append(hosts, "%{o}", "%{d}", "v.%{v}")...)
			case n < 17 && unlistable:
				return pick("ptr", "exists:%{i}.test", "a:%{i}.test", "include:%{i}.test")
			case n < 18:
				return "all"
			}
			return "ip4:" + fmt.Sprint("192.0.2.", draw(40))
		}
		record := "v=spf1"
		for range draw(6) {
			record += " " + pick("", "", "", "+", "-", "~", "?") + term()
		}
		if some(1) && !(len(next) == len(policies) && !loops) {
			record += " redirect=" + target()
		}
		if some(40) {
			record += " broken"
		}
		d.txt[p] = []string{"other text", record}
		if some(40) {
			d.txt[p] = append(d.txt[p], "v=spf1 -all")
		}
		d.broken[question{"TXT", p}] = some(40)
	}
	return d
}

// samples returns an address in each part of the address space that the networks of a drawn zone divide it into.
func samples() []netip.Addr {
	out := []netip.Addr{
		netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255"),
		netip.MustParseAddr("::"), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	}
	for _, format := range []string{"192.0.2.%d", "2001:db8::%x", "::ffff:192.0.2.%d"} {
		for i := range 70 {
			out = append(out, netip.MustParseAddr(fmt.Sprintf(format, i)))
		}
	}
	for _, edge := range []string{"192.0.1.255", "192.0.3.0", "2001:db7:ffff::", "2001:db8::ff", "2001:db8::100", "2001:db8::1:0",
		"::fffe:ffff:ffff", "::ffff:0:0", "::ffff:ffff:ffff", "::1:0:0:0"} {
		out = append(out, netip.MustParseAddr(edge))
	}
	return out
}

// TestWalkAgainstReference compares Walk with the reference, address by address: the addresses that pass, the terms that
// pass them, and the errors.
func TestWalkAgainstReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawZone(func(max int) int { return rapid.IntRange(0, max).Draw(rt, "n") })
		res := walk(t, d, "a.test")
		lines := differences(d, res, samples())
		if again := walk(t, d, "a.test"); fmt.Sprintf("%+v", again.Ranges)+fmt.Sprint(again.Problems) != fmt.Sprintf("%+v", res.Ranges)+fmt.Sprint(res.Problems) {
			lines = append(lines, "a second walk answers differently")
		}
		if len(lines) > 0 {
			rt.Fatalf("%v\n%s", d, strings.Join(lines, "\n"))
		}
	})
}

// differences compares the result of a walk with the reference, for some addresses.
func differences(d *fakeDNS, res Result, sampled []netip.Addr) (lines []string) {
	ref := &reference{dns: d, asked: res.Domain}
	possible, choices := 0, false
	for _, ip := range sampled {
		results, path := ref.check(ip, res.Domain, nil)
		possible |= results
		choices = choices || results&(results-1) != 0
		if got, want := res.Pass.Contains(ip), results == refPass; got != want {
			lines = append(lines, fmt.Sprintf("%v: passes: %v, reference: %v", ip, got, want))
		}
		if results == refPass && !strings.Contains(kinds(res), KindUnlistable) {
			if got := pathOf(res, ip); !slices.Equal(got, append([]string{res.Domain}, path...)) {
				lines = append(lines, fmt.Sprintf("%v: path %q, reference %q", ip, got, path))
			}
		}
	}
	want := OK
	switch {
	case possible&refTemp != 0:
		want = TempError
	case possible&refPerm != 0:
		want = PermError
	}
	// After a term that depends on the sender, a loop can hide a possible temperror: see evaluation.
	if res.Error != want && !(choices && ref.cut && res.Error == PermError && want == TempError) {
		lines = append(lines, fmt.Sprintf("error %q, reference %q", res.Error, want))
	}
	return lines
}

func pathOf(res Result, ip netip.Addr) []string {
	for _, r := range res.Ranges {
		if slices.ContainsFunc(r.Prefixes, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			return strings.Split(r.Path.String(), " > ")
		}
	}
	return nil
}
