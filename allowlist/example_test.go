package allowlist_test

import (
	"fmt"
	"log"
	"net/netip"

	"mailallow/allowlist"
)

// exampleRanges reads a list as it would be on disk.
func exampleRanges(name, text string) allowlist.Ranges {
	ranges, _, err := allowlist.ParseList([]byte(text), name)
	if err != nil {
		log.Fatal(err)
	}
	return ranges
}

func exampleSources() []allowlist.Labelled {
	return []allowlist.Labelled{
		{Source: "provider", Action: allowlist.OK, Ranges: exampleRanges("provider.cidr", "74.125.0.0/24\n74.125.1.0/24\n")},
		{Source: "offices", Action: allowlist.Relay, Ranges: exampleRanges("offices.cidr", "# Berlin\n74.125.1.128/25\n")},
		{Source: "never", Action: allowlist.Exclude, Ranges: exampleRanges("never.cidr", "74.125.0.7\n")},
	}
}

// Three sources become one list: the longer prefix wins, and EXCLUDE leaves a hole.
func ExampleMerge() {
	for span := range allowlist.Merge(exampleSources()).Spans() {
		fmt.Println(span.From, "-", span.To, span.Action(), "by", span.Prefix())
	}
	// Output:
	// 74.125.0.0 - 74.125.0.6 OK by 74.125.0.0/23
	// 74.125.0.8 - 74.125.1.127 OK by 74.125.0.0/23
	// 74.125.1.128 - 74.125.1.255 RELAY by 74.125.1.128/25
}

// Explain says which range decides an address, and which other ranges hold it.
func ExampleExplainer_Explain() {
	explainer := allowlist.NewExplainer(exampleSources())
	for _, addr := range []string{"74.125.1.200", "74.125.0.7"} {
		e := explainer.Explain(netip.MustParseAddr(addr))
		switch {
		case e.Entry != nil:
			fmt.Println(addr, e.Entry.Action, e.Entry.Owners)
		case e.Without != nil:
			fmt.Println(addr, "is excluded; without that,", e.Without.Action)
		}
		for _, m := range append(e.Matches, e.Excluded...) {
			fmt.Println("  in", m.Prefix, m.Action, m.PathString())
		}
	}
	// Output:
	// 74.125.1.200 RELAY [{offices [offices.cidr:2]}]
	//   in 74.125.1.128/25 RELAY offices.cidr:2
	//   in 74.125.1.0/24 OK provider.cidr:2
	// 74.125.0.7 is excluded; without that, OK
	//   in 74.125.0.0/24 OK provider.cidr:1
	//   in 74.125.0.7/32 EXCLUDE never.cidr:1
}
