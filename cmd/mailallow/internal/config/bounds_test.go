package config

import (
	"fmt"
	"strings"
	"testing"
)

// A file with too many keys gets a short message in little time: go-toml compares each key of a table with all before it.
func TestConfigOfMany(t *testing.T) {
	keys := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "key%d = 1\n", i)
		}
		return []byte(b.String())
	}
	_, err := Decode("x.toml", keys(maxConfigKeys+1))
	if want := "x.toml: more than 10000 keys: this is no configuration of mailallow"; fmt.Sprint(err) != want {
		t.Errorf("error %q, want %q", fmt.Sprint(err), want)
	}
	c, err := Decode("x.toml", keys(maxUnknownKeys+10))
	if err != nil {
		t.Fatal(err)
	}
	last := c.problems[len(c.problems)-1]
	if want := "x.toml: and 10 unknown keys more"; len(c.problems) != maxUnknownKeys+1 || last.Error() != want {
		t.Errorf("%d problems, the last %q; want %d, %q", len(c.problems), last, maxUnknownKeys+1, want)
	}
}
