package allowlist

import (
	"fmt"
	"testing"
)

func TestFew(t *testing.T) {
	for _, row := range []struct{ n, want, left int }{{20, 20, 0}, {21, 21, 1}, {22, 21, 2}, {1000, 21, 980}} {
		var few Few
		for i := range row.n {
			few.Add("x", func() string { return fmt.Sprint(i) })
		}
		got := few.inSource()
		last := got[len(got)-1].Text
		if len(got) != row.want || row.left > 0 && last != fmt.Sprintf("and %d more problems", row.left) {
			t.Errorf("%d: %d, the last %q", row.n, len(got), last)
		}
	}
}
