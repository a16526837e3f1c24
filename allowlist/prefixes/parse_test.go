package prefixes

import (
	"net/netip"
	"strings"
	"testing"
)

// byNetip reads a text with netip. plain reports whether Parse must accept it.
func byNetip(text string) (p netip.Prefix, plain bool) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		p = netip.PrefixFrom(addr, addr.BitLen())
	} else if p, err = netip.ParsePrefix(text); err != nil {
		return netip.Prefix{}, false
	}
	return p, p == p.Masked() && !(p.Addr().Is6() && strings.Contains(text, ".")) && !(p.Addr().Is4In6() && p.Bits() >= mapped)
}

func plainTexts() []string {
	return []string{"0.0.0.0", "0.0.0.0/0", "255.255.255.255/32", "192.0.2.0/24", "1.2.3.4/32", "10.20.30.0/23",
		"::", "::/0", "::1", "1::", "1::/16", "2001:db8::/32", "2001:DB8::/32", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
		"1:2:3:4::5:6:7", "0001:0:0:0:0:0:0:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "fe80::/10", "64:ff9b::/96"}
}

func strangeTexts() []string {
	return []string{"", ".", ":", "/", "1", "1.2.3", "1.2.3.", "1.2.3.4.5", "1.2.3.4.", "01.2.3.4", "1.2.3.00", "256.1.1.1", "1.2.3.999", "1.2.3.4/", "1.2.3.4/33",
		"1.2.3.4/032", "1.2.3.0/024", "1.2.3.4/+32", "1.2.3.4/-1", "1.2.3.4/32 ", " 1.2.3.4", "1.2.3.1/24", "1.2.3.4/3x", "1.2.3.4/1000", "1..2.3", "x.2.3.4",
		":::", "1:::2", "::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::", "g::", "1:", ":1", "1::2:",
		"::/129", "::/", "::/00", "::1/64", "fe80::1%eth0", "fe80::%1/64", "::ffff:1.2.3.4", "::1.2.3.4", "::ffff:0:0/96", "::ffff:102:304", "1:2:3:4:5:6:7:8/", "1::/0128"}
}

func TestParse(t *testing.T) {
	for _, text := range append(plainTexts(), strangeTexts()...) {
		want, plain := byNetip(text)
		if got, ok := Parse([]byte(text)); ok != plain || ok && got != want {
			t.Errorf("%q: %s, %v; want %s, %v", text, got, ok, want, plain)
		}
	}
}

func TestParseLine(t *testing.T) {
	for _, row := range []struct{ text, want, rest string }{
		{"192.0.2.0/24\n1.2.3.4", "192.0.2.0/24", "\n1.2.3.4"},
		{"192.0.2.7\n", "192.0.2.7/32", "\n"},
		{"2001:db8::/32\n\n", "2001:db8::/32", "\n\n"},
		{"1\n2.3.4.5", "", ""},
		{"192.0.2.7\r\n", "", ""},
		{"192.0.2.0/\n24", "", ""},
	} {
		p, rest, ok := ParseLine([]byte(row.text))
		if ok != (row.want != "") || ok && (p.String() != row.want || string(rest) != row.rest) {
			t.Errorf("%q: %s, %q, %v", row.text, p, rest, ok)
		}
	}
}

// FuzzParse compares Parse with netip: every plain text gives the same network, every other text is refused.
func FuzzParse(f *testing.F) {
	for _, text := range append(plainTexts(), strangeTexts()...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, plain := byNetip(text)
		if got, ok := Parse([]byte(text)); ok != plain || ok && got != want {
			t.Errorf("%q: %s, %v; want %s, %v", text, got, ok, want, plain)
		}
	})
}
