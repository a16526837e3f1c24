package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/guard"
	"mailallow/fixtures"
)

// TestHostileZones replaces the policy of a source by ones that cost receivers dearly. A run over each is bounded in time
// and memory, reports the fault, and does not touch the installed files.
func TestHostileZones(t *testing.T) {
	t.Parallel()
	const stale = `the SPF policy of mail.test cannot be listed: permerror`
	program := withinGibibyte(t)
	for _, row := range []trouble{
		{name: "ten thousand terms", zone: txt("mail.test", "v=spf1"+strings.Repeat(" a", 10_000)+" -all"),
			status: guard.Held, says: []string{"not one address is left in it"}},
		{name: "ten thousand mistakes", zone: txt("mail.test", "v=spf1"+strings.Repeat(" oops", 10_000)), says: []string{stale, "oops: "}},
		{name: "ten thousand ptr", zone: txt("mail.test", "v=spf1"+strings.Repeat(" ptr", 10_000)+" ip4:74.125.4.0/23"),
			status: guard.Held, says: []string{"mail.test: ptr: ", `source "provider" is held`}},
		{name: "as many networks as fit", zone: txt("mail.test", networks(3700)), status: guard.Held, says: []string{"IPv4: 514 of 514 addresses of the last good state are gone (100%)"}},
		{name: "as long as a record can be", zone: txt("mail.test", "v=spf1 x="+strings.Repeat("x", 65_000)), status: guard.Held,
			says: []string{"not one address is left in it"}},
		{name: "longer than our limit", zone: txt("mail.test", networks(3700)), dns: "max_record_bytes = 10000",
			says: []string{stale, "our limit is 10,000 (max_record_bytes), so it was not read"}},
		{name: "as many records as fit", zone: strings.Repeat(`mail.test TXT "v=spf1 -all"`+"\n", 1900), says: []string{stale, "1900 v=spf1 records where one is allowed"}},
		{name: "includes that double", zone: tree(40, 1, "include:%[1]s include:%[1]s"), status: guard.Held, says: []string{"receivers allow 10"}},
		{name: "includes without end", zone: tree(2, 9, ""), says: []string{stale, "our limit of 500 lookups (max_lookups) is used up"}},
		{name: "includes too deep", zone: tree(60, 1, ""), says: []string{stale, "our limit of 50 nested records (max_depth) ends here"}},
		{name: "a redirect to itself", zone: txt("mail.test", "v=spf1 redirect=mail.test"), says: []string{stale, "mail.test leads back to itself"}},
		{name: "a loop of two", zone: txt("mail.test", "v=spf1 include:b.test") + txt("b.test", "v=spf1 redirect=mail.test"),
			says: []string{stale, "mail.test leads back to itself"}},
		{name: "everyone includes everyone", zone: clique(30), says: []string{stale, "leads back to itself"}},
		{name: "a long chain of aliases", zone: aliases(100), says: []string{"temperror", "more than 8 CNAMEs to follow"}},
		{name: "aliases in a circle", zone: aliases(20) + "c20.test CNAME mail.test\n", says: []string{"temperror", "CNAME"}},
		{name: "an alias of itself", zone: "mail.test CNAME mail.test", says: []string{"temperror", "CNAME loop at mail.test"}},
		{name: "exchanges beyond number", zone: exchanges(1000), says: []string{stale, "our limit of 500 lookups (max_lookups) is used up"}},
		{name: "addresses beyond number", zone: addresses(2500), says: []string{"temperror", "an answer of more than 1,000 addresses"}},
		{name: "the whole Internet", zone: txt("mail.test", "v=spf1 +all"), status: guard.Held,
			says: []string{"0.0.0.0/0 is wider than widest_ipv4 = 12", "::/0 is wider than widest_ipv6 = 28"}},
		{name: "bytes of all kinds", zone: `mail.test TXT "v=spf1 include:\000\007\027[31m\010Connect:8\009RELAY\195\188.test -all"`,
			says: []string{stale, `include:\x00\x07\x1b[31m`}},
		{name: "names with escapes", zone: `mail.test CNAME e\.vil\010\027[31m.test` + "\n" + `e\.vil\010\027[31m.test TXT "v=spf1 a:a.test/24 -all"`,
			status: guard.Held, says: []string{"not one address is left in it"}},
		{name: "an exchange with escapes", zone: txt("mail.test", "v=spf1 mx -all") + `mail.test MX 10 e\.vil\010\027[31m.test`,
			says: []string{"temperror", `MX mail.test: `}},
	} {
		row.source = "provider"
		if row.status == "" {
			row.status = guard.Stale
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			n := blankNetwork(t)
			n.program = program
			n.begin().hits(row)
			n.quick()
		})
	}
}

