package allowlist

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/provenance"
)

func TestBounds(t *testing.T) {
	above := provenance.Of("a.test") // 6 bytes
	var ranges Ranges
	for i := range 3 {
		ranges.Add(Range{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(2 * i)}), 32), above.Then("ip4:x")}) // 5 bytes
	}
	const bytes = 6 + 3*5 + 4*provenance.NodeBytes
	for _, row := range []struct {
		bounds Bounds
		want   string
	}{
		{Bounds{Ranges: 4, Provenance: bytes + 1}, ""},
		{Bounds{Ranges: 3, Provenance: bytes}, ""},
		{Bounds{Ranges: 2, Provenance: bytes}, "it has 3 ranges, and a source may have 2"},
		{Bounds{Ranges: 3, Provenance: bytes - 1}, "the paths of its ranges take 149 bytes, and those of a source may take 148"},
	} {
		got := ""
		if err := row.bounds.check(ranges); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%+v: %q, want %q", row.bounds, got, row.want)
		}
	}
	if b := (Source{SPF: []string{"a.test"}, Bounds: Bounds{Keys: 7}}).bounds(); b.Keys != 7 || b.Ranges != DefaultBounds().Ranges {
		t.Errorf("%+v", b)
	}
}

// silent is a resolver that answers for one name, and waits for the end of the context for the others.
type silent struct{ answers string }

func (s silent) TXT(ctx context.Context, name string) ([]string, error) {
	if name == s.answers {
		return []string{"v=spf1 ip4:192.0.2.0/24 -all"}, nil
	}
	<-ctx.Done()
	return nil, fmt.Errorf("TXT %s: %w", name, context.Cause(ctx))
}
func (silent) A(context.Context, string) ([]netip.Addr, error)    { return nil, nil }
func (silent) AAAA(context.Context, string) ([]netip.Addr, error) { return nil, nil }
func (silent) MX(context.Context, string) ([]string, error)       { return nil, nil }

func TestDeadline(t *testing.T) {
	f := Fetcher{Resolver: silent{"good.test"}, Now: time.Unix(1, 0)}
	got := f.Fetch(t.Context(), []Source{
		{Name: "evil", SPF: []string{"evil.test"}, Bounds: Bounds{Deadline: time.Millisecond}},
		{Name: "good", SPF: []string{"good.test"}},
	})
	if err := got[0].Err; err == nil || !strings.HasSuffix(err.Error(), "cannot be listed: temperror: not done within deadline = 1ms") {
		t.Errorf("evil: %v", err)
	}
	if got[1].Err != nil || got[1].Ranges.Len() != 1 {
		t.Errorf("good: %v, %d ranges", got[1].Err, got[1].Ranges.Len())
	}
}
