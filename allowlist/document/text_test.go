package document

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/notation"
	"mailallow/fixtures"
)

// finding is everything that a reader found in the document "doc".
type finding struct {
	Reader
	networks []found
	problems []string // "KIND TEXT"
}

type found struct {
	netip.Prefix
	path string
}

// newFinding takes so many networks at most.
func newFinding(most int) *finding {
	f := &finding{}
	f.Reader.Reader = notation.Reader{
		Name: "doc",
		Add: func(p netip.Prefix, line int) error {
			if len(f.networks) == most {
				return fmt.Errorf("more than %d addresses and networks", most)
			}
			f.networks = append(f.networks, found{p, fmt.Sprint("doc:", line)})
			return nil
		},
		Problem: func(kind string, text func() string) {
			f.problems = append(f.problems, kind+" "+strings.TrimPrefix(strings.TrimPrefix(text(), "doc:"), " "))
		},
	}
	return f
}

// report gives "PREFIX at LINE" for each network, or "PREFIX" without a line, then the problems, both without "doc:".
func (f *finding) report() (lines []string) {
	for _, n := range f.networks {
		line := n.Prefix.String()
		if n.path != "doc:0" {
			line += " at " + strings.TrimPrefix(n.path, "doc:")
		}
		lines = append(lines, line)
	}
	return append(lines, f.problems...)
}

func out(line int, words string) string {
	return fmt.Sprintf("skipped %d: left out: %s cannot be read as an address or a network", line, words)
}

