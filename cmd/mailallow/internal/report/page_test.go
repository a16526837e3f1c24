package report

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/history"
	"mailallow/allowlist/provenance"
	"mailallow/cmd/mailallow/internal/dnsbl"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/run"
)

// hostile are names that would be something else than text on a page that does not escape them, or would break its layout.
var hostile = []string{
	`<script>document.title="x"</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='x`, `</style><svg/onload=x>`, `</title>`,
	`{{.Host}}`, `javascript:alert(1)`, `&lt;b&gt; &amp;`, `<!-- x`, `-->`, `]]>`, "a\u202eb\u2066c", "zero\u200bwidth", "bell\a and nul\x00", "\xff\xfe bytes",
	strings.Repeat("long", 100), strings.Repeat("w ", 150), `url(https://evil.example/)`, `<base href=//evil.example>`, "tab\tand\nline",
	`<meta http-equiv=refresh content=0>`, "שלום עולם", "電子メール", `\u003cscript\u003e`, "`${x}` 100% % %%",
}

// fullPage has something in every section, with hostile names wherever others choose one.
func fullPage(names []string) *page {
	name := func(i int) string { return names[i%len(names)] }
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	statuses := guard.Statuses()
	p := &page{Host: name(0), Made: "2026-11-29 12:00 +0000", Config: name(1), Version: "0.1", Basis: name(2)}
	for i := range names {
		p.Wrong = append(p.Wrong, wrong{i%2 == 0, "source " + name(i) + " is held: " + name(i+1), "mailallow diff --accept " + name(i)})
		reason := allowlist.Life{Reason: name(i + 3), Owner: name(i + 4), Until: start}
		p.Sources = append(p.Sources, sourceRow{run.SourceDocument{Name: name(i), Action: "RELAY", Status: statuses[i%len(statuses)], Ranges: 1999,
			IPv4Addresses: 1 << 32, IPv6Ranges: 12}, "1063d", reason.String(), []string{name(i + 5)}})
		p.Held = append(p.Held, changeRow{name(i), "1 came (1 IPv4 address)", name(i + 1), []string{"192.0.2.0/24  " + name(i)}, []string{"2001:db8::/32  " + name(i)}, 3, 4, []string{"/etc/mail/" + name(i)}})
		p.Targets = append(p.Targets, targetRow{"/etc/mail/" + name(i), "sendmail-access", "1,000,000", "not known: " + name(i)})
		p.Zones = append(p.Zones, dnsbl.Standing{Address: "2001:db8:1111:2222:3333:4444:5555:6666", Zone: name(i), State: "listed", Codes: []string{"127.0.0.2", "127.0.0.11"}, Asked: start})
		p.Findings = append(p.Findings, rule.Finding{File: "/etc/mail/" + name(i), Line: 123456, Rule: "shadowed", Text: name(i), Fix: name(i + 1), Severity: rule.Error})
	}
	p.Pending = p.Held
	sizes := &sizes{last: map[string]*ofSource{}}
	for i := range 60 {
		for j, n := range names {
			s := history.Size{Entry: fmt.Sprint(i), At: start.Add(time.Duration(i) * 24 * time.Hour), Command: history.Update, Source: n, Action: allowlist.OK,
				Status: guard.Fresh, IPv4: uint64(1000 + i*j%7*100), Changed: true}
			switch {
			case i == 0:
				sizes.first, s.Command = s.At, ""
			case i%9 == 3:
				s.Status = guard.Held
			case i%9 == 4:
				s.Command = history.Accept
			case i%20 == 7:
				s.Command = history.Rollback
			}
			sizes.add(s)
		}
	}
	p.History = sizes.view(start.Add(59*24*time.Hour), start.Add(60*24*time.Hour))
	p.History.Entries = []entryRow{{"2026-11-29 12:00", "update", strings.Join(names, "; ")}}
	g := &gathering{}
	counts, clients := map[string]*count{}, refusals.NewClients()
	clients.Refused = refusals.Total{Count: 1 << 30, Since: refusals.Stamp(start.Unix()), Until: refusals.Stamp(start.Unix() + 300*86400)}
	for i, n := range names {
		c := &count{Total: refusals.Total{Count: uint32(1e9 - i), Since: clients.Refused.Since, Until: clients.Refused.Until}, addresses: 100000, days: map[int]uint32{}}
		for d := range 300 {
			c.days[dayOf(start)+d] = uint32(d * (i + 3) % 101 * 1000)
		}
		counts[n] = c
	}
	p.Refusals = g.viewRefusals(clients, counts, map[string]time.Time{names[0]: start.Add(100 * 24 * time.Hour)})
	p.Map = g.mapOf(&run.Result{List: &run.List{Set: setOf(names, 400)}}, sizes)
	p.Map.Came, p.Map.Gone, p.Map.Outlined = "M3 3h1v1h-1z", "M9 9h2v2h-2z", "what would change"
	p.Verdict = verdict(p.Wrong)
	return p
}

