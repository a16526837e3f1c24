package lint

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/access"
	"mailallow/accessmap/lint/list"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
)

// drawnLine is a line of an access file; broken is the network that it means and does not match.
type drawnLine struct {
	text   string
	broken netip.Prefix
}

func drawLine(t *rapid.T) drawnLine {
	value := rapid.SampledFrom([]string{"OK", "RELAY", "REJECT", "reject", "550 no", "ERROR:5.7.1:550 no # no"}).Draw(t, "value")
	// Few addresses, so that many lines overlap.
	b := [4]byte{10, rapid.SampledFrom([]byte{0, 1}).Draw(t, "b"), rapid.Byte().Draw(t, "c"), rapid.SampledFrom([]byte{0, 128, 255}).Draw(t, "d")}
	addr := netip.AddrFrom4(b)
	separator := rapid.SampledFrom([]string{"\t", " ", "  \t"}).Draw(t, "separator")
	tag := rapid.SampledFrom([]string{"", "Connect:", "connect:"}).Draw(t, "tag")
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		p, _ := addr.Prefix(rapid.IntRange(9, 31).Draw(t, "bits"))
		return drawnLine{tag + p.String() + separator + value, p}
	case 1:
		p, _ := addr.Prefix(rapid.SampledFrom([]int{16, 24}).Draw(t, "bits"))
		return drawnLine{tag + string(key.Append(nil, p)) + "." + separator + value, p}
	case 2:
		p, _ := addr.Prefix(rapid.SampledFrom([]int{8, 16, 24, 32}).Draw(t, "bits"))
		return drawnLine{text: tag + string(key.Append(nil, p)) + separator + value}
	case 3:
		p, _ := addr.Prefix(rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "bits"))
		return drawnLine{tag + string(key.Append(nil, p)) + separator + "OK # " + value, p}
	case 4:
		return drawnLine{text: rapid.SampledFrom([]string{"# a comment", "", "From:a@example.com OK", "10.example REJECT", "\t10.example REJECT", " 10.example OK", "GreetPause:10.0 5"}).Draw(t, "other")}
	default:
		v6 := netip.MustParseAddr("2001:db8::")
		return drawnLine{fmt.Sprintf("IPv6:2001:0db8%s%s", separator, value), netip.PrefixFrom(v6, 32)}
	}
}

// TestFixKeepsMeaning: the fixed text keeps every line without a finding, and the value of every address that no broken line
// means; makemap takes it if it took the text; and a second fix changes nothing.
func TestFixKeepsMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		var broken netipx.IPSetBuilder
		for range rapid.IntRange(1, 12).Draw(t, "lines") {
			line := drawLine(t)
			lines = append(lines, line.text)
			if line.broken.IsValid() {
				broken.AddPrefix(line.broken)
			}
		}
		text := []byte(strings.Join(lines, "\n") + "\n")
		findings, fixed := checkAndFixAccess(text, access.Options{})
		again, twice := checkAndFixAccess(fixed, access.Options{})
		if !bytes.Equal(fixed, twice) {
			t.Fatalf("a second fix changes\n%s\nto\n%s", fixed, twice)
		}
		for _, f := range again {
			if f.Certain {
				t.Fatalf("left: %+v in\n%s", f, fixed)
			}
		}
		touched := map[int]bool{}
		for _, f := range findings {
			touched[f.Line] = true
		}
		for i, line := range lines {
			if !touched[i+1] && !bytes.Contains(append([]byte("\n"), fixed...), []byte("\n"+line+"\n")) {
				t.Fatalf("line %q of\n%s\nis gone from\n%s", line, text, fixed)
			}
		}
		if len(makemap.ReadText(text).Problems) == 0 {
			if problems := makemap.ReadText(fixed).Problems; len(problems) > 0 {
				t.Fatalf("%v in\n%s\nof\n%s", problems, fixed, text)
			}
		}
		if before, after := newDecider(text)["10.example"], newDecider(fixed)["10.example"]; before != after {
			t.Fatalf("10.example: %q became %q:\n%s\nto\n%s", before, after, text, fixed)
		}
		set, err := broken.IPSet()
		if err != nil {
			t.Fatal(err)
		}
		before, after := newDecider(text), newDecider(fixed)
		for range 50 {
			addr := netip.AddrFrom4([4]byte{10, rapid.SampledFrom([]byte{0, 1, 2}).Draw(t, "b"), rapid.Byte().Draw(t, "c"),
				rapid.SampledFrom([]byte{0, 1, 127, 128, 255}).Draw(t, "d")})
			if !set.Contains(addr) && before.value(addr) != after.value(addr) {
				t.Fatalf("%s: %q became %q:\n%s\nto\n%s", addr, before.value(addr), after.value(addr), text, fixed)
			}
		}
	})
}

