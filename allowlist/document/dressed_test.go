package document

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"go4.org/netipx"
	"pgregory.net/rapid"
)

// fashion is a way to write a network, for TestDressedLists. A fashion that is known must be converted; another may be told
// instead. The text that dress gives has %a for the address, %l for the prefix length, %m for the netmask, %x for that in hex, %z for the last
// address and %n for the number of addresses.
type fashion struct {
	text  string
	known bool
}

var fashions = map[string][]fashion{
	"range": { // of any addresses
		{"%a - %z", true}, {"%a-%z", true}, {"%a–%z", true}, {"%a — %z", true}, {"%a ‐ %z", true}, {"%a − %z", true}, {"%a\u0096%z", true},
		{"%a..%z", true}, {"%a .. %z", true}, {"%a ... %z", true}, {"%a … %z", true}, {"%a to %z", true}, {"%a thru %z", true},
		{"%a through %z", true}, {"%a => %z", true}, {"%a=>%z", true}, {"%a -> %z", true}, {"%a --> %z", true}, {"%a → %z", true},
		{"%a until %z", true}, {"%a bis %z", true}, {"%a ~ %z", true}, {"%a～%z", true}, {"%a -%z", true}, {"%a- %z", true}, {"%a : %z", true},
		{"between %a and %z", true}, {"from %a to %z (inclusive)", true}, {"Start: %a End: %z", true}, {"first=%a last=%z", true},
		{"start: %a, name: lab, end: %z", true}, {"end: %z, start: %a", true}, {"start_ip: %a; end_ip: %z", true}, {"Range: %a - %z", true},
		{"**%a - %z**", true}, {"`%a`-`%z`", true}, {"org:%a-%z", false},
	},
	"any": {
		{"%a/%l", true}, {"%a / %l", true}, {"%a/ %l", true}, {"%a /%l", true}, {"%a (/%l)", true}, {"%a, /%l", true},
		{"%a,%z,Some Name,https://x.example/", true}, {"%a\t%z\tlab", true}, {"%a;%z;lab", true}, {"%a | %z | lab", true},
		{"%a\\%l", true}, {"**%a/%l**", true}, {"*%a/%l*", true}, {"__%a/%l__", true}, {"**%a**/%l", true},
		{"`%a/%l`", true}, {"%a/%l*", true}, {"%a/%l[4]", true}, {"%a/%l[^1]", true}, {"%a/%l permit", true}, {"%a/%l OK", true},
		{"%a/%l,AT,AT-9,Vienna,1060,/22", true}, {"[%a]/%l", true}, {"[%a/%l]", true}, {"%a prefixlen: %l", true}, {"%a prefixlen=%l", true}, {"%a len:%l", true}, {"%a ⁄ %l", true}, {"%a／ %l", true}, {"%a prefix length %l", true},
		{"net %a, which is a /%l", false}, {"%a %l", false}, {"%a|%l", false}, {"x=%a/%l", false}, {"%a Berlin %z", false}, {"%a < %z", false},
		{"!%a/%l", false}, {"-%a/%l", false}, {"~%a/%l", false}, {"%a/%lx", false}, {"%a bis hin zu %z", false},
	},
	"ipv4": {
		{"%a %m", true}, {"%a/%m", true}, {"%a netmask %m", true}, {"%a %x", true}, {"%a/%x", true}, {"%a netmask %x", true}, {"%a netmask %y", true}, {"%a mask=%y", true}, {"/%l %a", false}, {"%a with mask: %m", true}, {"%a, subnet mask %m", true}, {"%a (%m)", true},
		{"%a mask=%m", true}, {"%a Mask: %m", true}, {"address %a\nnetmask %m", true}, {"ripencc|DE|ipv4|%a|%n|20200101|assigned", true},
		{"ip4:%a/%l", true}, {"+ip4:%a/%l", true}, {"IP4:%a/%l", true}, {"%a|%n", false}, {"%a,%n", false}, {"%a - netmask %m", true},
		{"%a Berlin %m", false}, {"%m %a", false}, {"%a:%z", false}, {"-ip4:%a/%l", false},
	},
	"ipv6": {{"ripencc|DE|ipv6|%a|%l|20200101|allocated", true}, {"ip6:%a/%l", true}, {"ip6:[%a]/%l", true}},
	"host": {{"%a", true}, {"- %a", true}, {"%a - mail relay", true}, {"(%a)", true}, {"%a, backup", true}, {"relay %a.", true}, {"%a # 192.0.2.9", true}},
}

// span is a network, or a range that is none.
type span struct{ from, until netip.Addr }

