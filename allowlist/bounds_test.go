package allowlist

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/provenance"
	"mailallow/allowlist/spf"
)

func TestBounds(t *testing.T) {
	above := provenance.Of("a.test") // 6 bytes
	var ranges Ranges
	for i := range 3 {
		ranges.Add(Range{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(2 * i)}), 32), above.Then("ip4:x")}) // 5 bytes
	}
	const bytes = 6 + 3*5 + 4*32
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

// entangled is a resolver for a policy whose evaluation would take minutes: each of forty records includes the next one two
// thousand times.
type entangled struct{ silent }

func (entangled) TXT(_ context.Context, name string) ([]string, error) {
	number, _, _ := strings.Cut(name, ".")
	i, err := strconv.Atoi(number)
	if err != nil || i >= 40 {
		return []string{"v=spf1 ?ip4:10.0.0.0/8"}, nil
	}
	var not, include strings.Builder
	for j := range 2000 {
		fmt.Fprintf(&not, " -ip4:10.%d.%d.0", j>>7, j&127<<1)
		fmt.Fprintf(&include, " include:%d.test ip4:11.%d.0.0/17", i+1, i)
	}
	return []string{"v=spf1" + not.String() + include.String()}, nil
}

// The deadline of a source ends the evaluation of its policy, too.
func TestDeadlineEvaluation(t *testing.T) {
	f := Fetcher{Resolver: entangled{}, SPF: spf.Limits{Steps: math.MaxInt}, Now: time.Unix(1, 0)}
	got := f.Fetch(t.Context(), []Source{{Name: "evil", SPF: []string{"0.test"}, Bounds: Bounds{Deadline: time.Second}}})
	if err := got[0].Err; err == nil || !strings.Contains(err.Error(), ": not done within deadline = 1s") {
		t.Errorf("%v", err)
	}
}

func TestDeadline(t *testing.T) {
	f := Fetcher{Resolver: silent{"good.test"}, Now: time.Unix(1, 0)}
	got := f.Fetch(t.Context(), []Source{
		{Name: "evil", SPF: []string{"evil.test"}, Bounds: Bounds{Deadline: time.Millisecond}},
		{Name: "good", SPF: []string{"good.test"}},
	})
	if err := got[0].Err; err == nil || !strings.Contains(err.Error(), ": not done within deadline = 1ms") {
		t.Errorf("evil: %v", err)
	}
	if got[1].Err != nil || got[1].Ranges.Len() != 1 {
		t.Errorf("good: %v, %d ranges", got[1].Err, got[1].Ranges.Len())
	}
}
