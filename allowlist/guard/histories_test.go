package guard

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures"
)

// history is how a list changed.
type history struct {
	Name   string
	States []struct {
		Time       time.Time
		Came, Gone []netip.Prefix
	}
}

func histories(t *testing.T) (all []history) {
	t.Helper()
	f, err := os.Open(fixtures.Path("histories", "senders.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var h history
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// troubles are the changes that nobody meant, by month: see fixtures/histories.
var troubles = map[string]string{
	"mc:microsoft 2022-03":                  "grow",
	"mailcow-whole 2022-03":                 "grow",
	"mailcow-whole 2024-06":                 "special",
	"misp:google-gmail-sending-ips 2022-11": "shrink",
	"misp:google-gmail-sending-ips 2023-07": "empty",
}

// TestHistories replays how thirteen lists really changed, with the default limits. Each trouble is held, or dropped if it is
// special-purpose space. Few ordinary changes are held, as many as docs/configuration.md says: a person looks at them and accepts.
func TestHistories(t *testing.T) {
	years, ordinary := 0.0, 0
	found := map[string][]string{} // kinds of problems by month
	for _, h := range histories(t) {
		l := &life{limits: allowlist.DefaultLimits()}
		var networks prefixes.List
		for _, s := range h.States {
			came, _ := listOf(s.Came)
			gone, _ := listOf(s.Gone)
			networks = prefixes.Join(networks.Minus(gone), came).Fewest()
			var ranges allowlist.Ranges
			for p := range networks.All() {
				ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of(p.String())})
			}
			l.now = s.Time
			v := l.run(ranges, false)
			month := h.Name + " " + s.Time.Format("2006-01")
			why := ""
			for _, p := range v.Problems {
				if found[month] = append(found[month], p.Kind); p.Kind != "special" && p.Kind != "age" {
					why = p.Text
				}
			}
			if _, trouble := troubles[month]; v.Status != Held || trouble {
				continue
			}
			ordinary++
			t.Logf("%s %s: %s", h.Name, s.Time.Format(time.DateOnly), why)
			if l.run(ranges, true).Status != Fresh { // a width or a total: raised for the source, which is a hosting cloud
				l.limits.WidestIPv4, l.limits.WidestIPv6, l.limits.TotalIPv4, l.limits.TotalIPv6 = 0, 0, 0, 0
				l.run(ranges, true)
			}
		}
		years += h.States[len(h.States)-1].Time.Sub(h.States[0].Time).Hours() / 24 / 365
	}
	for month, kind := range troubles {
		if !slices.Contains(found[month], kind) {
			t.Errorf("%s: problems %q, want %q", month, found[month], kind)
		}
	}
	t.Logf("%d ordinary changes held in %.0f source-years: %.2f a source-year", ordinary, years, float64(ordinary)/years)
	if float64(ordinary)/years > 0.5 {
		t.Errorf("more than one ordinary change of a source is held in two years")
	}
	page := strings.Join(strings.Fields(fixtures.ReadFile(t, fixtures.Path("..", "docs", "configuration.md"))), " ")
	if want := fmt.Sprintf("%.0f years of them together, %d ordinary changes are held", years, ordinary); !strings.Contains(page, want) {
		t.Errorf("docs/configuration.md does not say %q", want)
	}
}
