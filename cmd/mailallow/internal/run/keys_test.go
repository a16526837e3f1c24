package run

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/fixtures"
)

// change is a source with its last good networks, and those that it publishes now.
type change struct {
	name      string
	file      string // its list on disk; empty: a policy
	action    allowlist.Action
	last, now []string // without a last one, it has no last good state
	maxKeys   int      // zero: the default
	accept    bool
}

// hosts gives n addresses, each of which needs a key.
func hosts(second, n int) (networks []string) {
	for i := range n {
		networks = append(networks, fmt.Sprintf("74.%d.%d.1/32", second, i))
	}
	return networks
}

func hosts6(n int) (networks []string) {
	for i := range n {
		networks = append(networks, fmt.Sprintf("2a00:1:%x::/48", i+1))
	}
	return networks
}

// halves gives n networks that need 32,768 keys each.
func halves(n int) (networks []string) {
	for i := range n {
		networks = append(networks, fmt.Sprintf("2a00:%x:%x::/49", i>>16, i&0xffff))
	}
	return networks
}

func rangesOf(networks []string) (ranges allowlist.Ranges) {
	for _, p := range networks {
		ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of(p)})
	}
	return ranges
}

func accessTarget(path string, want format.Selection) plan.Target {
	f, err := format.ByName("sendmail-access")
	if err != nil {
		panic(err)
	}
	return plan.Target{Format: f, Path: path, Want: want}
}

// judged has the guard and the key fitter judge changes that were made age after the last good state.
func judged(age time.Duration, targets []plan.Target, changes ...change) ([]judgement, *keyFitter) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	limits := allowlist.DefaultLimits()
	limits.MaxGrow = 1_000_000
	r := &Request{Settings: &config.Settings{Targets: targets}, accepted: map[string]guard.Acceptance{}}
	k := &known{now: now}
	var f fetched
	var last []allowlist.Resolved
	for _, c := range changes {
		src := allowlist.Source{Name: c.name, Action: c.action, File: c.file, Limits: limits, Bounds: allowlist.Bounds{Keys: c.maxKeys}}
		if c.file == "" {
			src.SPF = []string{c.name + ".test"}
		}
		k.sources = append(k.sources, src)
		r.accepted[c.name] = guard.Acceptance{Given: c.accept}
		resolved := allowlist.Resolved{Name: c.name, Definition: src.Definition(), Time: now, Ranges: rangesOf(c.now)}
		f.sources = append(f.sources, allowlist.Fetched{Resolved: resolved})
		if c.last != nil {
			resolved.Time, resolved.Ranges = now.Add(-age), rangesOf(c.last)
			last = append(last, resolved)
		}
	}
	k.lastGood = snapshot.New(time.Time{}, last)
	all, _ := r.judgeAll(k, f)
	return all, &keyFitter{judged: all, targets: targets}
}

func statuses(all []judgement) string {
	var s []string
	for _, j := range all {
		s = append(s, string(j.verdict.Status))
	}
	return strings.Join(s, " ")
}

