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
func TestShown(t *testing.T) {
	for _, row := range []struct {
		text  string
		limit int
		want  string
	}{
		{"Büro", 10, "Büro"}, {"Büro", 5, "Büro"}, {"Büro", 4, "B..."}, {"Büro", 3, "..."}, {"üüüü", 8, "üüüü"}, {"üüüü", 7, "üü..."}, {"üüüü", 6, "ü..."},
		{"a\x1b[31mü\xff", 20, `a\x1b[31mü\xff`}, {"a\x1bb", 5, "a..."}, {"a\x1b", 5, `a\x1b`}, {"\u202e\x00", 3, "..."}, {"\u202e", 12, `\xe2\x80\xae`}, {"", 3, ""},
	} {
		got := ascii.Shown(row.text, row.limit)
		if got != row.want || len(got) > row.limit || !ascii.AllShow(got) {
			t.Errorf("%q to %d bytes: %q, want %q", row.text, row.limit, got, row.want)
		}
	}
}

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
