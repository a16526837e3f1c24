package spf

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/ascii"
	"mailallow/fixtures"
)

// tooSlow is far longer than any of the hostile zones takes, and far shorter than a walk along all their paths.
const tooSlow = 20 * time.Second

// fast fails t if f takes longer than tooSlow.
func fast(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	took := time.Since(start)
	t.Log(took)
	if took > tooSlow {
		t.Errorf("took %v", took)
	}
}

// manyTerms returns a record with n distinct networks that do not merge and are not in the order of their addresses.
func manyTerms(n int, qualifier string) string {
	var b strings.Builder
	b.WriteString("v=spf1")
	for i := range n {
		j := i * 7919 % n
		fmt.Fprintf(&b, " %sip4:10.%d.%d.%d", qualifier, j>>15&255, j>>7&255, j<<1&255)
	}
	return b.String()
}

func TestTenThousandTerms(t *testing.T) {
	t.Parallel()
	for _, qualifier := range []string{"+", "-"} {
		d := newFakeDNS().read(t, `many.test TXT "`+manyTerms(10_000, qualifier)+` all"`)
		fast(t, func() {
			res := walk(t, d, "many.test")
			if want := map[string]int{"+": 10_001, "-": 1}[qualifier]; len(res.Ranges) != want || res.Error != OK {
				t.Errorf("%s: %d ranges, want %d; error %q, %v", qualifier, len(res.Ranges), want, res.Error, res.Problems)
			}
		})
	}
}

// TestExplodingTrees lists policies with 2^30 paths and more.
func TestExplodingTrees(t *testing.T) {
	for _, last := range []string{"ip4:192.0.2.1 -all", "ptr -all", "exists:%{i}.x.test ip4:192.0.2.1", "?ptr -ip4:192.0.2.7 a:gone.test", "all", "-all", "oops"} {
		for _, wide := range []string{"include:l%[1]d.test include:l%[1]d.test ?all", "include:l%[1]d.test -include:l%[1]d.test include:l%[1]d.test redirect=l%[1]d.test"} {
			d := newFakeDNS()
			for i := range 30 {
				d.txt[fmt.Sprintf("l%d.test", i)] = []string{"v=spf1 " + fmt.Sprintf(wide, i+1)}
			}
			d.txt["l30.test"] = []string{"v=spf1 " + last}
			fast(t, func() {
				res := walk(t, d, "l0.test")
				if res.Queries < 31 || res.Queries > 33 {
					t.Errorf("%s: %d queries", last, res.Queries)
				}
				if kinds := kinds(res); last == "ip4:192.0.2.1 -all" && (show(res) != "192.0.2.1/32" || kinds != KindLookupLimit) {
					t.Errorf("%s: %s, %v", last, show(res), res.Problems)
				}
			})
		}
	}
}