// setOf makes a list of n networks and as many of IPv6, spread over the address space.
func setOf(names []string, n int) *allowlist.Set {
	sources := make([]allowlist.Labelled, len(names))
	for i, name := range names {
		sources[i] = allowlist.Labelled{Source: name, Action: []allowlist.Action{allowlist.OK, allowlist.Relay, allowlist.Reject}[i%3]}
	}
	for i := range n {
		r := &sources[i%len(sources)].Ranges
		at := uint32(uint64(i) * (1 << 32) / uint64(n))
		four := netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), 0})
		six := netip.AddrFrom16([16]byte{0x20, byte(i >> 8), byte(i)})
		for _, p := range []netip.Prefix{netip.PrefixFrom(four, 24), netip.PrefixFrom(six, 48)} {
			r.Add(allowlist.Range{Prefix: p.Masked(), Path: provenance.Of("x")})
		}
	}
	return allowlist.Merge(sources)
}

// No name becomes an element, an attribute or a reference, and none turns the text around it.
func TestNamesAreText(t *testing.T) {
	plain := make([]string, len(hostile))
	for i := range plain {
		plain[i] = fmt.Sprintf("name%d", i)
	}
	elements := func(text string) map[string]int {
		counts := map[string]int{}
		for _, part := range strings.Split(text, "<")[1:] {
			counts[strings.FieldsFunc(part, func(r rune) bool { return r == ' ' || r == '>' || r == '\n' })[0]]++
		}
		return counts
	}
	got, want := string(fullPage(hostile).markup()), string(fullPage(plain).markup())
	if a, b := fmt.Sprint(elements(got)), fmt.Sprint(elements(want)); a != b {
		t.Errorf("elements\n%s, want\n%s", a, b)
	}
	if strings.ContainsAny(got, "\u202e\u2066\u200b\a\x00") {
		t.Error("characters that do not show are in the page")
	}
}

// A page is below its bound, whatever is in the list: the map of a list with an address in every /16, by sources in turn.
func TestPageBounded(t *testing.T) {
	names := make([]string, 3000)
	for i := range names {
		names[i] = strings.Repeat("n", 190) + fmt.Sprint(i)
	}
	p := fullPage(names[:60])
	for len(p.Sources) < maxSources {
		p.Sources = append(p.Sources, p.Sources[0])
	}
	p.Map = (&gathering{}).mapOf(&run.Result{List: &run.List{Set: setOf(names, 1<<16)}}, &sizes{})
	if n := len(p.markup()); n > 2_000_000 || p.Map.Cell != "/14" {
		t.Errorf("%d bytes", n)
	} else {
		t.Logf("%d bytes", n)
	}
}

// The curve visits every cell once, each beside the one before it.
func TestPlace(t *testing.T) {
	seen := map[[2]int]bool{}
	lastX, lastY := place(0)
	for at := range cells {
		x, y := place(at)
		if step := (x-lastX)*(x-lastX) + (y-lastY)*(y-lastY); at > 0 && step != 1 || seen[[2]int{x, y}] || x < 0 || y < 0 || x > 255 || y > 255 {
			t.Fatalf("cell %d at %d, %d, after %d, %d", at, x, y, lastX, lastY)
		}
		seen[[2]int{x, y}], lastX, lastY = true, x, y
	}
}

// Squares cover exactly the cells that are not empty, each once, with its look.
func TestSquares(t *testing.T) {
	grid := make([]class, cells)
	var filled []filledCell
	for i := range grid {
		if i%7 < 3 || i > 40000 && i < 50000 {
			grid[i] = class{fmt.Sprint(i / 20000), allowlist.OK}
			filled = append(filled, filledCell{i, grid[i]})
		}
	}
	paths := squares(filled)
	drawn := map[[2]int]class{}
	for look, path := range paths {
		for part := range strings.SplitSeq(strings.TrimSuffix(path.String(), "z"), "z") {
			var x, y, w, h, back int
			if _, err := fmt.Sscanf(part, "M%d %dh%dv%dh-%d", &x, &y, &w, &h, &back); err != nil || w != h || w != back {
				t.Fatalf("%q: %v", part, err)
			}
			for i := range w * h {
				at := [2]int{x + i%w, y + i/w}
				if _, twice := drawn[at]; twice {
					t.Fatalf("%v is drawn twice", at)
				}
				drawn[at] = look
			}
		}
	}
	for i, c := range grid {
		x, y := place(i)
		if drawn[[2]int{x, y}] != c {
			t.Fatalf("cell %d at %d, %d: %v, want %v", i, x, y, drawn[[2]int{x, y}], c)
		}
	}
}