// TestFixMakesNoRelay: whatever hides a RELAY line from Sendmail, the fixed text relays for no host of a shared provider and for no
// name for which the text does not relay.
func TestFixMakesNoRelay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
		text := pick("mark", "", "", "\xef\xbb\xbf")
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			key := pick("key", "74.125.1.0/24", "74.125.1", "74.125.1.", "74.125.0.0/15", "74.125.1.0-74.125.2.9", "74.125.1.7", "[74.125.1.7]", "'74.125.1.7'",
				"74.125.1.7/24", "74", "74.0.0.0/8", "::ffff:74.125.1.7", "10.1", "10.1.0.0/23", "mail.example.com", "mail.example.com.")
			text += pick("indent", "", "", " ", "\t") + pick("tag", "", "Connect:", "Connect: ", "connect:\t", "Connect ", "From:", "IPv6:") + key +
				pick("separator", "\t", " ") + pick("value", "RELAY", "relay", `"RELAY"`, "RELAY # x", "RELAY//x", "RELAYED", "OK", "OK # x", "REJECT") + pick("end", "\n", "\n", " \n", "\r\n")
		}
		o := access.Options{Options: known}
		if rapid.Bool().Draw(t, "delay_checks") {
			o.CF = &sendmail.CF{DelayChecks: true}
		}
		fixed, _ := access.Fix([]byte(text), o)
		before, after := newDecider([]byte(text)), newDecider(fixed)
		for _, ip := range []string{"74.125.1.7", "74.125.1.8", "74.125.2.1", "74.124.1.1", "74.1.1.1"} {
			addr := netip.MustParseAddr(ip)
			if strings.EqualFold(after.value(addr), "RELAY") && !strings.EqualFold(before.value(addr), "RELAY") {
				t.Fatalf("%s: %q became RELAY:\n%q\nto\n%q", ip, before.value(addr), text, fixed)
			}
		}
		for _, name := range []string{"mail.example.com", "[74.125.1.7]"} {
			for _, key := range []string{name, "connect:" + name} {
				if strings.EqualFold(strings.TrimSpace(after[key]), "RELAY") && !strings.EqualFold(strings.TrimSpace(before[key]), "RELAY") {
					t.Fatalf("%s: %q became RELAY:\n%q\nto\n%q", key, before[key], text, fixed)
				}
			}
		}
		if twice, _ := access.Fix(fixed, o); !bytes.Equal(fixed, twice) {
			t.Fatalf("a second fix changes\n%q\nto\n%q", fixed, twice)
		}
	})
}

// TestFixSaysTheNetwork: the keys that replace one network match its addresses and no others.
func TestFixSaysTheNetwork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		bits := rapid.IntRange(1, 32).Draw(t, "bits")
		if rapid.Bool().Draw(t, "v6") {
			addr = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6"))).WithZone("")
			bits = 16*rapid.IntRange(1, 8).Draw(t, "groups") - rapid.IntRange(0, 10).Draw(t, "cut") // thousands of keys will do
		}
		p, err := addr.Prefix(bits)
		if err != nil || p.Addr().Is4In6() {
			t.Skip("no network, or an IPv4-mapped one, which gets an IPv4 key")
		}
		fixed, _ := access.Fix([]byte(p.String()+" OK\n"), access.Options{})
		d := newDecider(fixed)
		last := netipx.PrefixLastIP(p)
		for _, in := range []netip.Addr{p.Addr(), last} {
			if d.value(in) != "OK" {
				t.Fatalf("%s: %s is not let in", p, in)
			}
		}
		for _, out := range []netip.Addr{p.Addr().Prev(), last.Next()} {
			if out.IsValid() && d.value(out) == "OK" {
				t.Fatalf("%s: %s is let in", p, out)
			}
		}
	})
}