// TestLoops lists loops of every shape. Addresses that match before the loop pass; the rest get permerror.
func TestLoops(t *testing.T) {
	for _, row := range []struct{ name, zone, pass, kinds string }{
		{"include itself", `a.test TXT "v=spf1 ip4:192.0.2.1 include:a.test ip4:192.0.2.2 -all"`, "192.0.2.1/32", "loop"},
		{"redirect to itself", `a.test TXT "v=spf1 ip4:192.0.2.1 redirect=a.test"`, "192.0.2.1/32", "loop"},
		{"redirect to itself beside all", `a.test TXT "v=spf1 ip4:192.0.2.1 redirect=a.test -all"`, "192.0.2.1/32", ""},
		{"a loop that no address reaches", `a.test TXT "v=spf1 all include:a.test"`, "0.0.0.0/0 ::/0", ""},
		{"after all addresses matched", `a.test TXT "v=spf1 ip4:0.0.0.0/0 -ip6:::/1 ip6:8000::/1 include:a.test"`, "0.0.0.0/0 8000::/1", ""},
		{"two records", "a.test TXT \"v=spf1 ip4:192.0.2.1 include:b.test -all\"\nb.test TXT \"v=spf1 ip4:192.0.2.2 include:a.test\"",
			"192.0.2.1/32 192.0.2.2/32", "loop"},
		{"by way of macros and case", "a.test TXT \"v=spf1 ip4:192.0.2.1 include:B.%{d1r} -all\"\nb.a.test TXT \"v=spf1\"\nb.a TXT \"v=spf1 include:A.tesT.\"",
			"192.0.2.1/32", "loop"},
		{"a loop below, met twice", `
			a.test TXT "v=spf1 include:b.test include:c.test -all"
			b.test TXT "v=spf1 ip4:192.0.2.1 -ip4:192.0.2.0/24 include:c.test"
			c.test TXT "v=spf1 ip4:192.0.2.4 ip4:198.51.100.1 include:b.test"`, "192.0.2.1/32 192.0.2.4/32 198.51.100.1/32", "loop"},
		{"not a loop in the other context", `
			a.test TXT "v=spf1 -ip4:192.0.2.9 include:b.test include:c.test -all"
			b.test TXT "v=spf1 -ip4:192.0.2.8/29 include:c.test"
			c.test TXT "v=spf1 ip4:192.0.2.8/30 include:b.test"`, "192.0.2.8/32 192.0.2.10/31", "loop"},
		{"loop for IPv4 only", `
			in-addr.test TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 include:%{v}.test"
			ip6.test TXT "v=spf1 ip6:2001:db8::2 -all"`, "192.0.2.1/32 2001:db8::1/128 2001:db8::2/128", "loop"},
	} {
		t.Run(row.name, func(t *testing.T) {
			domain := strings.Fields(row.zone)[0]
			res := walk(t, newFakeDNS().read(t, row.zone), domain)
			if show(res) != row.pass || kinds(res) != row.kinds {
				t.Errorf("%s, %v, want %s, %s", show(res), res.Problems, row.pass, row.kinds)
			}
			if want := map[bool]Error{true: PermError, false: OK}[row.kinds != ""]; res.Error != want {
				t.Errorf("error %q", res.Error)
			}
		})
	}
}

// TestAllIncludeAll lists records that all include each other: each order of them is a cycle.
func TestAllIncludeAll(t *testing.T) {
	for _, first := range []string{"", "ptr ", "?exists:%{i}.test ", "-ip4:10.%d.0.0/16 ", "ip4:10.%d.0.0/16 -ip4:10.%[1]d.0.0/12 "} {
		const n = 40
		d := newFakeDNS()
		for i := range n {
			record := "v=spf1 " + first
			if strings.Contains(first, "%d") {
				record = fmt.Sprintf(record, i*5)
			}
			for j := range n {
				record += fmt.Sprintf("include:n%d.test ", (i+j)%n)
			}
			d.txt[fmt.Sprintf("n%d.test", i)] = []string{record}
		}
		fast(t, func() {
			if res := walk(t, d, "n0.test"); res.Error != PermError || !strings.Contains(kinds(res), KindLoop) {
				t.Errorf("%s: %q %s %v", first, res.Error, show(res), kinds(res))
			}
		})
	}
}

// entangled gives a chain of records, each of which includes the next one in as many terms as it has networks.
func entangled(records, terms int) *fakeDNS {
	d := newFakeDNS()
	for i := range records {
		d.txt[fmt.Sprintf("e%d.test", i)] = []string{
			manyTerms(terms, "-") + strings.Repeat(fmt.Sprintf(" include:e%d.test ip4:11.%d.0.0/17", i+1, i), terms),
		}
	}
	d.txt[fmt.Sprintf("e%d.test", records)] = []string{manyTerms(4000, "?")}
	return d
}

// TestEntangled lists a policy that is wide and deep, up to the limit of steps.
func TestEntangled(t *testing.T) {
	d := entangled(20, 1000)
	var res Result
	fast(t, func() {
		res = walkLimited(t, d, "e0.test", Limits{Steps: 100_000})
	})
	if res.Error != PermError || !strings.HasPrefix(kinds(res), KindLimit) || !strings.Contains(res.Problems[0].Text, "100,000 steps (Steps)") {
		t.Errorf("%q %v", res.Error, res.Problems)
	}
}

// patience is a context that ends when it was looked at so often.
type patience struct {
	context.Context
	looks int
}