// TestHostileDocuments does the same with documents, under the limits of the program.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	program := withinGibibyte(t)
	plain := func(body string) fixtures.Page { // compressing it would take longer than the rest of the test
		return fixtures.Page{Body: body, Header: map[string]string{"Content-Encoding": "identity"}}
	}
	for _, row := range []trouble{
		{name: "endless", page: fixtures.Page{Fault: fixtures.Endless, Body: strings.Repeat(networkList, 5000)}, says: []string{"larger than 33,554,432 bytes"}},
		{name: "a gigabyte in a megabyte", page: fixtures.Page{Fault: fixtures.Bomb}, says: []string{"larger than 33,554,432 bytes"}},
		{name: "ten million numbers", page: plain("[" + strings.Repeat("1,", 10_000_000) + "1]"), query: ".",
			says: []string{"the document has more than 1,000,000 values"}},
		{name: "a million brackets", page: plain(strings.Repeat("[", 999_999)), query: ".", says: []string{"the document is not JSON"}},
		{name: "a billion numbers out of one", page: plain("1000000000"), query: "if type == \"array\" then .[] else [range(.)] end", says: []string{"not done after 20,000,000 steps"}},
		{name: "two million addresses", page: plain(strings.Repeat(networkList, 1_000_000)), says: []string{"more than 120,000 addresses and networks"}},
		{name: "one word", page: plain(strings.Repeat("1.", 15_000_000)), status: guard.Held, says: []string{"not one address is left in it"}},
		{name: "tags that never end", page: plain(strings.Repeat("<b ", 5_000_000)), status: guard.Held, says: []string{"not one address is left in it"}},
		{name: "no UTF-8", page: plain(strings.Repeat("\xff\xc3(", 5_000_000)), status: guard.Held, says: []string{"not one address is left in it"}},
		{name: "no UTF-8 in JSON", page: plain("\"17.41.0.0/16\xff\""), query: ".", says: []string{"it is not UTF-8"}},
	} {
		row.source = "web"
		if row.status == "" {
			row.status = guard.Stale
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			switch row.name {
			case "a billion numbers out of one", "two million addresses", "tags that never end": // seconds of CPU each
				fixtures.All(t)
			}
			n := blankNetwork(t)
			n.program, n.query = program, row.query
			n.begin().hits(row)
			n.quick()
		})
	}
}

// withinGibibyte is the program as it is released, which fails if it needs more memory than a gibibyte.
func withinGibibyte(t *testing.T) []string {
	return []string{"sh", "-c", `ulimit -d 1048576 && exec "$0" "$@"`, fixtures.Mailallow(t)}
}

// quick wants every update of a host to have been quick. The bound is far above the usual time, for slow hosts, and far
// below the cost of a hostile input that the program believes.
func (n *network) quick() {
	n.t.Helper()
	n.t.Logf("%v of CPU", n.time)
	if n.time > 20*time.Second {
		n.t.Errorf("it took %v of CPU", n.time)
	}
}

// txt is a line of a zone: a TXT record in strings of 255 bytes.
func txt(name, text string) string {
	var b strings.Builder
	b.WriteString(name + " TXT")
	for len(text) > 0 {
		n := min(255, len(text))
		fmt.Fprintf(&b, " %q", text[:n])
		text = text[n:]
	}
	return b.String() + "\n"
}

func networks(n int) string {
	var b strings.Builder
	b.WriteString("v=spf1")
	for i := range n {
		fmt.Fprintf(&b, " ip4:74.%d.%d.%d", i>>14&255, i>>7&255, i<<1&255)
	}
	return b.String() + " -all"
}

// tree is a tree of includes below mail.test, so deep and wide. With terms, each record has these for its first child.
func tree(depth, width int, terms string) string {
	var b strings.Builder
	var grow func(name string, level int)
	grow = func(name string, level int) {
		record := "v=spf1"
		for i := range width {
			child := fmt.Sprintf("n%d.%s", i, name)
			if width == 1 {
				child = fmt.Sprintf("n%d.test", level)
			}
			if terms != "" {
				record += " " + fmt.Sprintf(terms, child)
			} else {
				record += " include:" + child
			}
			if level < depth {
				grow(child, level+1)
			} else {
				b.WriteString(txt(child, "v=spf1 ip4:74.125.4.0/24"))
			}
		}
		b.WriteString(txt(name, record+" -all"))
	}
	grow("mail.test", 0)
	return b.String()
}

func clique(n int) string {
	var b strings.Builder
	for i := range n {
		record := "v=spf1"
		for j := range n {
			record += fmt.Sprintf(" include:n%d.test", (i+j)%n)
		}
		b.WriteString(txt(fmt.Sprintf("n%d.test", i), record))
	}
	return b.String() + txt("mail.test", "v=spf1 include:n0.test")
}

func aliases(n int) string {
	zone := "mail.test CNAME c1.test\n"
	for i := 1; i < n; i++ {
		zone += fmt.Sprintf("c%d.test CNAME c%d.test\n", i, i+1)
	}
	return zone
}

func exchanges(n int) string {
	zone := txt("mail.test", "v=spf1 mx -all")
	for i := range n {
		zone += fmt.Sprintf("mail.test MX 10 mx%d.test\n", i)
	}
	return zone
}

func addresses(n int) string {
	zone := txt("mail.test", "v=spf1 a -all")
	for i := range n {
		zone += fmt.Sprintf("mail.test A 74.125.%d.%d\n", i>>7, i<<1&255)
	}
	return zone
}
