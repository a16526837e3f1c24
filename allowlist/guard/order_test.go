package guard

import (
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
)

// Ranges from before those in force, and those with a time that cannot be, are held; the same ranges with an earlier time are
// no change, and keep the later time.
func TestOrder(t *testing.T) {
	now := time.Date(2026, 11, 2, 0, 30, 0, 0, time.UTC)
	last := allowlist.Resolved{Name: "x", Definition: "sha256:1", Time: now.Add(-time.Hour), Ranges: someRanges("74.0.0.0/24", "74.0.1.0/24", "74.0.2.0/24", "74.0.3.0/24")}
	fewer := someRanges("74.0.0.0/24", "74.0.1.0/24", "74.0.2.0/24")
	for _, row := range []struct {
		name  string
		guard Guard
		next  allowlist.Resolved
		kinds string
		held  bool
	}{
		{"newer", Guard{}, allowlist.Resolved{Time: now, Ranges: fewer}, "", false},
		{"older", Guard{Older: "it is older"}, allowlist.Resolved{Time: now.Add(-48 * time.Hour), Ranges: fewer}, "older", true},
		{"older, accepted", Guard{Older: "it is older", Accept: Acceptance{Given: true}}, allowlist.Resolved{Time: now.Add(-48 * time.Hour), Ranges: fewer}, "accepted", false},
		{"older, and the same", Guard{Older: "it is older"}, allowlist.Resolved{Time: now.Add(-48 * time.Hour), Ranges: last.Ranges}, "", false},
		{"a time just before an hour ahead", Guard{}, allowlist.Resolved{Time: now.Add(time.Hour - time.Second), Ranges: fewer}, "", false},
		{"a time an hour ahead", Guard{}, allowlist.Resolved{Time: now.Add(time.Hour), Ranges: fewer}, "future", true},
		{"a snapshot of an hour ahead", Guard{Written: now.Add(time.Hour)}, allowlist.Resolved{Time: now, Ranges: fewer}, "future", true},
		{"ahead, accepted", Guard{Accept: Acceptance{Given: true}}, allowlist.Resolved{Time: now.AddDate(7000, 0, 0), Ranges: fewer}, "future accept", true},
		{"ahead of a clock that is wrong", Guard{ClockWrong: true}, allowlist.Resolved{Time: now.Add(time.Hour), Ranges: fewer}, "", false},
	} {
		row.guard.Limits, row.guard.Now = allowlist.DefaultLimits(), now
		row.next.Name, row.next.Definition = "x", "sha256:1"
		v := row.guard.Check(Earlier{Last: &last, Since: last.Time}, allowlist.Fetched{Resolved: row.next})
		var kinds []string
		for _, p := range v.Problems {
			kinds = append(kinds, p.Kind)
		}
		if strings.Join(kinds, " ") != row.kinds || (v.Status == Held) != row.held || v.Taken == row.held {
			t.Errorf("%s: %s, %v, taken: %v", row.name, v.Status, v.Problems, v.Taken)
		}
		if row.name == "older, and the same" && !v.Time.Equal(last.Time) {
			t.Errorf("%s: its time is %v, want %v", row.name, v.Time, last.Time)
		}
	}
}

// A source that another run held or could not fetch keeps that status, whatever this guard says of the ranges that the run kept,
// and these ranges are the next last good state if they pass.
func TestCarry(t *testing.T) {
	reasons := []allowlist.Problem{{Kind: "wide", Text: "too wide"}}
	refused := &Proposed{Digest: "0123456789ab"}
	own := &Proposed{Digest: "ba9876543210"}
	for _, row := range []struct {
		name         string
		here         Verdict
		there        Status
		want         Status
		proposed     *Proposed
		problemsKind string
	}{
		{"held there", Verdict{Status: Fresh, Taken: true}, Held, Held, refused, "wide"},
		{"stale there", Verdict{Status: Fresh, Taken: true}, Stale, Stale, nil, "wide"},
		{"held there and here", Verdict{Status: Held, Proposed: own, Problems: []allowlist.Problem{{Kind: "older"}}}, Held, Held, own, "wide older"},
		{"stale there, held here", Verdict{Status: Held, Proposed: own}, Stale, Held, own, "wide"},
		{"held there, of which nothing is there", Verdict{Status: Missing, Problems: []allowlist.Problem{{Kind: "fetch"}}}, Held, Held, refused, "wide"},
		{"missing there, and known here", Verdict{Status: Stale, Problems: []allowlist.Problem{{Kind: "fetch"}, {Kind: "age"}}}, Missing, Stale, nil, "wide age"},
		{"fresh there, with a reason", Verdict{Status: Fresh, Taken: true}, Fresh, Fresh, nil, "wide"},
	} {
		v := row.here.Carry(row.there, reasons, refused)
		var kinds []string
		for _, p := range v.Problems {
			kinds = append(kinds, p.Kind)
		}
		if v.Status != row.want || v.Taken != row.here.Taken || v.Proposed != row.proposed || strings.Join(kinds, " ") != row.problemsKind {
			t.Errorf("%s: %s, %v, %v", row.name, v.Status, v.Proposed, kinds)
		}
	}
}