func (p *patience) Err() error {
	if p.looks--; p.looks < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestInterrupted ends the evaluation of a policy wherever it looks at the context: while it matches, while it divides the
// addresses among the terms, and while it makes prefixes of them, each of which takes some of the looks. It lists all or nothing.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	const terms, includes = 1200, 8
	d := newFakeDNS()
	d.txt["a.test"] = []string{"v=spf1"}
	for i := range includes {
		record := "v=spf1"
		for j := range terms {
			record += fmt.Sprintf(" ip4:10.%d.%d.%d", j>>7, j&127<<1, i<<1)
		}
		d.txt[fmt.Sprintf("b%d.test", i)] = []string{record}
		d.txt["a.test"][0] += fmt.Sprintf(" include:b%d.test", i)
	}
	z := gather(t.Context(), d, "a.test", DefaultLimits())
	looks := 0
	for ; ; looks += fixtures.Rounds(6, 2) {
		ctx := &patience{t.Context(), looks}
		res, e := z.list(ctx)
		checkResult(t, res, e.tree(res.Problems, res.Error))
		if ctx.looks >= 0 {
			if len(res.Ranges) != terms*includes || res.Error != OK {
				t.Errorf("uninterrupted: %d ranges, %q", len(res.Ranges), res.Error)
			}
			break
		}
		if len(res.Ranges) > 0 || res.Error != TempError || !strings.Contains(res.Problems[0].Text, "deadline exceeded: the evaluation did not") {
			t.Errorf("after %d looks: %d ranges, %q, %v", looks, len(res.Ranges), res.Error, res.Problems)
		}
	}
	if looks < 10 {
		t.Errorf("it looked %d times", looks)
	}
}

// TestInterruptedEndless has a policy whose evaluation would take minutes without Limits.Steps.
func TestInterruptedEndless(t *testing.T) {
	t.Parallel()
	d := entangled(40, 2000)
	fast(t, func() {
		lim := Limits{Steps: math.MaxInt}.orDefault()
		res, _ := gather(t.Context(), d, "e0.test", lim).list(&patience{t.Context(), 50})
		if res.Error != TempError || len(res.Ranges) > 0 {
			t.Errorf("%q, %d ranges", res.Error, len(res.Ranges))
		}
	})
}

// TestKept lists a policy in which a hundred scattered networks go through many records: each keeps them. At the limit it is
// listed, and below it nothing is.
func TestKept(t *testing.T) {
	d := newFakeDNS()
	const records, terms = 20, 100
	for i := range records {
		d.txt[fmt.Sprintf("k%d.test", i)] = []string{fmt.Sprintf("v=spf1 include:k%d.test -all", i+1)}
	}
	d.txt[fmt.Sprintf("k%d.test", records)] = []string{manyTerms(terms, "+") + " -all"}
	z := gather(t.Context(), d, "k0.test", DefaultLimits())
	e := newEvaluation(t.Context(), z)
	e.top()
	if want := records * terms * 4; e.kept < want || e.kept > want*3/2 { // passing, listed, not passing, matched
		t.Errorf("it keeps %d ranges, want about %d", e.kept, want)
	}
	for _, row := range []struct{ most, ranges int }{{e.kept, terms}, {e.kept + 1, terms}, {e.kept - 1, 0}, {terms, 0}} {
		res := walkLimited(t, d, "k0.test", Limits{Kept: row.most})
		if len(res.Ranges) != row.ranges || row.ranges > 0 && res.Error != OK {
			t.Errorf("%d: %d ranges, %q", row.most, len(res.Ranges), res.Error)
		}
		if text := fmt.Sprintf("more than %s ranges of addresses in memory, our limit (Kept): none is listed", ascii.Count(row.most)); row.ranges == 0 &&
			(res.Error != PermError || !strings.Contains(res.Problems[0].Text, text)) {
			t.Errorf("%d: %q, %v", row.most, res.Error, res.Problems)
		}
	}
}

