package address_test

import (
	"fmt"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
)

// A key that Sendmail finds, and four that it never does, with the networks that their writers meant.
func ExampleRead() {
	for _, text := range []string{"Connect:192.0.2", "Connect:192.0.2.0/24", "192.0.2.", "Connect:2001:db8::", "198.51.100.7/24"} {
		matches, rule, fault := address.Read(key.Cut(text), nil)
		if fault == nil {
			fmt.Printf("%s matches %s\n", text, matches)
			continue
		}
		fmt.Printf("%s: %s: means %v, certain %v\n", text, rule.Name, fault.Meant, fault.Certain)
	}

	// Output:
	// Connect:192.0.2 matches 192.0.2.0/24
	// Connect:192.0.2.0/24: cidr: means [192.0.2.0/24], certain true
	// 192.0.2.: address-form: means [192.0.2.0/24], certain true
	// Connect:2001:db8::: ipv6-prefix: means [2001:db8::/128], certain false
	// 198.51.100.7/24: cidr: means [198.51.100.0/24], certain false
}
