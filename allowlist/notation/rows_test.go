package notation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What people write, and what it means. Each row was misread once, or could be read too eagerly.
func TestRead(t *testing.T) {
	const out, span, number = " cannot be read as an address or a network", " may be a range, or two addresses", " may have its size behind it, or a number of something else"
	tests := []struct{ name, text, want string }{
		{"a mask on the next line", "address 192.0.2.0\nnetmask 255.255.255.0", "1 192.0.2.0/24"},
		{"a mask alone on the next line", "192.0.2.0\n255.255.255.0", "1 192.0.2.0/24"},
		{"a mask after an empty line", "192.0.2.0\n\n255.255.255.0", "1 192.0.2.0/32\n3: left out: 255.255.255.0 is a netmask without an address"},
		{"a glued mask", "192.0.2.0 mask=255.255.255.0", "1 192.0.2.0/24"},
		{"a mask behind a slash and a blank", "192.0.2.0 /255.255.255.0", "1 192.0.2.0/24"},
		{"a mask of IPv6", "2001:db8:: ffff:ffff::", "1 2001:db8::/32"},
		{"all IPv4-mapped addresses", "::ffff:0:0/96\n::ffff:c000:200/120", "1 ::ffff:0.0.0.0/96\n2: ::ffff:c000:200/120 is read as 192.0.2.0/24\n2 192.0.2.0/24"},
		{"IPv4-mapped addresses as a range", "::ffff:0.0.0.0 - ::ffff:255.255.255.255\n::ffff:192.0.2.0 - ::ffff:192.0.2.255", "1: left out: ::ffff:0.0.0.0 - ::ffff:255.255.255.255 is all IPv4-mapped addresses, which no client has: write the IPv4 networks that are meant\n2 192.0.2.0/24"},
		{"the address of an interface", "inet 192.0.2.7 netmask 255.255.255.0 broadcast 192.0.2.255",
			"1: left out: 192.0.2.7 netmask 255.255.255.0 does not begin at that address\n1: left out: broadcast 192.0.2.255 is taken back by the text before it"},
		{"a route", "192.0.2.0 0.0.0.0 255.255.255.0 U", "1: left out: 192.0.2.0 0.0.0.0 255.255.255.0" + out},
		{"a route with a gateway", "192.0.2.0 255.255.255.0 198.51.100.1", "1 192.0.2.0/24\n1 198.51.100.1/32"},
		{"a mask before its address", "192.0.2.130\n255.255.255.0 192.0.2.0", "1 192.0.2.130/32\n2: left out: 255.255.255.0 192.0.2.0" + out},
		{"a broken mask", "192.0.2.0 mask 255.255.0.255", "1: left out: 192.0.2.0 mask 255.255.0.255" + out},

		{"a mask in hex", "192.0.2.0 0xffffff00\n192.0.2.0/0xffffff80\ninet 192.0.2.128 netmask 0xffffffc0 broadcast 192.0.2.191\n192.0.2.192 mask=0xFFFFFFF0\n192.0.2.208/0x0000000f",
			"1 192.0.2.0/24\n2 192.0.2.0/25\n3 192.0.2.128/26\n3: left out: broadcast 192.0.2.191 is taken back by the text before it\n4 192.0.2.192/28\n5 192.0.2.208/28"},
		{"a mask in hex on the next line", "192.0.2.0\n0xffffff00\naddress 198.51.100.0\nnetmask 0xffffff00", "1 192.0.2.0/24\n3 198.51.100.0/24"},
		{"a broken mask in hex", "192.0.2.0 netmask 0xff00ff00\n192.0.2.0/0xff00ff00\n192.0.2.1 0xdeadbeef\n0xffffff00 is a colour",
			"1: left out: 192.0.2.0 netmask 0xff00ff00" + out + "\n2: left out: 192.0.2.0/0xff00ff00" + out + "\n3 192.0.2.1/32"},
		{"a size before its address", "/24 192.0.2.0\n/24 192.0.2.7\n24 192.0.2.0\n32 2001:db8::\n10. 192.0.2.0\n10 192.0.2.7\n24,192.0.2.7\na /24, 192.0.2.9", "1: left out: /24 192.0.2.0" + out +
			"\n2: left out: /24 192.0.2.7" + out + "\n3: left out: 24 192.0.2.0" + out + "\n4: left out: 32 2001:db8::" + out + "\n5 192.0.2.0/32\n6 192.0.2.7/32\n7 192.0.2.7/32\n8 192.0.2.9/32"},
		{"a host above a size before its address", "192.0.2.129\n/24 192.0.2.0\n192.0.2.5\n192.0.2.0\n/25 192.0.2.128", "1 192.0.2.129/32\n2: left out: /24 192.0.2.0" + out +
			"\n3 192.0.2.5/32\n4: left out: 192.0.2.0 /25 192.0.2.128" + out},
		{"a host above a size with a label", "192.0.2.129\nmask: 255.255.255.0 192.0.2.0\n\n192.0.2.130\nprefixlen: 25 network: 192.0.3.0", "1 192.0.2.129/32\n2 192.0.2.0/24\n4 192.0.2.130/32\n5 192.0.3.0/25"},
		{"a host above a size in words", "192.0.2.129\nmask 255.255.255.0 192.0.2.0\n\n192.0.2.130\nprefix /24 192.0.3.0", "1 192.0.2.129/32\n2: left out: mask 255.255.255.0 192.0.2.0" + out +
			"\n4 192.0.2.130/32\n5: left out: prefix /24 192.0.3.0" + out},
		{"a mask in hex without a sign", "inet 192.0.2.0 netmask ffffff80 broadcast 192.0.2.127\n192.0.2.128 mask=FFFFFFE0\n192.0.2.1 ffffff00",
			"1 192.0.2.0/25\n1: left out: broadcast 192.0.2.127 is taken back by the text before it\n2 192.0.2.128/27\n3 192.0.2.1/32"},
		{"a mask in hex at the beginning", "0xffffff00 192.0.2.0", "1: left out: 0xffffff00 192.0.2.0" + out},
		{"a slash that is none of ASCII, and apart", "192.0.2.0 ⁄ 25\n192.0.2.128∕ 26\n2001:db8:: ／ 32", "1 192.0.2.0/25\n2 192.0.2.128/26\n3 2001:db8::/32"},
		{"a dash at the other side", "192.0.2.0 -192.0.2.255\n192.0.2.0- 192.0.2.255\n(relay 192.0.2.0)-192.0.2.255\n192.0.2.7, -192.0.2.9",
			"1 192.0.2.0/24\n2 192.0.2.0/24\n3 192.0.2.0/24\n4 192.0.2.7/32\n4: left out: -192.0.2.9" + out},
		{"a word at the end of a line", "192.0.2.0 to\n192.0.2.255", "1 192.0.2.0/24"},
		{"a dash at the end of a line", "192.0.2.0 -\n192.0.2.255\n192.0.2.4 -\n192.0.2.5", "1 192.0.2.0/24\n3 192.0.2.4/32\n4 192.0.2.5/32"},
		{"labels on lines", "start: 192.0.2.4\nname: lab\nend: 192.0.2.7", "1 192.0.2.4/30"},
		{"words on lines", "Start 192.0.2.0\nEnd 192.0.2.255", "1 192.0.2.0/24"},
		{"first and last in a sentence", "Try 192.0.2.1 first, 192.0.2.2 last.\n192.0.2.9", "1 192.0.2.1/32\n1 192.0.2.2/32\n2 192.0.2.9/32"},
		{"an end before its beginning", "end: 192.0.2.7, start: 192.0.2.4", "1 192.0.2.4/30"},
		{"a host before such a range", "192.0.2.130\nend: 192.0.2.7, start: 192.0.2.4", "1 192.0.2.130/32\n2 192.0.2.4/30"},
		{"an end alone", "end: 192.0.2.7", "1: left out: end: 192.0.2.7 is the end of a range whose beginning is not there"},
		{"several numbers for an end", "192.0.2.0 - 3.255\n192.0.2.0 - .255\n192.0.2.9 - 1.5 GB", "1: left out: 192.0.2.0 - 3.255" + out +
			"\n2: left out: 192.0.2.0 - .255" + out + "\n3 192.0.2.9/32"},
		{"a number for an end, or for something else", "192.0.2.0-255\n192.0.2.0 - 24\n192.0.2.9 - 24 Main\n192.0.2.9 - 2 relays\n192.0.2.9 - 25/tcp",
			"1 192.0.2.0/24\n2: left out: 192.0.2.0 - 24" + out + "\n3: left out: 192.0.2.9 - 24 Main" + out + "\n4 192.0.2.9/32\n5 192.0.2.9/32"},
		{"hosts with a sign between", "192.0.2.9 - 198.51.100.7", "1: left out: 192.0.2.9 - 198.51.100.7" + span},
		{"a chain", "192.0.2.1-192.0.2.5-192.0.2.9", "1: left out: 192.0.2.1-192.0.2.5-192.0.2.9" + out},
		{"a chain in words", "192.0.2.1 to\n192.0.2.4 - 192.0.2.5\n192.0.2.7-192.0.2.8 to 192.0.2.9", "1: left out: 192.0.2.1 to 192.0.2.4 - 192.0.2.5" + out +
			"\n3: left out: 192.0.2.7-192.0.2.8 to 192.0.2.9" + out},
		{"a range that ends in ::", "2001:db8::-::ffff\n::1-::4\n::5..::6", "1: left out: 2001:db8::-::ffff cannot be read as an address or a network\n2 ::1/128\n2 ::2/127\n2 ::4/128\n3 ::5/128\n3 ::6/128"},
		{"points of a list", "- 192.0.2.1\n* 192.0.2.2\n– 192.0.2.3\n1. 192.0.2.4\n[x] 192.0.2.5", "1 192.0.2.1/32\n2 192.0.2.2/32\n3 192.0.2.3/32\n4 192.0.2.4/32\n5 192.0.2.5/32"},

		{"the ends of a range in columns", "192.0.2.0,192.0.2.255,DE\n192.0.2.5,192.0.2.6,DE", "1 192.0.2.0/24\n2 192.0.2.5/32\n2 192.0.2.6/32"},
		{"two hosts in columns", "mx,192.0.2.5,192.0.2.6", "1 192.0.2.5/32\n1 192.0.2.6/32"},
		{"what may be both", "192.0.2.0,192.0.2.9", "1: left out: 192.0.2.0,192.0.2.9" + span},
		{"hosts, beside ranges in the wrong order", "192.0.2.5,192.0.2.6\n192.0.2.7,192.0.2.5", "2 192.0.2.7/32\n2 192.0.2.5/32\n1 192.0.2.5/32\n1 192.0.2.6/32"},
		{"a list of hosts", "192.0.2.0, 192.0.2.1, 192.0.2.2 and 192.0.2.3", "1 192.0.2.0/32\n1 192.0.2.1/32\n1 192.0.2.2/32\n1 192.0.2.3/32"},
		{"a head", "from;to;name\n192.0.2.4;192.0.2.7;a", "2 192.0.2.4/30"},
		{"a head in a comment", "#start\tend\n192.0.2.4\t192.0.2.7", "2 192.0.2.4/30"},
		{"a head of a table in Markdown", "| Network | Prefix |\n|---|---|\n| 192.0.2.0 | 24 |", "3 192.0.2.0/24"},
		{"no head", "# end, total\n192.0.2.4", "2 192.0.2.4/32"},
		{"numbers that can be sizes", "192.0.2.0 24\n192.0.2.128 25", "1: left out: 192.0.2.0 24" + number + "\n2: left out: 192.0.2.128 25" + number},
		{"numbers that are none", "192.0.2.0\t5\n192.0.2.9\t17\n192.0.2.7\t24", "2 192.0.2.9/32\n3 192.0.2.7/32\n1 192.0.2.0/32"},
		{"a number of addresses", "192.0.2.0|256", "1 192.0.2.0/24"},
		{"a size behind a word", "192.0.2.0 len 24\n192.0.2.0 bits 25\n192.0.2.0 masklen 26\n192.0.2.7 prefix-length 24",
			"1 192.0.2.0/24\n2 192.0.2.0/25\n3 192.0.2.0/26\n4: left out: 192.0.2.7 prefix-length 24 does not begin at that address"},
		{"a size with a label glued to it", "192.0.2.0 prefixlen=25\n192.0.2.128 bits:26.\nmasklen=27 192.0.2.192\n192.0.2.7 prefix=/24\n198.51.100.0 count=256\n192.0.2.9 size=3 port=25",
			"1 192.0.2.0/25\n2 192.0.2.128/26\n3 192.0.2.192/27\n4: left out: 192.0.2.7 prefix=/24 does not begin at that address\n5 198.51.100.0/24\n6 192.0.2.9/32"},
		{"a size with a label in quotation marks", `var nets = [{"net":"192.0.2.0","prefixlen":25},{'net':'192.0.2.128','len':26},{"ip":"192.0.2.9","port":25}]`,
			"1 192.0.2.0/25\n1 192.0.2.128/26\n1 192.0.2.9/32"},
		{"a number of addresses in a sentence", "192.0.2.0 with 256 addresses\n192.0.2.0 has 100 hosts\n192.0.2.9 is one of 256 addresses",
			"1 192.0.2.0/24\n2: left out: 192.0.2.0 has 100 hosts" + out + "\n3 192.0.2.9/32"},
		{"the last number behind a word", "start: 192.0.2.16 end: 31\n192.0.2.0 last=7\n192.0.2.64 up to 127\n192.0.2.0 up to 127\n192.0.2.9 last: 30\n192.0.2.0 ..127\n192.0.2.0 ...192.0.2.127\n192.0.2.0 last: 300",
			"1 192.0.2.16/28\n2 192.0.2.0/29\n3 192.0.2.64/32\n4 192.0.2.0/25\n5 192.0.2.9/32\n6 192.0.2.0/25\n7: left out: 192.0.2.0 ...192.0.2.127" + out + "\n8: left out: 192.0.2.0 last: 300" + out},
		{"a number behind a word", "192.0.2.0 hosts 256\n198.51.100.0 size 24\n203.0.113.0 x 256\n192.0.2.9 size 3", "1 192.0.2.0/24\n3 203.0.113.0/24\n4 192.0.2.9/32\n2: left out: 198.51.100.0 size 24" + number},
		{"a size that is no number", "192.0.2.0/²⁴\n192.0.2.0/٢٤\n192.0.2.0_24\n192.0.2.0%2F24\n192.0.2.9_24\n192.0.2.9",
			"1: left out: 192.0.2.0/\\u00b2\\u2074" + out + "\n2: left out: 192.0.2.0/\\u0662\\u0664" + out + "\n3: left out: 192.0.2.0_24" + out + "\n4: left out: 192.0.2.0%2F24" + out + "\n6 192.0.2.9/32"},
		{"a size in a word", "192.0.2.0 24-bit\n192.0.2.0 +255\n192.0.2.0 x256\n192.0.2.9 24bit\n192.0.2.0 bits",
			"1: left out: 192.0.2.0 24-bit" + out + "\n2: left out: 192.0.2.0 +255" + out + "\n3: left out: 192.0.2.0 x256" + out + "\n4 192.0.2.9/32\n5 192.0.2.0/32"},
		{"a size in a word, in other ways", "192.0.2.0 [256]\n192.0.2.0 256x\n192.0.2.0 ~255\n192.0.2.0 addresses=256\n192.0.2.0 %2F24\n192.0.2.0 0-255\n192.0.2.0 [24 bits]\n192.0.2.0 256hosts",
			"1: left out: 192.0.2.0 [256]" + out + "\n2: left out: 192.0.2.0 256x" + out + "\n3: left out: 192.0.2.0 ~255" + out + "\n4: left out: 192.0.2.0 addresses=256" + out + "\n5: left out: 192.0.2.0 %2F24" + out + "\n6: left out: 192.0.2.0 0-255" + out + "\n7: left out: 192.0.2.0 [24" + out + "\n8: left out: 192.0.2.0 256hosts" + out},
		{"words with a number that are no size", "192.0.2.0 [24]\n192.0.2.0 2024-05-24\n192.0.2.0 host24\n192.0.2.9 [256]\n192.0.2.0 100%\n192.0.2.0 ipv4\n192.0.2.0, \"ip\": f(24\n192.0.2.0 since 2019\n192.0.2.0 on 24 May",
			"1 192.0.2.0/32\n2 192.0.2.0/32\n3 192.0.2.0/32\n4 192.0.2.9/32\n5 192.0.2.0/32\n6 192.0.2.0/32\n7 192.0.2.0/32\n8 192.0.2.0/32\n9 192.0.2.0/32"},
		{"a number behind words", "192.0.2.0 block of 256\n198.51.100.0 end 255\n203.0.113.0 mask of 25\n192.0.2.0 last address 127\n192.0.2.0 with a prefix of 24\n192.0.2.0 prefix is 12\n192.0.2.7 mask of 24",
			"1 192.0.2.0/24\n2: left out: 198.51.100.0 end 255" + out + "\n3 203.0.113.0/25\n4: left out: 192.0.2.0 last address 127" + out + "\n5: left out: 192.0.2.0 with a prefix of 24" + out + "\n6 192.0.2.0/32\n7: left out: 192.0.2.7 mask of 24 does not begin at that address"},
		{"a number that is no end", "192.0.2.0,high,90\n\"192.0.2.0\",\"high\",\"90\"\n192.0.2.0,end of 2024\n192.0.2.7 max 40\n192.0.2.0 max 40",
			"1 192.0.2.0/32\n2 192.0.2.0/32\n3 192.0.2.0/32\n4 192.0.2.7/32\n5: left out: 192.0.2.0 max 40" + out},
		{"a class of networks", "192.0.2.0 (class C)\n192.0.2.0 is a Class-C network\nclass C 192.0.2.0\n10.0.0.0 class A\n192.0.2.7 (class C)\n192.0.2.0 class B\n192.0.2.0 C\n192.0.2.0 first class\n192.0.2.0 is class C.\n192.0.2.5, 192.0.3.0 class C",
			"1: left out: 192.0.2.0 (class C" + out + "\n2: left out: 192.0.2.0 is a Class-C" + out + "\n3: left out: C 192.0.2.0" + out + "\n4: left out: 10.0.0.0 class A" + out + "\n5 192.0.2.7/32\n6 192.0.2.0/32\n7 192.0.2.0/32\n8 192.0.2.0/32\n9: left out: 192.0.2.0 is class C." + out + "\n10 192.0.2.5/32\n10: left out: 192.0.3.0 class C" + out},
		{"a registry", "ripencc|DE|ipv4|192.0.2.0|192|20200101|assigned\nripencc|DE|ipv6|2001:db8::|32|20200101|assigned",
			"1 192.0.2.0/25\n1 192.0.2.128/26\n2 2001:db8::/32"},
		{"priorities and ports", "mx 192.0.2.4 30\n192.0.2.5,25,tcp", "2 192.0.2.5/32\n1 192.0.2.4/32"},

		{"text behind a ;", "192.0.2.1;192.0.2.2; 192.0.2.3\n192.0.2.4 ; 192.0.2.5\n192.0.2.6 ;192.0.2.7\n;192.0.2.8",
			"1 192.0.2.1/32\n1 192.0.2.2/32\n1 192.0.2.3/32\n2 192.0.2.4/32\n3: left out: 192.0.2.7 may be a comment, or an address of the list\n3 192.0.2.6/32"},
		{"comments", "// 192.0.2.1\n! was 192.0.2.2\n-- was 192.0.2.3\n% was 192.0.2.4\ndnl 192.0.2.5\n192.0.2.6 // 192.0.2.7\n/* 192.0.2.8\n192.0.2.9 */ <!-- 192.0.2.10 -->\n192.0.2.11#192.0.2.12",
			"6 192.0.2.6/32\n9 192.0.2.11/32"},
		{"an address behind the mark of a comment", "! 192.0.2.1\n% 192.0.2.2\n-- 192.0.2.3", "1: left out: ! 192.0.2.1 is taken back by the text before it\n" +
			"2: left out: % 192.0.2.2 is taken back by the text before it\n3 192.0.2.3/32"},
		{"struck out", "~~192.0.2.1~~ 192.0.2.2 <DEL>192.0.2.3</DEL>\n<s>192.0.2.4\n192.0.2.5", "2: left out: <s>192.0.2.4 is struck out, and the mark has no end\n1 192.0.2.2/32\n3 192.0.2.5/32"},

		{"emphasis", "**192.0.2.0/25**, *192.0.2.129* _192.0.2.130_ **192.0.2.132 - 192.0.2.135**", "1 192.0.2.0/25\n1 192.0.2.129/32\n1 192.0.2.130/32\n1 192.0.2.132/30"},
		{"notes", "192.0.2.0/25* 192.0.2.128/26[4] 192.0.2.192/27[^1]\n192.0.2.9*\n192.0.2.9[1]", "1 192.0.2.0/25\n1 192.0.2.128/26\n1 192.0.2.192/27\n2: left out: 192.0.2.9*" + out +
			"\n3: left out: 192.0.2.9[1]" + out},
		{"what looks like networks", "192.0.2.[0-9] 192.0/16 192.0.2.0/24=\n192.0.2.{1,5}\n192.0.2.0:24 192.0.2.7:25", "1: left out: 192.0.2.[0-9]" + out + "\n1: left out: 192.0/16" + out +
			"\n1: left out: 192.0.2.0/24=" + out + "\n2: left out: 192.0.2." + out + "\n3: left out: 192.0.2.0:24" + out},
		{"characters that cannot be seen within an address", "192.0.2.1\u200b0 192.0.2.\u00ad20 2001:db8::1\u20600\n192.0.2.3\u200b192.0.2.4 \u200e192.0.2.5\u200b\n192.0.2.0/2\u200d5 192.0.2.0/\u00a025",
			"1: left out: 192.0.2.1\\u200b0" + out + "\n1: left out: 192.0.2.\\u00ad20" + out + "\n1: left out: 2001:db8::1\\u20600" + out +
				"\n2 192.0.2.3/32\n2 192.0.2.4/32\n2 192.0.2.5/32\n3: left out: 192.0.2.0/2\\u200d5" + out + "\n3 192.0.2.0/25"},
		{"a TXT record cut within an address", "\"v=spf1 ip4:192.0.2.1\" \"0 ip4:192.0.2.0/2\" \"5 ip4:192.0.2.20\" \" ip4:192.0.2.30 -all\"",
			"1: left out: ip4:192.0.2.1" + out + "\n1: left out: ip4:192.0.2.0/2" + out + "\n1 192.0.2.20/32\n1 192.0.2.30/32"},
		{"what cannot be seen, before what is an address by itself", "8\u200b1.2.31.0/24 81.2.31.0\u200b81.2.32.0 81.2.33.0/24\u200b1.2.3.4 1.\u200b81.2.34.0\n2001:db\u200b8::/32 2001:db8::1\u200b2001:db8::2",
			"1: left out: 8\\u200b1.2.31.0/24" + out + "\n1 81.2.31.0/32\n1 81.2.32.0/32\n1 81.2.33.0/24\n1 1.2.3.4/32\n1 81.2.34.0/32\n2: left out: 2001:db\\u200b8::/32" + out + "\n2 2001:db8::1/128\n2 2001:db8::2/128"},
		{"numbers and marks that are no digits, and what is not drawn", "81.2.31.0/2\u2074 8.8.8.8/3\u00b2 8.8.0.0/8\u0302 81.2.31.0/2\u034f4 81.2.31.1\ufe0f0 81.2.31.1\u115f0 81.2.31.0/\u200b24",
			"1: left out: 81.2.31.0/2\\u2074" + out + "\n1: left out: 8.8.8.8/3\\u00b2" + out + "\n1: left out: 8.8.0.0/8\\u0302" + out + "\n1: left out: 81.2.31.0/2\\u034f4" + out +
				"\n1: left out: 81.2.31.1\\ufe0f0" + out + "\n1: left out: 81.2.31.1\\u115f0" + out + "\n1: left out: 81.2.31.0/\\u200b24" + out},
		{"labels of a word", "set start-ip 192.0.2.0\nset end-ip 192.0.2.63\nip: 192.0.2.64 suffix: 26\nnetwork,size\n192.0.2.128,/25\nnumber of addresses: 256",
			"1 192.0.2.0/26\n3 192.0.2.64/26\n5 192.0.2.128/25"},
		{"what looks like networks, too", "192.0.2.XX 192[.]0[.]2[.]0/24 192.0.2.0/192.0.2.255 192.0.2.0//24 2001:db8/32\n10:30/45 1.2.xx3",
			"1: left out: 192.0.2.XX" + out + "\n1: left out: 192[.]0[.]2[.]0/24" + out + "\n1: left out: 192.0.2.0/192.0.2.255" + out + "\n1: left out: 192.0.2.0//24" + out + "\n1: left out: 2001:db8/32" + out},
		{"an access map", "192.0.2 RELAY\nConnect:192.0.2.7\tRELAY", "1: left out: 192.0.2 RELAY" + out + "\n2: left out: Connect:192.0.2.7" + out},
		{"XML", `<r a="192.0.2.4" end="192.0.2.7"/><start>192.0.2.8</start><end>192.0.2.11</end><ip>192.0.2.12</ip><net mask="255.255.255.128">192.0.2.128</net>`,
			"1 192.0.2.4/30\n1 192.0.2.8/30\n1 192.0.2.12/32\n1 192.0.2.128/25"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFinding(100)
			if err := f.Read([]byte(test.text), lines); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, strings.Join(f.report, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// In a strict list whatever is not understood is a mistake with its line.
func TestReadStrictly(t *testing.T) {
	const none = " is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32"
	const ranges = " may be a range: write it with a dash, or each address on a line of its own"
	tests := []struct{ name, text, want, err string }{
		{name: "dresses", text: "192.0.2.0 255.255.255.128 # a\n192.0.2.128 / 26; b\n192.0.2.192-207\nip4:192.0.2.208/28, [2001:db8::]/32\n192.0.2.224 thru 192.0.2.231",
			want: "1 192.0.2.0/25\n2 192.0.2.128/26\n3 192.0.2.192/28\n4 192.0.2.208/28\n4 2001:db8::/32\n5 192.0.2.224/29"},
		{name: "a Postfix table", text: "192.0.2.0/25 permit\n192.0.2.128 255.255.255.192\tOK\n192.0.2.192/26 REJECT\npermit 192.0.2.1\n192.0.2.2 OK then",
			err: `doc:3: "REJECT"` + none + "\n" + `doc:4: "permit"` + none + "\n" + `doc:5: "OK"` + none + "\n" + `doc:5: "then"` + none},
		{name: "labels", text: "192.0.2.0 prefixlen=25\n192.0.2.128 mask=ffffffc0\n192.0.2.192 size=64\n192.0.2.7 last=9",
			err: `doc:3: "size=64"` + none + "\n" + `doc:4: "last="` + none + "\n" + `doc:4: "9"` + none},
		{name: "a number that is no end", text: "192.0.2.0 max 40", err: `doc:1: "max"` + none + "\n" + `doc:1: "40"` + none},
		{name: "all IPv4-mapped addresses", text: "::ffff:0:0/96\n::ffff:192.0.2.1/96\n::/0\n::ffff:192.0.2.0/120",
			err: `doc:1: "::ffff:0:0/96" is all IPv4-mapped addresses, which no client has: write the IPv4 networks that are meant` + "\n" + `doc:2: "::ffff:192.0.2.1/96" is all IPv4-mapped addresses, which no client has: write the IPv4 networks that are meant`},
		{name: "behind a ;", text: "192.0.2.1;192.0.2.2\n192.0.2.3;office\n192.0.2.4 ; office", want: "1 192.0.2.1/32\n1 192.0.2.2/32\n2 192.0.2.3/32\n3 192.0.2.4/32"},
		{name: "a size behind a ;", text: "192.0.2.0;24", err: `doc:1: "24"` + none},
		{name: "a length behind a ;", text: "192.0.2.0;/25;office", want: "1 192.0.2.0/25"},
		{name: "an address behind a ; that may be a comment", text: "192.0.2.1 ;192.0.2.2", err: `doc:1: "192.0.2.2" may be a comment, or an address of the list`},
		{name: "hosts and ranges", text: "192.0.2.3,192.0.2.4\n192.0.2.0,192.0.2.255\n192.0.2.16 192.0.2.31", err: `doc:2: "192.0.2.0,192.0.2.255"` + ranges + "\n" + `doc:3: "192.0.2.16 192.0.2.31"` + ranges},
		{name: "numbers", text: "192.0.2.0 24", err: `doc:1: "24"` + none},
		{name: "a mask elsewhere", text: "192.0.2.0 Berlin 255.255.255.0", err: `doc:1: "Berlin"` + none + "\n" + `doc:1: "255.255.255.0" is a netmask without an address`},
		{name: "Markdown", text: "**192.0.2.0/24** 192.0.2.0/24*", err: `doc:1: "**192.0.2.0/24**"` + none + "\n" + `doc:1: "192.0.2.0/24*"` + none},
		{name: "a chain over two lines", text: "192.0.2.1 to\n192.0.2.4 - 192.0.2.5", err: `doc:1: "192.0.2.1 to 192.0.2.4 - 192.0.2.5"` + none},
		{name: "taken back", text: "!192.0.2.1\n! 192.0.2.2\n-ip4:192.0.2.3", err: `doc:1: "!192.0.2.1"` + none + "\n" + `doc:2: "! 192.0.2.2" is taken back by the text before it` + "\n" + `doc:3: "-ip4:192.0.2.3"` + none},
		{name: "blanks that are none", text: "192.0.2.1\u200b\n\u00a0192.0.2.2", want: "1 192.0.2.1/32\n2 192.0.2.2/32"},
		{name: "many mistakes", text: strings.Repeat("x\n", 1022), err: numbered(20, `"x"`+none) + "doc: and 1,002 more lines like these"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFinding(100)
			f.Strict = true
			err := f.Read([]byte(test.text), lines)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.err, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.want, strings.Join(f.report, "\n")); err == nil && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// numbered gives a message for each of so many lines.
func numbered(n int, message string) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "doc:%d: %s\n", i+1, message)
	}
	return all.String()
}
