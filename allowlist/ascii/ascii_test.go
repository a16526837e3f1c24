package ascii

import "testing"

func TestPrintable(t *testing.T) {
	for _, row := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"ip4:192.0.2.0/24", 16, "ip4:192.0.2.0/24"},
		{"ip4:192.0.2.0/24", 15, "ip4:192.0.2...."},
		{"a\nb\x1b[2J", 40, `a\x0ab\x1b[2J`},
		{"a\\b", 40, `a\x5cb`},
		{"\u202e", 40, `\xe2\x80\xae`},
		{"ab\n", 6, `ab\x0a`},
		{"ab\nc", 6, "ab..."},
		{"ab\nc", 7, `ab\x0ac`},
		{"\n\n", 7, `\x0a...`},
	} {
		if got := Printable(row.in, row.limit); got != row.want || len(got) > row.limit {
			t.Errorf("Printable(%q, %d) = %q, want %q", row.in, row.limit, got, row.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, row := range []struct {
		in    string
		limit int
		want  string
	}{{"abcdef", 6, "abcdef"}, {"abcdefg", 6, "abc..."}} {
		if got := Cut(row.in, row.limit); got != row.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", row.in, row.limit, got, row.want)
		}
	}
}
