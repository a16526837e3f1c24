package prefixes_test

import (
	"fmt"
	"net/netip"

	"mailallow/allowlist/prefixes"
)

// A list of many networks becomes the fewest networks with the same addresses.
func ExampleList_Fewest() {
	var list prefixes.List
	for line, text := range []string{"192.0.2.128/25", "192.0.2.7/32", "192.0.2.0/25", "2001:db8::/32"} {
		list.Add(netip.MustParsePrefix(text), uint32(line+1))
	}
	for p := range list.Sorted().Fewest().All() {
		fmt.Println(p)
	}
	// Output:
	// 192.0.2.0/24
	// 2001:db8::/32
}

// The longest network decides an address, and holes are in no run.
func ExampleList_Nest() {
	var list, holes prefixes.List
	list.Add(netip.MustParsePrefix("192.0.2.0/24"), 1)
	list.Add(netip.MustParsePrefix("192.0.2.64/26"), 2)
	holes.Add(netip.MustParsePrefix("192.0.2.200/29"), 0)

	sorted := list.Sorted()
	for run := range sorted.Nest(holes.Sorted().Fewest()) {
		p, label := sorted.At(run.Number)
		fmt.Println(run.From, "-", run.To, "by", p, "with label", label)
	}
	// Output:
	// 192.0.2.0 - 192.0.2.63 by 192.0.2.0/24 with label 1
	// 192.0.2.64 - 192.0.2.127 by 192.0.2.64/26 with label 2
	// 192.0.2.128 - 192.0.2.199 by 192.0.2.0/24 with label 1
	// 192.0.2.208 - 192.0.2.255 by 192.0.2.0/24 with label 1
}