func TestFitKeys(t *testing.T) {
	const ok, exclude = allowlist.OK, allowlist.Exclude
	one := func(most int) []plan.Target {
		return []plan.Target{accessTarget("access", format.Selection{MaxKeys: most})}
	}
	for _, row := range []struct {
		name    string
		targets []plan.Target
		changes []change
		want    string
	}{
		{"at the bound", one(40), []change{{name: "a", action: ok, last: hosts(1, 10), now: hosts(1, 40)}}, "fresh"},
		{"one above", one(39), []change{{name: "a", action: ok, last: hosts(1, 10), now: hosts(1, 40)}}, "held"},
		{"one below its own bound", one(100), []change{{name: "a", action: ok, now: hosts(1, 40), maxKeys: 41}}, "fresh"},
		{"at its own bound", one(100), []change{{name: "a", action: ok, now: hosts(1, 40), maxKeys: 40}}, "fresh"},
		{"one above its own bound", one(100), []change{{name: "a", action: ok, now: hosts(1, 40), maxKeys: 39}}, "held"},
		{"a file has no bound of its own", one(100), []change{{name: "a", file: "a.list", action: ok, now: hosts(1, 40), maxKeys: 39}}, "fresh"},
		{"two sources gain the same keys", one(40), []change{
			{name: "good", action: ok, last: hosts(9, 5), now: hosts(9, 6)},
			{name: "x", action: ok, last: hosts(1, 10), now: append(hosts(1, 10), hosts(2, 30)...)},
			{name: "y", action: ok, last: hosts(3, 10), now: append(hosts(3, 10), hosts(2, 30)...)}}, "fresh held held"},
		{"a hold for one target makes another one longer", []plan.Target{
			accessTarget("v4", format.Selection{MaxKeys: 100, NoIPv6: true}), accessTarget("v6", format.Selection{MaxKeys: 1000, NoIPv4: true})},
			[]change{
				{name: "evil", action: ok, last: append(hosts(1, 50), hosts6(2)...), now: append(hosts(1, 36), hosts6(300)...), maxKeys: 200},
				{name: "b", action: ok, last: hosts(2, 50), now: hosts(2, 60)}}, "held held"},
		{"a new source that takes away is held last", one(1000), []change{
			{name: "good", action: ok, last: []string{"74.1.0.0/16"}, now: []string{"74.1.0.0/16"}},
			{name: "never", action: exclude, now: []string{"74.1.0.7/32", "74.1.1.7/32"}},
			{name: "evil", action: ok, last: hosts(9, 50), now: append(hosts(9, 250), hosts(10, 100)...)}}, "fresh fresh held"},
		{"holes in the networks of a new source", one(1000), []change{
			{name: "good", action: ok, now: []string{"74.1.0.0/16", "75.0.0.0/16"}},
			{name: "evil", action: exclude, last: []string{"74.1.0.1/32"}, now: hosts(1, 100)}}, "fresh held"},
		{"more keys than 32 bits count", one(1000), []change{
			{name: "good", action: ok, now: hosts(9, 6)}, {name: "evil", action: ok, now: halves(66_000)}}, "fresh held"},
		{"what nobody changed is too long", one(40), []change{
			{name: "good", action: ok, last: hosts(9, 5), now: hosts(9, 6)},
			{name: "large", action: ok, last: hosts(1, 45), now: hosts(1, 45)}}, "fresh fresh"},
	} {
		all, f := judged(time.Hour, row.targets, row.changes...)
		if got := statuses(all); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
		if over := f.tooLong(); over != nil && row.name != "what nobody changed is too long" {
			t.Errorf("%s: %s needs %d keys", row.name, over.target.Path, over.keys)
		}
		for _, j := range all {
			for _, p := range j.verdict.Problems {
				if (p.Kind == "keys") != strings.Contains(p.Text, "access keys for") {
					t.Errorf("%s: %+v", row.name, p)
				}
			}
		}
	}
}

// A hold for keys leaves the other problems of the source as they are, and takes back what was said of an acceptance.
func TestFitKeysProblems(t *testing.T) {
	targets := []plan.Target{accessTarget("access", format.Selection{MaxKeys: 20})}
	const old = 96 * time.Hour
	for _, row := range []struct {
		change change
		want   string
	}{
		{change{name: "a", action: allowlist.OK, last: hosts(1, 10), now: hosts(1, 30)}, "keys age"},
		{change{name: "a", action: allowlist.OK, last: hosts(1, 10), now: hosts(1, 30), maxKeys: 15}, "keys age"},
		{change{name: "a", action: allowlist.OK, last: hosts(1, 10), now: hosts(1, 30), accept: true}, "accept keys age"},
		{change{name: "a", action: allowlist.OK, last: hosts(1, 10), now: hosts(2, 30), accept: true}, "accept keys age"},
		{change{name: "a", action: allowlist.OK, now: hosts(2, 30)}, "keys"},
	} {
		all, _ := judged(old, targets, row.change)
		v := all[0].verdict
		var kinds []string
		for _, p := range v.Problems {
			kinds = append(kinds, p.Kind)
			if p.Text == "" || p.Kind == "accept" && !strings.Contains(p.Text, "never waives a number of access keys") {
				t.Errorf("%+v: %+v", row.change, p)
			}
		}
		if got := strings.Join(kinds, " "); got != row.want || v.Status != guard.Held || v.Accepted || v.Proposed == nil {
			t.Errorf("%+v: %s, %s, accepted %v; want %s", row.change, v.Status, got, v.Accepted, row.want)
		}
	}
}

