package maillog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/fixtures"
)

// fieldLine is a case of fixtures/field/replies.jsonl or logformats.jsonl.
type fieldLine struct {
	ID, Kind, Line string
	Want           *struct {
		Kind, Zone, Time oneOf
		IP               string
	}
}

// oneOf holds the right answers, of which any will do; nil: not asked.
type oneOf []*string

func (o *oneOf) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = oneOf{&one}
		return nil
	}
	return json.Unmarshal(text, (*[]*string)(o))
}

// has reports whether an answer is right. In a time without a year, "*", any year is.
func (o oneOf) has(got string) bool {
	return o == nil || slices.ContainsFunc(o, func(want *string) bool {
		rest, anyYear := "", false
		if want != nil {
			rest, anyYear = strings.CutPrefix(*want, "*")
		}
		return want != nil && (*want == got || anyYear && strings.HasSuffix(got, rest))
	})
}

// TestField reads lines as programs, containers and hosts of the field write them, and logs the score of each kind.
func TestField(t *testing.T) {
	for _, file := range []string{"replies.jsonl", "logformats.jsonl"} {
		right, all := map[string]int{}, map[string]int{}
		for line := range strings.Lines(fixtures.ReadFile(t, fixtures.Path("field", file))) {
			var c fieldLine
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
			all[c.Kind]++
			if t.Run(c.ID, c.check) {
				right[c.Kind]++
			}
		}
		sum, of := 0, 0
		for _, kind := range slices.Sorted(maps.Keys(all)) {
			t.Logf("%-30s %3d of %3d", kind, right[kind], all[kind])
			sum, of = sum+right[kind], of+all[kind]
		}
		t.Logf("%s: %d of %d", file, sum, of)
	}
}

func (c fieldLine) check(t *testing.T) {
	events := readAll(t, c.Line)
	if c.Want == nil || len(events) != 1 {
		if len(events) > 1 || c.Want != nil && !slices.Contains(c.Want.Kind, nil) || c.Want == nil && len(events) > 0 {
			t.Errorf("got %s, want %+v\n%s", row(events), c.Want, c.Line)
		}
		return
	}
	e := events[0]
	at := ""
	if !e.Time.IsZero() {
		at = e.Time.UTC().Format(time.RFC3339Nano)
	}
	if !c.Want.Kind.has(string(e.Kind)) || !c.Want.Zone.has(e.Zone) || !c.Want.Time.has(at) || c.Want.IP != "" && e.IP.String() != c.Want.IP {
		t.Errorf("got %s at %s, want %+v\n%s", row(events), at, c.Want, c.Line)
	}
}
