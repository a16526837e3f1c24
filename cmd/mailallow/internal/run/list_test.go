package run

import (
	"testing"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/exit"
)

// A list without the ranges of a source that keeps addresses out is refused, with the code of the worst source.
func TestRefused(t *testing.T) {
	for _, row := range []struct {
		barred   string
		statuses []allowlist.Status
		want     int
	}{
		{"", []allowlist.Status{allowlist.Held, allowlist.Missing}, exit.Done},
		{"never", []allowlist.Status{allowlist.Fresh, allowlist.Missing}, exit.Stale},
		{"never", []allowlist.Status{allowlist.Held}, exit.Held},
		{"never", []allowlist.Status{allowlist.Stale, allowlist.Missing, allowlist.Held}, exit.Held},
	} {
		list := &List{Barred: row.barred}
		for _, status := range row.statuses {
			list.Sources = append(list.Sources, Source{Verdict: allowlist.Verdict{Status: status}})
		}
		err := list.Refused()
		if got := exit.Code(err); got != row.want || err != nil && exit.Silent(err) {
			t.Errorf("%q, %v: %d, %v; want %d", row.barred, row.statuses, got, err, row.want)
		}
	}
}