// Whatever sources publish: if the last good states fit into the targets, the list fits, no unchanged source is held, and none
// is held that would fit beside the others. What is below hand-written keys counts. A target that mayNeed leaves out fits.
func TestFitKeysProperty(t *testing.T) {
	dir := t.TempDir()
	byHand := filepath.Join(dir, "byhand")
	fixtures.WriteFile(t, byHand, "Connect:74.0\tREJECT\nConnect:74.0.1\tOK\nConnect:IPv6:2a00\tREJECT\n")
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (networks []string) {
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 1<<20), 0, 5).Draw(t, name) {
				p := netip.PrefixFrom(netip.AddrFrom4([4]byte{74, byte(n & 1), byte(n >> 1 & 3), byte(n >> 3 & 7)}), 15+n>>6%18)
				if n>>19 == 1 {
					p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2a, 0, byte(n & 1), byte(n >> 1 & 1), 0, byte(n >> 2 & 3)}), 28+n>>6%37)
				}
				networks = append(networks, p.Masked().String())
			}
			return networks
		}
		var changes []change
		for i := range rapid.IntRange(1, 4).Draw(t, "sources") {
			c := change{name: fmt.Sprint(i), action: rapid.SampledFrom([]allowlist.Action{allowlist.OK, allowlist.Relay, allowlist.Reject, allowlist.Exclude}).Draw(t, "action"),
				last: draw("last"), now: draw("now"), accept: true}
			if rapid.IntRange(0, 3).Draw(t, "unchanged") == 0 {
				c.now = c.last
			}
			changes = append(changes, c)
		}
		path := rapid.SampledFrom([]string{byHand, filepath.Join(dir, "none")}).Draw(t, "path")
		targets := []plan.Target{
			accessTarget(path, format.Selection{MaxKeys: rapid.IntRange(1, 3000).Draw(t, "max_keys")}),
			accessTarget(path, format.Selection{MaxKeys: rapid.IntRange(1, 3000).Draw(t, "max_keys"), NoIPv6: true}),
		}
		all, f := judged(time.Hour, targets, changes...)
		f.targets = nil
		for _, target := range targets {
			f.targets = append(f.targets, target.BesideHandWritten())
		}
		fitted := make([]guard.Verdict, len(all))
		for i := range all {
			fitted[i] = all[i].verdict
		}
		ranges := func(i int, ranges allowlist.Ranges) { all[i].verdict.Ranges = ranges }
		over := f.tooLong()
		for i := range all {
			if last := all[i].earlier.Last; last != nil {
				ranges(i, last.Ranges)
			} else {
				ranges(i, allowlist.Ranges{})
			}
		}
		if lastOver := f.tooLong(); over != nil && lastOver == nil {
			t.Fatalf("%s needs %d keys, and the last good states fit", over.target.Path, over.keys)
		}
		for i := range all {
			ranges(i, fitted[i].Ranges)
		}
		if over != nil {
			return
		}
		for i, v := range fitted {
			if v.Status != guard.Held || !v.NamesRemedy() {
				continue
			}
			if slices.Equal(changes[i].last, changes[i].now) && changes[i].last != nil {
				t.Fatalf("source %d is held, and did not change", i)
			}
			ranges(i, rangesOf(changes[i].now))
			if f.tooLong() == nil {
				t.Fatalf("source %d is held, and fits", i)
			}
			ranges(i, v.Ranges)
		}
	})
}