// write writes a span in that fashion.
func (f fashion) write(s span) string {
	p, _ := netipx.IPRangeFrom(s.from, s.until).Prefix()
	mask := make([]byte, s.from.BitLen()/8)
	for i := range max(0, p.Bits()) {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	m, _ := netip.AddrFromSlice(mask)
	return strings.NewReplacer("%a", s.from.String(), "%l", fmt.Sprint(p.Bits()), "%m", m.String(), "%x", fmt.Sprintf("0x%x", mask), "%y", fmt.Sprintf("%x", mask), "%z", s.until.String(),
		"%n", fmt.Sprint(uint64(1)<<min(63, max(0, s.from.BitLen()-p.Bits())))).Replace(f.text)
}

// wraps are the kinds of documents that a list may come in. line writes one piece of it.
var wraps = []struct {
	name, contentType, head, foot string
	line                          func(string) string
	bytes                         func(string) []byte
	query                         string
}{
	{name: "text", contentType: "text/plain", line: func(s string) string { return s + "\n" }},
	{name: "Windows", contentType: "text/plain", head: "\ufeff", line: func(s string) string { return s + "\r\n" }},
	{name: "text as HTML", contentType: "text/html", line: func(s string) string { return s + "\n" }},
	{name: "UTF-16", contentType: "text/plain", line: func(s string) string { return s + "\r\n" }, bytes: toUTF16},
	{name: "gzip", contentType: "application/gzip", line: func(s string) string { return s + "\n" }, bytes: toGzip},
	{name: "list", contentType: "text/html", head: "<html><body><ul>", foot: "</ul>", line: func(s string) string { return "<li>" + html.EscapeString(s) + "</li>\n" }},
	{name: "cells", contentType: "text/html", head: "<table>", foot: "</table>", line: func(s string) string {
		return "<tr>\n<td>\n" + strings.ReplaceAll(html.EscapeString(s), " ", "\n    ") + "\n</td>\n</tr>"
	}},
	{name: "JSON", contentType: "application/json", head: `{"a":[`, foot: `null]}`, line: func(s string) string { return quote(s) + ",\n" }},
	{name: "JSON Lines", contentType: "application/json", line: func(s string) string { return `{"a":` + quote(s) + "}\n" }},
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func toUTF16(s string) []byte {
	b := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func toGzip(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.Bytes()
}

// decoys are taken back, or are no networks. Those of a text are comments of a text.
var decoys = []string{"https://192.0.2.9/", "192.0.2.9:25", "v192.0.2.9", "192.0.2.9.in-addr.arpa", "a@192.0.2.9", "host-192.0.2.9"}
var textDecoys = []string{"# 192.0.2.9", "; 192.0.2.9", "// old: 192.0.2.9", "! removed 192.0.2.9", "~~192.0.2.9~~", "<del>192.0.2.9</del>", "<s>192.0.2.9</s>", "-- was 192.0.2.9", "/* 192.0.2.9 */"}

// TestDressedLists writes known networks in all fashions, in all kinds of documents, and checks the rule: what is installed
// is exactly the set, or the piece is named in a problem.
func TestDressedLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wrap := rapid.SampledFrom(wraps).Draw(t, "wrap")
		type piece struct {
			span
			known bool
		}
		var pieces []piece
		body := wrap.head
		for i := range rapid.IntRange(1, 8).Draw(t, "pieces") {
			family := rapid.SampledFrom([]string{"ipv4", "ipv4", "ipv6", "range", "host"}).Draw(t, "family")
			p := drawSpan(t, family, i)
			all := fashions[family]
			if family[:2] == "ip" {
				all = slices.Concat(all, fashions["any"], fashions["range"])
			}
			f := rapid.SampledFrom(all).Draw(t, "fashion")
			text := f.write(p)
			if strings.Contains(text, "#") && wrap.name != "text" && wrap.name != "Windows" {
				text = p.from.String()
			}
			pieces = append(pieces, piece{p, f.known})
			body += wrap.line(text)
			if n := rapid.IntRange(0, 3).Draw(t, "decoy"); n == 0 {
				body += wrap.line(rapid.SampledFrom(decoys).Draw(t, "no network"))
			} else if n == 1 && wrap.head != "<table>" && !strings.HasPrefix(wrap.name, "JSON") && wrap.name != "list" {
				decoy := rapid.SampledFrom(textDecoys).Draw(t, "comment")
				if !strings.HasPrefix(decoy, "<") || wrap.name == "text" || wrap.name == "Windows" {
					body += wrap.line(decoy)
				}
			}
		}
		body += wrap.foot
		f := newFinding(1 << 20)
		f.MaxBytes = 1 << 20
		encoded := []byte(body)
		if wrap.bytes != nil {
			encoded = wrap.bytes(body)
		}
		if err := f.Text(encoded, wrap.contentType); err != nil {
			t.Fatal(err)
		}
		var want, got netipx.IPSetBuilder
		for _, n := range f.networks {
			got.AddPrefix(n.Prefix)
		}
		installed, _ := got.IPSet()
		told := strings.Join(f.problems, "\n")
		for _, p := range pieces {
			all := netipx.IPRangeFrom(p.from, p.until)
			if named := strings.Contains(told, p.from.String()); !named || installed.OverlapsRange(all) || p.known {
				want.AddRange(all)
			}
		}
		if all, _ := want.IPSet(); !all.Equal(installed) {
			t.Fatalf("%s of %q:\nread %v\nwant %v\ntold %s", wrap.name, body, installed.Prefixes(), all.Prefixes(), told)
		}
	})
}

// drawSpan draws a network, a range or an address, which lies in space of its own.
func drawSpan(t *rapid.T, family string, i int) span {
	if family == "ipv6" {
		addr := netip.AddrFrom16([16]byte{0x2a, 1, 4, byte(i), 0x8f, rapid.Uint8().Draw(t, "address"), 7, 1})
		p := netip.PrefixFrom(addr, rapid.IntRange(36, 64).Draw(t, "bits")).Masked()
		return span{p.Addr(), netipx.PrefixLastIP(p)}
	}
	raw := rapid.Uint16().Draw(t, "address")
	addr := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{81, byte(10 + i), byte(raw >> 8), last}) }
	switch family {
	case "host":
		return span{addr(77), addr(77)}
	case "range":
		from := rapid.IntRange(0, 250).Draw(t, "from")
		return span{addr(byte(from)), addr(byte(rapid.IntRange(from+1, 255).Draw(t, "until")))}
	}
	p := netip.PrefixFrom(addr(byte(raw)), rapid.IntRange(17, 26).Draw(t, "bits")).Masked()
	return span{p.Addr(), netipx.PrefixLastIP(p)}
}