// TestManyAnswers lists terms with a thousand addresses and exchanges in an answer.
func TestManyAnswers(t *testing.T) {
	d := newFakeDNS()
	for i := range 1000 {
		d.a["big.test"] = append(d.a["big.test"], netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i << 1), 0}))
		d.mx["big.test"] = append(d.mx["big.test"], fmt.Sprintf("mx%d.test", i))
	}
	for record, want := range map[string]string{
		"v=spf1 a:big.test mx:big.test -all":                     "mx-limit limit void-limit", // more exchanges than Limits.Lookups
		"v=spf1" + strings.Repeat(" a:big.test", 4000) + " -all": "limit lookup-limit",        // more work than Limits.Steps
	} {
		d.txt["a.test"] = []string{record}
		fast(t, func() {
			res := walkLimited(t, d, "a.test", Limits{Steps: 500_000})
			if len(res.Pass.Prefixes()) != 1000 || res.Error != PermError || kinds(res) != want {
				t.Errorf("%d prefixes, %q, %v, want %v", len(res.Pass.Prefixes()), res.Error, kinds(res), want)
			}
		})
	}
}

// TestManyProblems lists records of ten thousand mistakes.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	for _, term := range []string{"oops%d", "ptr:x%d.test", "a:%d..test", "\x80\x01%d", "ip4=%d"} {
		var record strings.Builder
		record.WriteString("v=spf1")
		for i := range 10_000 {
			fmt.Fprintf(&record, " "+term, i)
		}
		d := newFakeDNS()
		d.txt["a.test"] = []string{record.String()}
		fast(t, func() {
			res := walk(t, d, "a.test")
			if n := len(res.Problems); n != maxProblems+1 || !strings.Contains(res.Problems[n-1].Text, "more than 1,000 problems") {
				t.Errorf("%s: %d problems, the last %v", term, n, res.Problems[n-1])
			}
		})
	}
}

// TestLimits checks where each of Limits ends a walk, and its problem.
func TestLimits(t *testing.T) {
	d := newFakeDNS()
	for i := range 60 {
		d.txt[fmt.Sprintf("c%d.test", i)] = []string{fmt.Sprintf("v=spf1 ip4:10.0.%d.0/24 include:c%d.test -all", i*2, i+1)}
	}
	d.txt["c60.test"] = []string{"v=spf1 -all"}
	for _, row := range []struct {
		name    string
		lim     Limits
		pass    int
		queries int
		problem string
	}{
		{"depth", Limits{}, 51, 51, "our limit of 50 nested records (max_depth) ends here: addresses that no earlier term matches get permerror"},
		{"small depth", Limits{Depth: 3}, 4, 4, "our limit of 3 nested records (max_depth) ends here: addresses that no earlier term matches get permerror"},
		{"lookups", Limits{Lookups: 7}, 7, 7,
			"TXT c7.test was not asked: our limit of 7 lookups (max_lookups) is used up, and addresses that no earlier term matches get permerror"},
		{"record", Limits{RecordBytes: 20}, 0, 1, "record of 43 bytes: our limit is 20 (max_record_bytes), so it was not read"},
		{"enough", Limits{Depth: 60, Lookups: 61, RecordBytes: 50}, 60, 61, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			res := walkLimited(t, d, "c0.test", row.lim)
			if len(res.Pass.Prefixes()) != row.pass || res.Queries != row.queries {
				t.Errorf("%d prefixes, want %d; %d queries, want %d", len(res.Pass.Prefixes()), row.pass, res.Queries, row.queries)
			}
			got := slices.DeleteFunc(res.Problems, func(p Problem) bool { return p.Kind != KindLimit })
			if row.problem == "" && len(got) == 0 && res.Error == OK {
				return
			}
			if len(got) != 1 || got[0].Text != row.problem || res.Error != PermError {
				t.Errorf("%v, error %q, want %s", got, res.Error, row.problem)
			}
		})
	}
}

func BenchmarkTenThousandTerms(b *testing.B) {
	d := newFakeDNS()
	d.txt["many.test"] = []string{manyTerms(10_000, "+") + " -all"}
	for b.Loop() {
		if res := Walk(b.Context(), d, "many.test", Limits{}); len(res.Ranges) != 10_000 {
			b.Fatal(res.Error)
		}
	}
}

// BenchmarkStepsUsedUp measures the longest evaluation: Limits.Steps ends it.
func BenchmarkStepsUsedUp(b *testing.B) {
	d := entangled(40, 2000)
	for b.Loop() {
		if res := Walk(b.Context(), d, "e0.test", Limits{}); res.Error != PermError {
			b.Fatal(res.Error)
		}
	}
}
