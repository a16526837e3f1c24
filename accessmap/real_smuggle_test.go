package accessmap_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures"
)

// someZone answers TXT questions from a map. It has no other records.
type someZone map[string]string

func (z someZone) TXT(_ context.Context, name string) ([]string, error) {
	if text, ok := z[name]; ok {
		return []string{text}, nil
	}
	return nil, nil
}
func (someZone) A(context.Context, string) ([]netip.Addr, error)    { return nil, nil }
func (someZone) AAAA(context.Context, string) ([]netip.Addr, error) { return nil, nil }
func (someZone) MX(context.Context, string) ([]string, error)       { return nil, nil }

// TestSoakNoKeyIsAdded fetches SPF records with random hostile terms, names and macros, merges them under hostile names and
// paths, writes the block, and loads it with the real makemap. The map must be the one of the same ranges under plain names.
func TestSoakNoKeyIsAdded(t *testing.T) {
	t.Parallel()
	random := fixtures.Random(t)
	maker := newMaker(t)
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	text := func() string {
		var b strings.Builder
		for range random.IntN(6) {
			switch random.IntN(3) {
			case 0:
				b.WriteString(pick(smuggled))
			case 1:
				b.WriteString(strings.Repeat(pick([]string{"z", "#", "\t", "%", "\\", "\"", "\xff", "Connect:8\tRELAY"}), random.IntN(1100)))
			default:
				for range random.IntN(40) {
					b.WriteByte(byte(random.Uint32()))
				}
			}
		}
		return b.String()
	}
	rounds, walked := fixtures.Rounds(10, 500), 0
	for range rounds {
		var hostile, plain []allowlist.Labelled
		var texts []string
		for i := range 4 {
			zone := someZone{}
			network := fmt.Sprintf("ip4:198.51.%d.0/%d", 100+random.IntN(8), 20+random.IntN(10))
			inner := strings.NewReplacer(" ", "", "\n", "x").Replace(text())
			zone["a.test"] = "v=spf1 " + network + " " + pick([]string{"x=" + inner, "include:" + inner + ".test", "?exists:" + inner, "a:" + inner, inner, "include:b.test"}) + " -all"
			zone["b.test"] = "v=spf1 ip6:2001:db8::/46 exp=" + inner
			f := allowlist.Fetcher{Resolver: zone, Now: time.Unix(1e9, 0)}
			got := f.Fetch(t.Context(), []allowlist.Source{{Name: "a", SPF: []string{"a.test"}}})[0]
			if got.Ranges.Len() > 0 {
				walked++
			}
			var ranges allowlist.Ranges
			for r := range got.Ranges.All() {
				ranges.Add(r)
			}
			// A refused record gives no range. This range has its text in a path all the same.
			ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Path: provenance.Of(text(), zone["a.test"], text())})
			action := []allowlist.Action{allowlist.OK, allowlist.Relay, allowlist.Reject}[random.IntN(3)]
			name := fmt.Sprint(i, text())
			hostile = append(hostile, allowlist.Labelled{Source: name, Action: action, Ranges: ranges})
			for r := range ranges.All() {
				texts = append(texts, name+": "+r.PathString())
			}
			var bare allowlist.Ranges
			for r := range ranges.All() {
				bare.Add(allowlist.Range{Prefix: r.Prefix, Path: provenance.Of("p")})
			}
			plain = append(plain, allowlist.Labelled{Source: fmt.Sprint(i), Action: action, Ranges: bare})
		}
		want, err := mapOfSet(maker, allowlist.Merge(plain))
		if err != nil {
			t.Fatal(err)
		}
		l := list{set: allowlist.Merge(hostile)}
		if err := checkHostile(maker, l, want); err != nil {
			t.Fatalf("%v\nof %q", err, texts)
		}
	}
	t.Logf("%d maps of four sources each, %d policies walked to ranges: no key but those of the list", rounds, walked)
}

func mapOfSet(maker maker, set *allowlist.Set) (accessMap, error) {
	text, _, err := list{set: set}.write("sendmail-access")
	if err != nil {
		return nil, err
	}
	stored, err := maker.mapOf(text)
	return maps.Clone(stored), err
}
