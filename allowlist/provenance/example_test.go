package provenance_test

import (
	"fmt"

	"mailallow/allowlist/provenance"
)

// Two terms of one include share the steps above them.
func ExamplePath_Then() {
	include := provenance.Of("example.org", "include:_spf.example.net")
	first, second := include.Then("ip4:192.0.2.0/24"), include.Then("ip4:198.51.100.0/24")
	fmt.Println(first)
	fmt.Println(second)
	fmt.Println(first.Above() == second.Above())

	// Output:
	// example.org > include:_spf.example.net > ip4:192.0.2.0/24
	// example.org > include:_spf.example.net > ip4:198.51.100.0/24
	// true
}
