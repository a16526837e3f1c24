package spf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go4.org/netipx"
)

// fakeDNS is a Resolver over maps. It is safe for concurrent use and counts each question.
type fakeDNS struct {
	txt, mx map[string][]string
	a, aaaa map[string][]netip.Addr
	broken  map[question]bool // questions that fail

	mu    sync.Mutex
	asked map[question]int
}

func newFakeDNS() *fakeDNS {
	return &fakeDNS{
		txt: map[string][]string{}, mx: map[string][]string{}, a: map[string][]netip.Addr{}, aaaa: map[string][]netip.Addr{},
		broken: map[question]bool{}, asked: map[question]int{},
	}
}

func (d *fakeDNS) String() string {
	broken := maps.Clone(d.broken)
	maps.DeleteFunc(broken, func(_ question, fails bool) bool { return !fails })
	return fmt.Sprintf("%q\nbroken %v\na %v aaaa %v mx %v", d.txt, broken, d.a, d.aaaa, d.mx)
}

func fakeAnswer[T any](ctx context.Context, d *fakeDNS, q question, zone map[string][]T) ([]T, error) {
	d.mu.Lock()
	d.asked[q]++
	d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.broken[q] {
		return nil, errors.New("SERVFAIL")
	}
	return zone[q.name], nil
}

func (d *fakeDNS) TXT(ctx context.Context, name string) ([]string, error) {
	return fakeAnswer(ctx, d, question{"TXT", name}, d.txt)
}

func (d *fakeDNS) MX(ctx context.Context, name string) ([]string, error) {
	return fakeAnswer(ctx, d, question{"MX", name}, d.mx)
}

func (d *fakeDNS) A(ctx context.Context, name string) ([]netip.Addr, error) {
	return fakeAnswer(ctx, d, question{"A", name}, d.a)
}

func (d *fakeDNS) AAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	return fakeAnswer(ctx, d, question{"AAAA", name}, d.aaaa)
}

var zoneLine = regexp.MustCompile(`^(\S+) (TXT|A|AAAA|MX|FAIL) (.*)$`)

// read adds records in the notation of fixtures/spf/snapshots.txt: NAME TXT "string" ["string"...], NAME A addr,
// NAME AAAA addr, NAME MX pref host (in order of preference); and NAME FAIL type for a question without an answer.
func (d *fakeDNS) read(t testing.TB, text string) *fakeDNS {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, ";") {
			continue
		}
		m := zoneLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("bad zone line %q", line)
		}
		name, value := strings.ToLower(m[1]), m[3]
		switch m[2] {
		case "TXT":
			value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
			d.txt[name] = append(d.txt[name], strings.ReplaceAll(value, `" "`, ""))
		case "A":
			d.a[name] = append(d.a[name], netip.MustParseAddr(value))
		case "AAAA":
			d.aaaa[name] = append(d.aaaa[name], netip.MustParseAddr(value))
		case "MX":
			_, host, _ := strings.Cut(value, " ")
			d.mx[name] = append(d.mx[name], host)
		case "FAIL":
			d.broken[question{value, name}] = true
		}
	}
	return d
}

// walk lists the policy of domain with the default limits and checks the Result.
func walk(t testing.TB, d *fakeDNS, domain string) Result {
	t.Helper()
	return walkLimited(t, d, domain, DefaultLimits())
}

func walkLimited(t testing.TB, d *fakeDNS, domain string, lim Limits) Result {
	t.Helper()
	clear(d.asked)
	res, tree := Draw(context.Background(), d, domain, lim)
	checkResult(t, res, tree)
	if len(d.asked) != res.Queries {
		t.Errorf("%s: Queries %d, but %d were asked", domain, res.Queries, len(d.asked))
	}
	for q, n := range d.asked {
		if n > 1 {
			t.Errorf("%s: %v was asked %d times", domain, q, n)
		}
	}
	return res
}

// checkResult checks that Ranges divide Pass into minimal sorted prefixes, and that problems and tree are printable.
func checkResult(t testing.TB, res Result, tree *Node) {
	t.Helper()
	var all set
	for _, r := range res.Ranges {
		var s set
		for _, p := range r.Prefixes {
			if p != p.Masked() {
				t.Errorf("%s: %v has host bits", res.Domain, p)
			}
			s = append(s, netipx.RangeOfPrefix(p))
		}
		if got := normal(slices.Clone(s)).prefixes(); !slices.Equal(got, r.Prefixes) || len(got) == 0 {
			t.Errorf("%s: %v is not minimal and sorted", res.Domain, r.Prefixes)
		}
		if !strings.HasPrefix(r.Path.String(), res.Domain+" > ") {
			t.Errorf("%s: path %q", res.Domain, r.Path)
		}
		all = append(all, s...)
	}
	slices.SortFunc(all, func(a, b netipx.IPRange) int { return a.From().Compare(b.From()) })
	for i := range max(0, len(all)-1) {
		if !all[i].To().Less(all[i+1].From()) {
			t.Errorf("%s: ranges overlap at %v", res.Domain, all[i+1])
		}
	}
	if got := normal(all).ipset(); !got.Equal(res.Pass) {
		t.Errorf("%s: the ranges' union is not Pass", res.Domain)
	}
	for i, p := range res.Problems {
		for _, s := range []string{p.Kind, p.Record, p.Term, p.Text} {
			if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) || len(s) > maxText {
				t.Errorf("%s: problem %d is not printable and bounded: %q", res.Domain, i, s)
			}
		}
	}
	var drawn strings.Builder
	if err := tree.Write(&drawn); err != nil {
		t.Error(err)
	}
	for l := range strings.Lines(drawn.String()) {
		if strings.ContainsFunc(strings.TrimSuffix(l, "\n"), func(r rune) bool { return r < ' ' || r > '~' }) || len(l) > maxLine+1 {
			t.Errorf("%s: tree line %q", res.Domain, l)
		}
	}
}

// show returns the prefixes of Pass, separated by spaces.
func show(res Result) string {
	return strings.Trim(fmt.Sprint(res.Pass.Prefixes()), "[]")
}

func kinds(res Result) string {
	var out []string
	for _, p := range res.Problems {
		out = append(out, p.Kind)
	}
	return strings.Join(out, " ")
}
