package run

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/terminal"
)

func TestBelieved(t *testing.T) {
	embedded := snapshot.EmbeddedTime()
	later := embedded.AddDate(0, 3, 0)
	for _, row := range []struct {
		name            string
		now             time.Time
		lastGood, since time.Time // of the last good state, and of the memory; zero: there is none
		want            time.Time
		wrong           string
	}{
		{name: "a clock", now: later, want: later},
		{name: "as old as the program", now: embedded, want: embedded},
		{name: "before the program", now: embedded.Add(-time.Second), want: embedded, wrong: "the clock says 2026-08-10T23:59:59Z, and this mailallow holds ranges of 2026-08-11T00:00:00Z"},
		{name: "never set", now: time.Unix(0, 0), lastGood: later, want: later, wrong: "the clock says 1970-01-01T00:00:00Z"},
		{name: "never set, and the state is older than the program", now: time.Unix(0, 0), lastGood: time.Unix(99, 0), want: embedded, wrong: "it is wrong, so"},
		{name: "the state is an hour ahead", now: later, lastGood: later.Add(time.Hour), want: later},
		{name: "the state is further ahead", now: later, lastGood: later.Add(time.Hour + time.Second), want: later, wrong: `the last good state of source "x" is of `},
		{name: "the memory is an hour ahead", now: later, lastGood: later, since: later.Add(time.Hour), want: later},
		{name: "the memory is further ahead", now: later, lastGood: later, since: later.Add(time.Hour + time.Second), want: later, wrong: "the newest state in window.json is of "},
	} {
		var lastGood *snapshot.Snapshot
		var memory *guard.Memory
		if !row.lastGood.IsZero() {
			lastGood = snapshot.New(time.Time{}, []allowlist.Resolved{{Name: "x", Time: row.lastGood}})
		}
		if !row.since.IsZero() {
			memory = &guard.Memory{}
			memory.Remember(guard.Earlier{Last: &lastGood.Sources[0].Resolved, Since: row.since})
		}
		at, wrong := believed(row.now, lastGood, memory)
		if !at.Equal(row.want) || !strings.Contains(wrong, row.wrong) || (wrong == "") != (row.wrong == "") {
			t.Errorf("%s: %v, %q; want %v, %q", row.name, at, wrong, row.want, row.wrong)
		}
	}
}

// A run with a clock that was never set: nothing of the last good state expires, its age is not said, and a source that is
// fetched then is not dated before it.
func TestClockNeverSet(t *testing.T) {
	dir := t.TempDir()
	configuration := filepath.Join(dir, "c.toml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("c.toml", `
state_dir = "."
guard.expire = "30d"
source = [{name = "gone", file = "gone.list", action = "OK"}, {name = "here", file = "here.list", action = "OK"}]
`)
	write("here.list", "74.125.0.0/24\n")
	settings, err := config.Load(t.Context(), config.Flags{Path: configuration})
	if err != nil {
		t.Fatal(err)
	}
	var last []allowlist.Resolved
	for _, s := range settings.Sources {
		one := allowlist.Resolved{Name: s.Name, Definition: s.Definition(), Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		one.Ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix("74.125.0.0/24"), Path: provenance.Of("x")})
		last = append(last, one)
	}
	state, err := snapshot.New(time.Time{}, last).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	write("snapshot.json", string(state))
	r, err := New(settings, Options{Config: config.Flags{Path: configuration}})
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	list, err := r.resolve(t.Context(), terminal.New(nil, nil, &said, &said), time.Unix(1000, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Problems {
		fmt.Fprintln(&said, p.Text)
	}
	for _, s := range list.Sources {
		fmt.Fprintln(&said, s.Problems)
	}
	gone, here := list.Sources[0], list.Sources[1]
	if gone.Status != guard.Stale || gone.Ranges.Len() != 1 || list.Documents()[0].AgeText() != "unknown" || strings.Contains(said.String(), "days") {
		t.Errorf("%s, age %s, %s", gone.Status, list.Documents()[0].AgeText(), &said)
	}
	if n := strings.Count(said.String(), "the clock says 1970-01-01T00:16:40Z, and"); n != 1 {
		t.Errorf("the clock is said to be wrong %d times:\n%s", n, &said)
	}
	if here.Status != guard.Fresh || !here.Time.Equal(snapshot.EmbeddedTime()) {
		t.Errorf("%s, of %v", here.Status, here.Time)
	}
}
