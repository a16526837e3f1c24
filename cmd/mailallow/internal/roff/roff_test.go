package roff

import "testing"

func TestEscape(t *testing.T) {
	for _, row := range [][2]string{
		{".TH 'x'", `\&.TH \(aqx\(aq`},
		{`C:\n --all`, `C:\en \-\-all`},
		{"~ ^ `x`", "\\(ti \\(ha \\(gax\\(ga"},
	} {
		if got := escape(row[0]); got != row[1] {
			t.Errorf("%q is %q, want %q", row[0], got, row[1])
		}
	}
}