func FuzzLintAccess(f *testing.F) {
	for _, text := range []string{
		"64.18.0.0/20\tRELAY # google\n64.18.1 REJECT\nConnect:64.18.1.0/25 OK\r\n", "10.0.0.1-10.0.0.9 OK\n10/15 OK\n 10. OK\n",
		"IPv6:2001:0db8::1 OK\n2001:db8::/47 OK\nipv6:2001:db8: SKIP\n[::1]/128 550 x\n", "From:a@b OK\nFrom:A@b OK\nnovalue\n \n # c\na\x00b c\n",
		"Connect: 10.0 OK\nFrom: OK\nGreetPause: 10. 5\n10.0 OK\nConnect:10.0 RELAY\n10.0. OK\n10.0.0.0/16 RELAY // x\n", "# BEGIN mailallow\nConnect:10 OK\n# END mailallow\n10 REJECT\n# END mailallow\n",
	} {
		f.Add([]byte(text), true, true)
	}
	f.Fuzz(func(t *testing.T, text []byte, delay, withCF bool) {
		o := access.Options{Options: known}
		if withCF {
			o.CF = &sendmail.CF{DelayChecks: delay}
		}
		lintOf := func(text []byte) ([]rule.Finding, []byte) { return checkAndFixAccess(text, o) }
		fuzzLint(t, text, lintOf)
		_, fixed := lintOf(text)
		if len(makemap.ReadText(text).Problems) == 0 {
			if problems := makemap.ReadText(fixed).Problems; len(problems) > 0 {
				t.Errorf("makemap refuses the fixed text: %v", problems)
			}
		}
	})
}

func FuzzLintPostfixCIDR(f *testing.F) {
	for _, text := range []string{
		"10.0.0.0/8 RELAY\n10.1.0.0/16 permit\n 10.2.0.0/16 OK\n more\n!10.0.0.1/8 x\n", "if !10.0.0.0/8\nendif x\nENDIF\nif x\n[10.0.0.0]/8\n",
		"Connect:10.1 permit\nIPv6:2001:db8::/32 OK\n10.0.0.0/255.0.0.0, SKIP\n10.0.0.1-9 RELAY # c\n", "10. x\n10.0.0.0 /8 x\n::/0 REJECT\r\n1.2.3.4 OK\n",
	} {
		f.Add([]byte(text), "postscreen")
	}
	f.Fuzz(func(t *testing.T, text []byte, use string) {
		fuzzLint(t, text, func(text []byte) ([]rule.Finding, []byte) { return checkAndFix(text, format.Use(use), known) })
	})
}

func FuzzLintList(f *testing.F) {
	for _, text := range []string{
		"# ours\r\n\r\n8.8.8.0/25\r\n8.8.8.128/25 # c\n8.8.8.1;c\n//c\n", "8.8.8.7/24\n8.8.8.0 - 8.8.8.9\n8.8.8 \n8.8.4.0/255.255.255.0\n", "10.0.0.0/8\nx\n::/0\n",
		"::ffff:9.9.9.9\n::ffff:8.8.8.0/120\n2A01:4F8::7/32\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzzLint(t, text, func(text []byte) ([]rule.Finding, []byte) {
			fixed, _ := list.Fix(text, known)
			return list.Check(text, known), fixed
		})
	})
}

// fuzzLint checks for any text that findings can be shown, and that a second fix changes nothing.
func fuzzLint(t *testing.T, text []byte, lintOf func([]byte) ([]rule.Finding, []byte)) {
	findings, fixed := lintOf(text)
	checkFindings(t, text, findings)
	for _, f := range findings {
		if !utf8.ValidString(f.Text) || strings.ContainsFunc(f.Text, func(r rune) bool { return r < ' ' }) {
			t.Errorf("text %q", f.Text)
		}
	}
	again, twice := lintOf(fixed)
	for _, f := range again {
		if f.Certain {
			t.Errorf("left after the fix of %q: %+.300v in %.500q", text, f, fixed)
		}
	}
	if !bytes.Equal(fixed, twice) {
		t.Errorf("a second fix of %q changes %.500q to %.500q", text, fixed, twice)
	}
}

