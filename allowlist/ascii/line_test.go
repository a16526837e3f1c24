package ascii_test

import (
	"fmt"
	"strings"
	"testing"

	"mailallow/allowlist/ascii"
)

func ExampleLine() {
	fmt.Println(ascii.Line("büro.cidr"))
	fmt.Println(ascii.Line("a\nb.cidr"))
	// Output:
	// büro.cidr
	// a\x0ab.cidr
}

func ExampleExcerpt() {
	fmt.Println(ascii.Excerpt("10.0.0.0/8\x1b]0;"))
	// Output:
	// 10.0.0.0/8\x1b]0;
}

// An excerpt is printable ASCII of at most 80 escapes, whatever the text is.
func TestExcerpt(t *testing.T) {
	for _, s := range []string{"", `a "b" \c`, strings.Repeat("x", 80), strings.Repeat("\u202e", 1000), "\xff\x00\n"} {
		got := ascii.Excerpt(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) || len(got) > 80*len(`\x00`)*3 {
			t.Errorf("Excerpt(%q) = %q", s, got)
		}
	}
	if got := ascii.Excerpt(strings.Repeat("x", 81)); got != strings.Repeat("x", 80)+"..." {
		t.Errorf("81 bytes become %q", got)
	}
}
