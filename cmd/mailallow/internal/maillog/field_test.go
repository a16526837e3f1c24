package maillog

import (
	"encoding/json"
	"strings"
	"testing"

	"mailallow/accessmap/maillog"
	"mailallow/fixtures"
)

// TestField counts the lists of the logs in fixtures/field/sums.jsonl.
func TestField(t *testing.T) {
	type sums struct {
		Count     uint32
		Addresses int
	}
	for line := range strings.Lines(fixtures.ReadFile(t, fixtures.Path("field", "sums.jsonl"))) {
		var c struct {
			ID    string
			Lines []string
			Want  map[string]sums
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		counts := newTally()
		_, err := maillog.Read(strings.NewReader(strings.Join(c.Lines, "\n")), c.ID, maillog.Options{}, func(e maillog.Event) error {
			counts.add(e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		lists := counts.report(&owners{}, maxRows).Refused.Lists
		if len(lists) != len(c.Want) {
			t.Errorf("%s: %d lists, want %d", c.ID, len(lists), len(c.Want))
		}
		for _, l := range lists {
			if got := (sums{l.Count, l.Addresses}); got != c.Want[l.Zone] {
				t.Errorf("%s: %s has %+v, want %+v", c.ID, l.Zone, got, c.Want[l.Zone])
			}
		}
	}
}
