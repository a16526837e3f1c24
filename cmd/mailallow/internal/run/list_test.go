package run

import (
	"testing"

	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/exit"
)

// A list without the ranges of a source that keeps addresses out is refused, with the code of the worst source.
func TestRefused(t *testing.T) {
	for _, row := range []struct {
		barred   string
		statuses []guard.Status
		want     int
	}{
		{"", []guard.Status{guard.Held, guard.Missing}, exit.Done},
		{"never", []guard.Status{guard.Fresh, guard.Missing}, exit.Stale},
		{"never", []guard.Status{guard.Held}, exit.Held},
		{"never", []guard.Status{guard.Stale, guard.Missing, guard.Held}, exit.Held},
	} {
		list := &List{KeepsOut: row.barred}
		for _, status := range row.statuses {
			list.Sources = append(list.Sources, Source{Verdict: guard.Verdict{Status: status}})
		}
		err := list.Refused()
		if got := exit.Code(err); got != row.want || err != nil && exit.Silent(err) {
			t.Errorf("%q, %v: %d, %v; want %d", row.barred, row.statuses, got, err, row.want)
		}
	}
}
