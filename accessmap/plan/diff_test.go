package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

func entryOf(prefix, source, path string, action allowlist.Action) allowlist.Entry {
	e := allowlist.Entry{Prefix: netip.MustParsePrefix(prefix), Action: action}
	if source != "" {
		e.Owners = []allowlist.Owner{{Source: source, Paths: []*provenance.Path{provenance.Of(path)}}}
	}
	return e
}

func differenceOf(f format.Format, before, after []allowlist.Entry) Difference {
	now := &nested{allowlist.Nest(after)}
	return difference(f, allowlist.Nest(before), slices.Values(now.spans), now)
}

// Every network is in the change of its source and action, in its order; the changes are in the order of the actions and of their
// first networks. Neighbours of one path are joined. Without sources, the networks of an action are in one order.
func TestDifference(t *testing.T) {
	f, err := format.ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	before := []allowlist.Entry{
		entryOf("203.0.113.7/32", "c", "p", allowlist.OK), entryOf("203.0.113.8/32", "b", "p", allowlist.OK), entryOf("192.0.2.160/27", "a", "q", allowlist.OK),
		entryOf("198.51.100.0/25", "c", "p", allowlist.OK),
	}
	after := []allowlist.Entry{
		entryOf("192.0.2.0/25", "b", "p", allowlist.OK), entryOf("192.0.2.128/25", "b", "p", allowlist.OK), entryOf("198.51.100.0/24", "a", "p", allowlist.Relay),
		entryOf("2001:db8::/32", "b", "r", allowlist.Relay), entryOf("192.0.1.0/24", "b", "s", allowlist.OK),
	}
	var got []string
	d := differenceOf(f, before, after)
	for _, c := range d {
		one := fmt.Sprint(c.Source, " ", c.Action, ":")
		for p := range c.Added.Networks() {
			one += fmt.Sprintf(" +%s %s", p, c.Added.Path(p))
		}
		for p := range c.Removed.Networks() {
			one += fmt.Sprintf(" -%s %s", p, c.Removed.Path(p))
		}
		got = append(got, one)
	}
	want := []string{
		"a RELAY: +198.51.100.0/24 p",
		"b RELAY: +2001:db8::/32 r",
		"b OK: +192.0.1.0/24 s +192.0.2.0/25 p +192.0.2.128/27 p +192.0.2.192/26 p -203.0.113.8/32 p",
		"c OK: -198.51.100.0/25 p -203.0.113.7/32 p",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	added, removed := d.Lines()
	wantAdded := []string{"198.51.100.0/24 RELAY", "2001:db8::/32 RELAY", "192.0.1.0/24 OK", "192.0.2.0/25 OK", "192.0.2.128/27 OK", "192.0.2.192/26 OK"}
	wantRemoved := []string{"198.51.100.0/25 OK", "203.0.113.7/32 OK", "203.0.113.8/32 OK"}
	if !slices.Equal(added, wantAdded) || !slices.Equal(removed, wantRemoved) {
		t.Errorf("without sources %q and %q, want %q and %q", added, removed, wantAdded, wantRemoved)
	}
}

// An address is added if it has another action than before, and removed with the action that it had.
func TestDifferenceOfEveryAddress(t *testing.T) {
	f, err := format.ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []allowlist.Entry {
			return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) allowlist.Entry {
				addr := netip.AddrFrom4([4]byte{255, 255, 255, byte(rapid.IntRange(224, 255).Draw(t, "last"))})
				p := netip.PrefixFrom(addr, rapid.IntRange(27, 32).Draw(t, "bits")).Masked()
				return entryOf(p.String(), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "source"), "p", rapid.SampledFrom(format.Actions()).Draw(t, "action"))
			}), 0, 8).Draw(t, name)
		}
		before, after := draw("before"), draw("after")
		d := differenceOf(f, slices.Clone(before), slices.Clone(after))
		was, is := &nested{allowlist.Nest(before)}, &nested{allowlist.Nest(after)}
		for addr := netip.MustParseAddr("255.255.255.224"); addr.IsValid(); addr = addr.Next() {
			var added, removed []string
			for _, c := range d {
				for p := range c.Added.Networks() {
					if p.Contains(addr) {
						added = append(added, c.Source+c.Action.String())
					}
				}
				for p := range c.Removed.Networks() {
					if p.Contains(addr) {
						removed = append(removed, c.Source+c.Action.String())
					}
				}
			}
			old, now := was.Lookup(addr), is.Lookup(addr)
			var wantAdded, wantRemoved []string
			if old == nil && now != nil || old != nil && now != nil && old.Action != now.Action {
				wantAdded = []string{now.Owners[0].Source + now.Action.String()}
			}
			if old != nil && (now == nil || old.Action != now.Action) {
				wantRemoved = []string{old.Owners[0].Source + old.Action.String()}
			}
			if !slices.Equal(added, wantAdded) || !slices.Equal(removed, wantRemoved) {
				t.Fatalf("%s: added %v, removed %v; want %v and %v", addr, added, removed, wantAdded, wantRemoved)
			}
		}
	})
}