func TestText(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"no address", "There is nothing here: at all.", nil},
		{"a list", "192.0.2.0/24\n2001:db8::/32\n198.51.100.7", []string{"192.0.2.0/24 at 1", "2001:db8::/32 at 2", "198.51.100.7/32 at 3"}},
		{"line ends of Windows", "192.0.2.0/24\r\n\r\n198.51.100.7\r\n", []string{"192.0.2.0/24 at 1", "198.51.100.7/32 at 3"}},
		{"a mark of the encoding", "\ufeff192.0.2.1", []string{"192.0.2.1/32 at 1"}},
		{"a mark of the encoding before a comment", "\ufeff# 192.0.2.1", nil},
		{"bounds", `<192.0.2.1>,"192.0.2.2";'192.0.2.3'|192.0.2.4(192.0.2.5){192.0.2.6}`, []string{
			"192.0.2.1/32 at 1", "192.0.2.2/32 at 1", "192.0.2.3/32 at 1", "192.0.2.4/32 at 1", "192.0.2.5/32 at 1", "192.0.2.6/32 at 1"}},
		{"brackets", "[192.0.2.1] [192.0.2.2, 192.0.2.3] [[2001:db8::1]].", []string{
			"192.0.2.1/32 at 1", "192.0.2.2/32 at 1", "192.0.2.3/32 at 1", "2001:db8::1/128 at 1"}},
		{"sentences", "Allow 192.0.2.1. Also 192.0.2.0/24! And 2001:db8::1: it counts, 2001:db8:: too.", []string{
			"192.0.2.1/32 at 1", "192.0.2.0/24 at 1", "2001:db8::1/128 at 1", "2001:db8::/128 at 1"}},
		{"other scripts", "地址192.0.2.1和«192.0.2.2»\u00a0192.0.2.3", []string{"192.0.2.1/32 at 1", "192.0.2.2/32 at 1", "192.0.2.3/32 at 1"}},
		{"digits of other scripts", "192.0.2.1٥ 192.0.2.0／24 192.0.2.3：25", []string{"192.0.2.0/24 at 1", out(1, `192.0.2.1\u0665`)}},
		{"invalid UTF-8", "\xff192.0.2.1\xc3\x28192.0.2.2\xa0", []string{"192.0.2.1/32 at 1", "192.0.2.2/32 at 1"}},
		{"upper case", "2001:DB8::A", []string{"2001:db8::a/128 at 1"}},

		{"too many parts", "1.2.3.4.5 1.2.3.4.5.6/24", nil},
		{"a version", "1.2.3 v1.2.3.4 1.2.3.4-rc1 1.2.3.4+deb12 version=1.2 120.0.6099.129", nil},
		{"dates", "2024-01-31 31.01.2024 2024/01/31 2024.01.31.02 31/01/2024", nil},
		{"times", "12:30 12:30:00 12:30:00.123 2024-01-31T12:30:00Z", nil},
		{"a MAC address", "00:11:22:33:44:55 aa-bb-cc-dd-ee-ff aabb.ccdd.eeff", nil},
		{"EUI-64", "00:11:22:33:44:55:66:77 02:00:5e:ff:fe:00:53:01", nil},
		{"eight groups", "2001:db8:1:2:3:4:5:6", []string{"2001:db8:1:2:3:4:5:6/128 at 1"}},
		{"names with colons", ":: std::string A::B Bad::Cafe ::", nil},
		{"a zone", "fe80::1%eth0 fe80::1%25eth0", nil},
		{"a zone with a length", "fe80::%eth0/64", []string{out(1, "fe80::%eth0/64")}},
		{"ports", "1.2.3.4:25 [2001:db8::1]:25 1.2.3.4:", []string{"1.2.3.4/32 at 1"}},
		{"URLs", "http://1.2.3.4/ https://[2001:db8::1]/ //1.2.3.4 https://x.example/1.2.3.4?ip=1.2.3.4&x=1.2.3.4", nil},
		{"mail addresses", "user@1.2.3.4 user@[1.2.3.4]", nil},
		{"host names", "1.2.3.4.in-addr.arpa host-1.2.3.4 1.2.3.4.example 1_2.3.4.5", nil},
		{"a path", "/etc/1.2.3.4/24 1.2.3.4/", nil},

		{"leading zeros", "010.0.0.1 10.0.0.01/24 192.0.2.0/024", []string{out(1, "010.0.0.1"), out(1, "10.0.0.01/24"), out(1, "192.0.2.0/024")}},
		{"out of bounds", "10.0.0.0/33 300.1.1.1/24 256.1.1.1 2001:db8::/129", []string{
			out(1, "10.0.0.0/33"), out(1, "300.1.1.1/24"), out(1, "256.1.1.1"), out(1, "2001:db8::/129")}},
		{"short networks", "10.0.0/8 192.0.2.*", []string{out(1, "10.0.0/8"), out(1, "192.0.2.*")}},
		{"a slash of JSON", `{"net":"10.0.0.0\/8","six":"2001:db8::\/32"},`, []string{"10.0.0.0/8 at 1", "2001:db8::/32 at 1"}},
		{"an entity in plain text", "192.0.2.0&#47;24\n192.0.3.0 &#8211; 192.0.3.255\n192.0.4.0&ndash;192.0.4.255\nhttp://x.test/?a=1&copy=192.0.2.9&amp;b=192.0.2.8\n192.0.2.7&#10;192.0.2.6\n192.0.2.5 & 192.0.2.4",
			[]string{"192.0.2.0/24 at 1", "192.0.3.0/24 at 2", "192.0.4.0/24 at 3", "192.0.2.7/32 at 5", "192.0.2.6/32 at 5", "192.0.2.5/32 at 6", "192.0.2.4/32 at 6"}},
		{"netmasks", "192.0.2.0/255.255.255.0\n192.0.2.0 255.255.255.0\n192.0.2.0 netmask 255.255.255.0, 192.0.2.0 0.0.0.255", []string{
			"192.0.2.0/24 at 1", "192.0.2.0/24 at 2", "192.0.2.0/24 at 3", "192.0.2.0/24 at 3"}},
		{"netmasks without their address", "255.255.255.0\nmask 255.255.255.0 192.0.2.7, 192.0.2.7 255.255.0.255", []string{
			"skipped 1: left out: 255.255.255.0 is a netmask without an address",
			"skipped 2: left out: 255.255.255.0 192.0.2.7 cannot be read as an address or a network",
			"skipped 2: left out: 192.0.2.7 255.255.0.255 cannot be read as an address or a network"}},
		{"a netmask of one address", "192.0.2.7 255.255.255.255", []string{"192.0.2.7/32 at 1"}},
		{"host bits and a netmask apart", "192.0.2.7 255.255.255.0", []string{"skipped 1: left out: 192.0.2.7 255.255.255.0 does not begin at that address"}},
		{"a length apart", "192.0.2.0 /24", []string{"192.0.2.0/24 at 1"}},
		{"ranges", "192.0.2.4-192.0.2.7 192.0.2.4-7 2001:db8::4-2001:db8::7 192.0.2.4..192.0.2.7", []string{
			"192.0.2.4/30 at 1", "192.0.2.4/30 at 1", "2001:db8::4/126 at 1", "192.0.2.4/30 at 1"}},
		{"ranges with blanks", "192.0.2.4 - 192.0.2.7\n192.0.2.4–192.0.2.7\n192.0.2.4 to 192.0.2.7", []string{
			"192.0.2.4/30 at 1", "192.0.2.4/30 at 2", "192.0.2.4/30 at 3"}},
		{"a range of several networks", "192.0.2.1-192.0.2.9", []string{"192.0.2.1/32 at 1", "192.0.2.2/31 at 1", "192.0.2.4/30 at 1", "192.0.2.8/31 at 1"}},
		{"what is no range", "192.0.2.9-192.0.2.1, 192.0.2.9 to 2001:db8::1, 192.0.2.1 - 198.51.100.7", []string{
			"skipped 1: left out: 192.0.2.9-192.0.2.1 is a range that ends before it begins",
			"skipped 1: left out: 192.0.2.9 to 2001:db8::1 may be a range, or two addresses",
			"skipped 1: left out: 192.0.2.1 - 198.51.100.7 may be a range, or two addresses"}},
		{"no ranges", "192.0.2.1 - mail\n- 192.0.2.2\n- 192.0.2.3\n192.0.2.4 -\n192.0.2.5", []string{
			"192.0.2.1/32 at 1", "192.0.2.2/32 at 2", "192.0.2.3/32 at 3", "192.0.2.4/32 at 4", "192.0.2.5/32 at 5"}},
		{"taken back", "!192.0.2.1 -192.0.2.0/24 ~2001:db8::1", []string{out(1, "!192.0.2.1"), out(1, "-192.0.2.0/24"), out(1, "~2001:db8::1")}},
		{"named", "ip4:192.0.2.0/24 ip=192.0.2.1 -ip6:2001:db8::/32", []string{
			"192.0.2.0/24 at 1", out(1, "ip=192.0.2.1"), out(1, "-ip6:2001:db8::/32")}},

		{"host bits", "192.0.2.7/24", []string{"192.0.2.0/24 at 1", "canonicalised 1: 192.0.2.7/24 is read as 192.0.2.0/24"}},
		{"IPv4 in IPv6", "::ffff:192.0.2.1", []string{"192.0.2.1/32 at 1", "canonicalised 1: ::ffff:192.0.2.1 is read as 192.0.2.1/32"}},
		{"everything", "0.0.0.0/0 ::/0", []string{"0.0.0.0/0 at 1", "::/0 at 1"}},
		{"comments", "# 192.0.2.1\n192.0.2.2 # was 192.0.2.3\n;192.0.2.4\n192.0.2.5 ; SBL 192.0.2.6\n192.0.2.7#53", []string{
			"192.0.2.2/32 at 2", "192.0.2.5/32 at 4", "192.0.2.7/32 at 5"}},
		{"XML", `<net a="192.0.2.1">192.0.2.0/24</net>`, []string{"192.0.2.1/32 at 1", "192.0.2.0/24 at 1"}},
		{"an escape sequence", "10.0.0.0/8\\x1b]0;", []string{out(1, `10.0.0.0/8\x1b]0`)}},
		{"many problems", strings.Repeat("10.0.0.0/33\n", 22), repeat(22, func(i int) string { return out(i+1, "10.0.0.0/33") })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFinding(100)
			if err := f.Text([]byte(test.text), "text/plain"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, f.report()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func repeat(n int, f func(int) string) (all []string) {
	for i := range n {
		all = append(all, f(i))
	}
	return all
}

func TestHTML(t *testing.T) {
	tests := []struct {
		name, text, contentType string
		want                    []string
	}{
		{"a table", "<table>\n<tr><td>192.0.2.0/24</td><td>2001:db8::/32</td></tr>\n</table>", "text/html", []string{"192.0.2.0/24 at 2", "2001:db8::/32 at 2"}},
		{"entities", "<p>192.0.2.0&#47;24 192&period;0&#x2e;2.1&nbsp;192.0.2.2&#10;192.0.2.3", "text/html; charset=utf-8", []string{
			"192.0.2.0/24 at 1", "192.0.2.1/32 at 1", "192.0.2.2/32 at 1", "192.0.2.3/32 at 1"}},
		{"attributes", `<a href="https://x.example/192.0.2.1" title="192.0.2.2">192.0.2.3</a>`, "text/html", []string{"192.0.2.3/32 at 1"}},
		{"not shown", "<script>var a = '192.0.2.1'</script><style>/* 192.0.2.2 */</style><!-- 192.0.2.3 --><noscript>192.0.2.4</noscript>192.0.2.5",
			"text/html", []string{"192.0.2.5/32 at 1"}},
		{"a script without an end", "192.0.2.1<script>192.0.2.2", "text/html", []string{"192.0.2.1/32 at 1"}},
		{"an empty script", "<script src=x></script>192.0.2.1<script/>192.0.2.2", "text/html", []string{"192.0.2.1/32 at 1"}},
		{"words that go on", "<b>192.0.2.</b>1 192.0.2.0<wbr>/24 <i>1.2.3.4</i>.5 192.0.2.2<!--\n-->9", "text/html",
			[]string{"192.0.2.1/32 at 1", "192.0.2.0/24 at 1", "192.0.2.29/32 at 1"}},
		{"words that do not", "<td>192.0.2.1</td><td>2.3.4.5</td>6.7.8.9<br>10.0.0.1<sup>1</sup>", "text/html",
			[]string{"192.0.2.1/32 at 1", "2.3.4.5/32 at 1", "6.7.8.9/32 at 1", "10.0.0.1/32 at 1"}},
		{"a length in the next cell", "<td>192.0.2.0</td>\n<td>/24</td>", "text/html", []string{"192.0.2.0/24 at 1"}},
		{"a mask in the next cell", "<td>192.0.2.0</td>\n<td>255.255.255.0</td>", "text/html", []string{"192.0.2.0/24 at 1"}},
		{"no comments", "<p>Ticket # 12: 192.0.2.1", "text/html", []string{"192.0.2.1/32 at 1"}},
		{"lines", "<a\nhref=x\n>192.0.2.1\n</a>192.0.2.2<p\n>192.0.2.3<script>\n\n</script>\n192.0.2.4", "text/html",
			[]string{"192.0.2.1/32 at 1", "192.0.2.2/32 at 4", "192.0.2.3/32 at 5", "192.0.2.4/32 at 8"}},
		{"ranges over lines", "<td>\n192.0.2.4\n-\n192.0.2.7\n</td><td>192.0.2.8 &ndash;\n192.0.2.11</td>", "text/html", []string{"192.0.2.4/30 at 2", "192.0.2.8/30 at 5"}},
		{"ranges over breaks", "<p>192.0.2.0<br>-<br>192.0.2.255<p>198.51.100.0 -<br>198.51.100.255", "text/html", []string{"192.0.2.0/24 at 1", "198.51.100.0/24 at 1"}},
		{"points after breaks", "<p>- 192.0.2.1<br>- 192.0.2.2<br>192.0.2.3 -<br>192.0.2.4", "text/html", []string{"192.0.2.1/32 at 1", "192.0.2.2/32 at 1", "192.0.2.3/32 at 1", "192.0.2.4/32 at 1"}},
		{"a table with a head", "<table><tr><th>Start IP<th>End IP<th>Name<tr><td>192.0.2.4<td>192.0.2.7<td>a</table><p>192.0.2.9, 192.0.2.10", "text/html",
			[]string{"192.0.2.4/30 at 1", "192.0.2.9/32 at 1", "192.0.2.10/32 at 1"}},
		{"a table of lengths", "<table><tr><th>Network<th>Prefix length<tr><td>192.0.2.0<td>25<tr><td>192.0.2.128<td>/26</table>", "text/html", []string{"192.0.2.0/25 at 1", "192.0.2.128/26 at 1"}},
		{"a table on its side", "<table><tr><th>From<td>192.0.2.4<tr><th>To<td>192.0.2.7</table><dl><dt>First<dd>192.0.2.8<dt>Last<dd>192.0.2.11</dl>", "text/html",
			[]string{"192.0.2.4/30 at 1", "192.0.2.8/30 at 1"}},
		{"a table of ports", "<table><tr><th>#<th>IP<th>Port<tr><td>1<td>192.0.2.4<td>25</table>", "text/html", []string{"192.0.2.4/32 at 1"}},
		{"struck out", "<del>192.0.2.1</del><S>192.0.2.2<b>192.0.2.3</b></S><p style='text-decoration: Line-Through'>192.0.2.4</p>192.0.2.5<s><s>192.0.2.6</s>192.0.2.7</s>",
			"text/html", []string{"192.0.2.5/32 at 1"}},
		{"styles of tags", `<a href=/line-through class="style=line-through">192.0.2.1</a> <p title="a > b" STYLE=color:red;text-decoration:line-through>192.0.2.2</p> <p data-style="line-through">192.0.2.3</p> <p id="1"style="x: 1; text-decoration-line:LINE-THROUGH">192.0.2.4</p>192.0.2.5`,
			"text/html", []string{"192.0.2.1/32 at 1", "192.0.2.3/32 at 1", "192.0.2.5/32 at 1"}},
		{"struck out without an end", "192.0.2.1\n<s>192.0.2.2<p>192.0.2.3", "text/html", []string{"192.0.2.1/32 at 1",
			"skipped 2: left out: all that follows is struck out, because <s> has no end"}},
		{"notes", "192.0.2.0<sup>24</sup> 192.0.2.128<sup>/25</sup>", "text/html", []string{"192.0.2.0/32 at 1", "192.0.2.128/25 at 1"}},
		{"text without a tag", "# 192.0.2.1 <a@b.example>\n192.0.2.2 # 192.0.2.3", "text/html", []string{"192.0.2.2/32 at 2"}},
		{"lines in HTML", "# 192.0.2.1<br>192.0.2.2 ; 192.0.2.3<br>\n<pre>// 192.0.2.4\n192.0.2.5\n</pre>", "text/html", []string{"192.0.2.2/32 at 1", "192.0.2.5/32 at 3"}},
		{"without a type", "<!DOCTYPE html><title>192.0.2.0&#47;24</title>", "", []string{"192.0.2.0/24 at 1"}},
		{"said to be text", "\n<html><a href='192.0.2.1'>192.0.2.2</a>", "text/plain", []string{"192.0.2.2/32 at 2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFinding(100)
			if err := f.Text([]byte(test.text), test.contentType); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, f.report()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	const doc = `{"nets": ["192.0.2.0/24", "2001:db8::/32"], "deep": [[["192.0.2.1"]]], "host": "192.0.2.7/24",
		"bad": ["10.0.0.0/33", "mail.example", "192.0.2.1", 7], "count": 1000000000000, "long": "` + "192.0.2.1" + `", "none": []}`
	tests := []struct {
		name, doc, query string
		want             []string
		err              string
	}{
		{name: "strings", query: ".nets[]", want: []string{"192.0.2.0/24", "2001:db8::/32"}},
		{name: "an array", query: ".nets", want: []string{"192.0.2.0/24", "2001:db8::/32"}},
		{name: "arrays in arrays", query: ".deep", want: []string{"192.0.2.1/32"}},
		{name: "nothing", query: ".none[], empty"},
		{name: "blanks", query: " .deep\n\t| . ", want: []string{"192.0.2.1/32"}},
		{name: "host bits", query: ".host", want: []string{"192.0.2.0/24", "canonicalised select .host: 192.0.2.7/24 is read as 192.0.2.0/24"}},
		{name: "a mark of the encoding", doc: "\ufeff\"192.0.2.1\"", query: ".", want: []string{"192.0.2.1/32"}},
		{name: "no addresses", query: ".bad[]", err: "select .bad[]: \"10.0.0.0/33\" is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32\n" +
			"select .bad[]: \"mail.example\" is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32\n" +
			"select .bad[]: gives 7, not an address or a network"},
		{name: "another shape", query: ".networks", err: "select .networks: gives null, not an address or a network: with // empty at its end it passes over entries that have none"},
		{name: "an object", query: ".", err: `select .: gives an object, not an address or a network`},
		{name: "no such member", query: ".nets.v4[]", err: `select .nets.v4[]: expected an object but got: array (["192.0.2.0/24","2001:db8 ...])`},
		{name: "its own error", query: `error("\u001b[31mno")`, err: `select error("\u001b[31mno"): error: \x1b[31mno`},
		{name: "an end", query: "halt_error", err: `select halt_error: halt error: {"bad":["10.0.0.0/33","mail.example","192.0.2.1",7],"count":10000000...`},
		{name: "a long result", query: `[range(40) | "1"] | add`, err: `select [range(40) | "1"] | add: "1111111111111111111111111111111111111111" is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32`},
		{name: "too many errors", query: "range(1000)", err: strings.Join(repeat(20, func(i int) string {
			return fmt.Sprintf("select range(1000): gives %d, not an address or a network", i)
		}), "\n")},
		{name: "too many results", query: `range(1000) | "192.0.2.1"`, err: "more than 100 addresses and networks"},

		{name: "too many in one string", query: `[range(200) | "192.0.2.1"] | join(" ") + " x"`, err: "more than 100 addresses and networks"},

		{name: "numbers without end", query: "range(1e12) | empty", err: "select range(1e12) | empty: not done after 100,000 steps"},
		{name: "numbers kept without end", query: "[range(.count)]", err: "select [range(.count)]: not done after 100,000 steps"},
		{name: "repeat", query: "last(repeat(.))", err: "select last(repeat(.)): not done after 100,000 steps"},
		{name: "recursion", query: "def f: f; f", err: "select def f: f; f: not done after 100,000 steps"},
		{name: "a long string", query: `"1" * .count`, err: `select "1" * .count: repeat string result too large: "1" * 1000000000000`},
		{name: "a long array", query: ".none[1e12] = 1",
			err: `select .none[1e12] = 1: setpath(["none",1000000000000]; 1) cannot be applied to {"bad":["10.0.0.0/33","m...`},
		{name: "the environment", query: "env.PATH, $ENV.PATH", err: "select env.PATH, $ENV.PATH: gives null, not an address or a network: with // empty at its end it passes over entries that have none"},
		{name: "mistakes that are told once", query: `.bad[0], (range(40) | 7)`, err: "select .bad[0], (range(40) | 7): \"10.0.0.0/33\" is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32\n" +
			"select .bad[0], (range(40) | 7): gives 7, not an address or a network"},

		{name: "no JSON", doc: "{\n\"nets\": nothing}", query: ".", err: "select: the document is not JSON: line 2: invalid character 'o' in literal null (expecting 'u')"},
		{name: "empty", doc: " ", query: ".", err: "select: the document is not JSON: line 1: unexpected end of JSON input"},
		{name: "two documents", doc: "{}\n{}", query: ".", err: "select .: gives an object, not an address or a network"},
		{name: "JSON Lines", doc: "{\"a\":\"192.0.2.0/24\"}\n\n{\"b\":1}\n{\"a\":\"2001:db8::1\"}\n", query: ".a // empty", want: []string{"192.0.2.0/24", "2001:db8::1/128"}},
		{name: "documents over lines", doc: "{\n\"a\":\n\"192.0.2.1\"}{\"a\":\"192.0.2.2\"}", query: ".a", want: []string{"192.0.2.1/32", "192.0.2.2/32"}},
		{name: "a broken line", doc: "{\"a\":\"192.0.2.1\"}\n\n{\"a\":", query: ".a", err: "select: the document is not JSON: line 3: unexpected end of JSON input"},
		{name: "too many documents", doc: strings.Repeat("1 ", 2001), query: "empty", err: "select: the document has more than 2,000 values"},
		{name: "a dress", doc: `["192.0.2.0-192.0.2.255", "198.51.100.0 255.255.255.0", "ip4:203.0.113.0/24", "[2001:db8::]/32"]`, query: ".[]", want: []string{
			"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"}},
		{name: "half a dress", doc: `["192.0.2.0 - mail", "192.0.2.0 # 24"]`, query: ".[]", err: `select .[]: "192.0.2.0 - mail" is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32
select .[]: "192.0.2.0 # 24" is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32`},
		{name: "invalid UTF-8", doc: "\"192.0.2.1\xff\"", query: ".", err: "select: the document is not JSON: it is not UTF-8"},
		{name: "a number too large", doc: "1e999", query: ".", err: "select: the document is not JSON: json: cannot unmarshal number 1e999 into Go value of type float64"},
		{name: "a deep document", doc: strings.Repeat("[", 20000), query: ".", err: "select: the document has more than 2,000 values"},
		{name: "many numbers", doc: "[" + strings.Repeat("1,", 2000) + "1]", query: ".", err: "select: the document has more than 2,000 values"},
		{name: "many numbers in a string", doc: `["192.0.2.1", "` + strings.Repeat(`1,\"`, 2000) + `"]`, query: ".[0]", want: []string{"192.0.2.1/32"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFinding(100)
			text := test.doc
			if text == "" {
				text = doc
			}
			err := f.Selected(t.Context(), []byte(text), test.query, 2000, 100_000)
			if got := fmt.Sprint(err); err != nil && got != test.err || err == nil && test.err != "" {
				t.Errorf("error:\n%s\nwant:\n%s", got, test.err)
			}
			if err == nil {
				if diff := cmp.Diff(test.want, f.report()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestSelectTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	f := newFinding(100)
	err := f.Selected(ctx, []byte("0"), "range(1e12) | empty", 1, math.MaxInt)
	if want := "select range(1e12) | empty: context deadline exceeded"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestCheckSelect(t *testing.T) {
	tests := []struct{ query, err string }{
		{".hooks[]", ""},
		{".[] | select(.a).b[]?", ""},
		{".hooks[", "select: not a jq query: unexpected EOF"},
		{".hooks]", `select: not a jq query: unexpected token "]"`},
		{"addresses", "select: function not defined: addresses/0"},
		{"$x", "select: variable not defined: $x"},
		{"input", "select: input(s)/0 is not allowed"},
		{`import "a" as a; a::b`, `select: cannot load module: "a"`},
	}
	for _, test := range tests {
		if err := CheckSelect(test.query); err != nil && err.Error() != test.err || err == nil && test.err != "" {
			t.Errorf("%s: %v, want %s", test.query, err, test.err)
		}
	}
}

// Texts that would take hours if the reader's time were not linear.
func TestHostileText(t *testing.T) {
	const size = 256 << 10
	fill := func(s string) []byte { return bytes.Repeat([]byte(s), size/len(s)) }
	for name, body := range map[string][]byte{
		"one word": fill("1"), "dots": fill("."), "slashes": fill("/"), "minus": fill("1-"), "dashes": fill("–"),
		"colons": fill("1:"), "hashes": fill(" #"), "dashes between": fill("1.1.1.1 - "), "masks": fill("1.1.1.1 255.0.0.0 "),
		"broken": fill("10.0.0.0/33 "), "tags": fill("<a "), "open tags": fill("<b>"), "comments": fill("<!--"), "entities": fill("&#47;"),
		"scripts": fill("<script>"), "ends": fill("</"), "attributes": append([]byte("<html "), fill("a=1 ")...), "lines of tags": fill("<b\n>"),
		"spans": fill("a /* "), "struck": fill("<del>"), "strikes": fill("~~ "), "labels": fill("a:"), "starts": fill("start: "), "ends of ranges": fill("end: 1.1.1.1 "),
		"emphasis": fill("*"), "semicolons": fill(";"), "objects": fill(`{"start":`), "bangs": fill("!"), "words and ends": fill("1.1.1.1 a a a "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, contentType := range []string{"text/plain", "text/html"} {
				f := newFinding(1 << 20)
				if err := f.Text(body, contentType); err != nil || len(f.networks) > 0 && !strings.Contains(string(body), "1.1.1.1 ") {
					t.Errorf("%s: %v, %d ranges", contentType, err, len(f.networks))
				}
			}
		})
	}
}

// TestSpanEndCost reads struck-out text whose ends are in capitals, which costs about as much as with ends in lower case.
func TestSpanEndCost(t *testing.T) {
	cost := func(span string) time.Duration {
		return fixtures.Least(func() {
			if err := newFinding(1).Text(bytes.Repeat([]byte(span), 50_000), "text/plain"); err != nil {
				t.Fatal(err)
			}
		})
	}
	if lower, upper := cost("<s>1.1.1.1</s> "), cost("<s>1.1.1.1</S> "); upper > 20*lower {
		t.Errorf("%v with ends in capitals, and %v with others", upper, lower)
	}
}

// bounds separate words in any text, without ending the line.
var bounds = []string{" ", "\t", ",", ";", "\"", "'", "<", ">", "(", ")", "{", "}", "|", "`", ", ", "\u00a0", "、", " is ", " and then ", "\xff"}

// TestTextAgainstNetip makes random texts of known addresses.
func TestTextAgainstNetip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := []string{"mail", "1.2.3", "12:30:00", "00:11:22:33:44:55", "1.2.3.4.5", "1.2.3.4:25", "2026-09-01", "v1.2.3.4", "x.example", "10%"}
	for range 2000 {
		var text strings.Builder
		var want []string
		for line := 1; line <= 1+rng.IntN(5); line++ {
			for range rng.IntN(6) {
				switch p := randomPrefix(rng); rng.IntN(4) {
				case 0:
					text.WriteString(noise[rng.IntN(len(noise))])
				case 1:
					host := randomHost(rng)
					fmt.Fprint(&text, host)
					want = append(want, fmt.Sprintf("%s at %d", netip.PrefixFrom(host, host.BitLen()), line))
				default:
					fmt.Fprint(&text, p)
					want = append(want, fmt.Sprintf("%s at %d", p, line))
				}
				text.WriteString(bounds[rng.IntN(len(bounds))])
			}
			text.WriteString("\n")
		}
		f := newFinding(100)
		f.Text([]byte(text.String()), "")
		got := f.report()
		slices.Sort(got) // of the networks of one line, the IPv4 ones come first
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q:\n%s", text.String(), diff)
		}
	}
}

// randomHost gives an address that begins no network, because one that does may be the beginning of a range.
func randomHost(rng *rand.Rand) netip.Addr {
	raw := randomPrefix(rng).Addr().AsSlice()
	raw[len(raw)-1] |= 3
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// randomPrefix gives a canonical prefix of global unicast space.
func randomPrefix(rng *rand.Rand) netip.Prefix {
	b := make([]byte, 4+12*rng.IntN(2))
	for i := range b {
		b[i] = byte(rng.Uint32()) & -byte(rng.IntN(2)) // half of them zero: for ::
	}
	b[0] = 0x20 | b[0]&0x1f
	addr, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(addr, 8+rng.IntN(addr.BitLen()-7)).Masked()
}

// FuzzText reads any bytes as a text, a page and a file: messages are printable and short.
func FuzzText(f *testing.F) {
	corpus, err := filepath.Glob("testdata/documents/*")
	if err != nil || len(corpus) == 0 {
		f.Fatal("no corpus", err)
	}
	for _, file := range corpus {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "text/plain", false)
		f.Add(text, "text/html; charset=utf-16", true)
	}
	f.Add([]byte(`{"start":"192.0.2.0","end":"192.0.2.255","a":[{"ip":"192.0.2.1","mask":24},["x y"]]}`), "application/json", false)
	f.Add([]byte("<table><tr><th>start<th>end<tr><td>192.0.2.5<td>192.0.2.9</table>"), "text/html", false)
	f.Add(toGzip("192.0.2.1 - 192.0.2.9"), "", true)
	f.Add(toUTF16("192.0.2.1 - 192.0.2.9"), "", true)
	f.Fuzz(func(t *testing.T, text []byte, contentType string, strict bool) {
		found := newFinding(1 << 16)
		found.Strict, found.MaxBytes = strict, 1<<20
		if err := found.Text(text, contentType); err != nil {
			found.problems = append(found.problems, strings.Split(err.Error(), "\n")...)
		}
		for _, message := range found.problems {
			if !ascii.AllShow(message) || len(message) > maxMessage {
				t.Errorf("message %q", message)
			}
		}
	})
}
