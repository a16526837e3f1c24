package diff

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/cmd/mailallow/internal/run"
)

// The effect on an address is that of asking both lists, in every format that holds actions of its own: whoever was let in and
// still is, by any action, is not concerned.
func TestEffects(t *testing.T) {
	dir := t.TempDir()
	addrs := func(yield func(netip.Addr) bool) {
		for low := range 16 {
			if !yield(netip.AddrFrom4([4]byte{192, 0, 2, byte(low)})) {
				return
			}
		}
	}
	network := rapid.Custom(func(t *rapid.T) netip.Prefix {
		low := byte(rapid.IntRange(0, 15).Draw(t, "low"))
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, low}), rapid.IntRange(28, 32).Draw(t, "bits")).Masked()
	})
	list := rapid.Custom(func(t *rapid.T) *allowlist.Set {
		var sources []allowlist.Labelled
		for _, a := range []allowlist.Action{allowlist.Relay, allowlist.OK, allowlist.Reject, allowlist.Exclude} {
			src := allowlist.Labelled{Source: a.String(), Action: a}
			for _, p := range rapid.SliceOfN(network, 0, 3).Draw(t, a.String()) {
				src.Ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of(p.String())})
			}
			sources = append(sources, src)
		}
		return allowlist.Merge(sources)
	})
	letsIn := func(s *allowlist.Set, addr netip.Addr) bool {
		e := s.Lookup(addr)
		return e != nil && e.Action != allowlist.Reject
	}
	for _, name := range []string{"sendmail-access", "postfix-cidr", "postscreen-cidr", "cidr"} {
		f, err := format.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		target := plan.Target{Format: f, Path: filepath.Join(dir, name)}
		if f.Map {
			target.Map = makemap.None
		}
		rapid.Check(t, func(t *rapid.T) {
			before, after := list.Draw(t, "before"), list.Draw(t, "after")
			_ = os.Remove(target.Path)
			var plans []*plan.Plan
			for _, set := range []*allowlist.Set{before, after} {
				var err error
				if plans, err = (plan.Planner{}).All(context.Background(), []plan.Target{target}, set); err != nil {
					t.Fatal(err)
				}
				if set == before {
					if err := os.WriteFile(target.Path, plans[0].Text(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			effectOn := effects(plans)
			for addr := range addrs {
				want := run.Effect("")
				switch was, is := letsIn(before, addr), letsIn(after, addr); {
				case is && !was:
					want = run.LetsIn
				case was && !is:
					want = run.Refuses
				}
				if got := effectOn(addr); got != want {
					t.Fatal(fmt.Sprintf("%s in %s: %q, want %q", addr, name, got, want))
				}
			}
		})
	}
}
