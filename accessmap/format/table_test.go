package format

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestFindLine expects the first line in file order, and no line that Postfix skips. TestFindLineIsPostfix compares FindLine
// with the real postmap.
func TestFindLine(t *testing.T) {
	for _, row := range []struct{ format, text, addr, want string }{
		{"postfix-cidr", "# 192.0.2.0/24 x\n192.0.2.0/25 permit\n192.0.2.0/24\treject\n", "192.0.2.1", "2 192.0.2.0/25 permit"},
		{"postfix-cidr", "192.0.2.0/24\treject\n192.0.2.0/25 permit\n", "192.0.2.1", "1 192.0.2.0/24 reject"},
		{"postfix-cidr", "2001:db8::/32  REJECT no thanks \n", "2001:db8::1", "1 2001:db8::/32 REJECT no thanks"},
		{"postfix-cidr", "192.0.2.0/24\tpermit\n", "::ffff:192.0.2.1", "1 192.0.2.0/24 permit"},
		{"postfix-cidr", "\u00a0192.0.2.0/24 x\n192.0.2.0/24\vpermit\n", "192.0.2.1", "2 192.0.2.0/24 permit"},
		{"cidr", "192.0.2.0/24\n198.51.100.7/32\n", "198.51.100.7", "2 198.51.100.7/32 "},
		{"nftables", nftSets + "add element inet mailallow allow4 {\n\t192.0.2.0/24,\n\t198.51.100.7/32\n}\n", "198.51.100.7", "8 198.51.100.7/32 "},
		{"nftables", nftSets, "198.51.100.7", ""},
		{"exim", Header + "\"192.0.2.0/24\"\n\"2001:db8::/32\"\n", "2001:db8::7", "3 2001:db8::/32 "},
		{"json", "{\"version\": 1, \"entries\": [\n {\"prefix\":\"192.0.2.0/24\",\"action\":\"OK\",\"sources\":[]}\n,{\"prefix\":\"192.0.3.0/24\",\"action\":\"REJECT\",\"sources\":[\n  {\"name\":\"a\",\"paths\":[\n   \"b\"]}]}\n]}\n", "192.0.3.9", "3 192.0.3.0/24 REJECT"},
		{"json", "{\"version\": 1, \"entries\": []}\n", "192.0.3.9", ""},
		{"sendmail-access", "Connect:192.0.2\tOK\n", "192.0.2.1", ""},
		{"postfix-cidr", "", "192.0.2.1", ""},
	} {
		format, err := ByName(row.format)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if line, ok := format.FindLine([]byte(row.text), netip.MustParseAddr(row.addr)); ok {
			got = fmt.Sprint(line.Line, " ", line.Network, " ", line.Value)
		}
		if got != row.want {
			t.Errorf("%s %q, %s: %q, want %q", row.format, row.text, row.addr, got, row.want)
		}
	}
}
