package snapshot_test

import (
	"fmt"
	"strings"

	"mailallow/allowlist/snapshot"
)

// A snapshot as fetch writes it. Every range is below the steps of the policy that name it.
func ExampleDecode() {
	const text = `{"version": 2, "time": "2026-11-01T04:00:00Z", "sources": [
  {"name": "google", "definition": "sha256:5c6f", "time": "2026-11-01T04:00:00Z", "paths": [
    {"step": "_spf.google.com", "steps": [
      {"step": "ip4:74.125.0.0/16", "ranges": ["74.125.0.0/16"]},
      {"step": "ip4:173.194.0.0/16", "ranges": ["173.194.0.0/16"]}]}]}]}`
	s, err := snapshot.Decode(strings.NewReader(text), "mailallow.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, src := range s.Sources {
		for r := range src.Ranges.All() {
			fmt.Println(src.Name, r.Prefix, r.Path)
		}
	}

	_, err = snapshot.Decode(strings.NewReader(strings.Replace(text, `["74.125.0.0/16"]`, `["74.125.1.0/16"]`, 1)), "mailallow.json")
	fmt.Println(err)

	// Output:
	// google 74.125.0.0/16 _spf.google.com > ip4:74.125.0.0/16
	// google 173.194.0.0/16 _spf.google.com > ip4:173.194.0.0/16
	// snapshot mailallow.json: source "google": 74.125.1.0/16 has host bits set: 74.125.0.0/16 is meant
}