// TestShortestList: the fixed list has the addresses of the list, in no more lines, and nothing but special-purpose space and wide
// networks is left to find in it.
func TestShortestList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		var set netipx.IPSetBuilder
		for range rapid.IntRange(1, 30).Draw(t, "lines") {
			addr := netip.AddrFrom4([4]byte{8, 8, rapid.SampledFrom([]byte{0, 1, 2}).Draw(t, "c"), rapid.Byte().Draw(t, "d")})
			p := netip.PrefixFrom(addr, rapid.IntRange(20, 32).Draw(t, "bits"))
			set.AddPrefix(p.Masked())
			comment := rapid.SampledFrom([]string{"", " # c", "\t; c", "//c"}).Draw(t, "comment")
			lines = append(lines, rapid.SampledFrom([]string{p.String(), p.Masked().String()}).Draw(t, "written")+comment)
		}
		want, err := set.IPSet()
		if err != nil {
			t.Fatal(err)
		}
		fixed, _ := list.Fix([]byte("# head\n"+strings.Join(lines, "\n")+"\n"), known)
		var got netipx.IPSetBuilder
		left := strings.Split(strings.TrimSpace(string(fixed)), "\n")
		for _, line := range left[1:] {
			p, err := netip.ParsePrefix(line)
			if err != nil {
				p, err = netip.MustParseAddr(line).Prefix(32)
			}
			if err != nil {
				t.Fatal(err)
			}
			got.AddPrefix(p)
		}
		if have, err := got.IPSet(); err != nil || !have.Equal(want) || left[0] != "# head" || len(left)-1 != len(want.Prefixes()) {
			t.Fatalf("%q became %q", lines, left)
		}
		twice, _ := list.Fix(fixed, known)
		if again := list.Check(fixed, known); len(again) > 0 || !bytes.Equal(fixed, twice) {
			t.Fatalf("left in %q: %+v", fixed, again)
		}
	})
}

// The shortest list has the addresses of the list, whatever the lengths of its networks.
func TestShortestListKeepsItsAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		var want netipx.IPSetBuilder
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			addr := netip.MustParseAddr(rapid.SampledFrom([]string{"81.2.0.0", "81.2.0.64", "81.2.1.7", "2a01:4f8::", "2a01:4f8:1::", "2a01:4f8::7"}).Draw(t, "address"))
			bits := rapid.SampledFrom([]int{16, 24, 31, 32, 33, 48, 64, 127, 128}).Draw(t, "bits")
			p, err := addr.Prefix(min(bits, addr.BitLen()))
			if err != nil {
				t.Fatal(err)
			}
			want.AddPrefix(p)
			fmt.Fprintln(&text, p)
		}
		fixed, _ := list.Fix([]byte(text.String()), rule.Options{})
		var got netipx.IPSetBuilder
		for line := range strings.Lines(string(fixed)) {
			line = strings.TrimSuffix(line, "\n")
			if p, err := netip.ParsePrefix(line); err == nil {
				got.AddPrefix(p)
			} else {
				got.Add(netip.MustParseAddr(line))
			}
		}
		wanted, _ := want.IPSet()
		kept, _ := got.IPSet()
		if !kept.Equal(wanted) {
			t.Fatalf("%s\nbecame\n%s", text.String(), fixed)
		}
	})
}

// The lines of the shortest list end in LF, those of its comments, too.
func TestShortestListLines(t *testing.T) {
	const text, want = "# ours\r\n\r\n8.8.8.0/25\r\n8.8.8.128/25\r\n", "# ours\n\n8.8.8.0/24\n"
	if fixed, _ := list.Fix([]byte(text), rule.Options{}); string(fixed) != want {
		t.Errorf("%q became %q", text, fixed)
	}
}
