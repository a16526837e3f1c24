package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/table"
	"mailallow/fixtures"
)

// chained is a table in which each of so many ranges has a line with another value below it. A range can be corrected once that line
// is gone, and it is gone once the range above is corrected.
func chained(ranges int) string {
	address := func(i int) string { return fmt.Sprintf("10.0.%d.%d", i>>8, i&255) }
	value := func(i int) string { return []string{"permit", "REJECT"}[i%2] }
	var lines []string
	for i := range ranges {
		lines = append(lines, address(i)+"-"+address(i+1)+" "+value(i))
	}
	slices.Reverse(lines)
	for i := 1; i < ranges; i++ {
		lines = append(lines, address(i)+" "+value(i))
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestSettled: in a table each correction allows another one. All are made, if there are not too many for one call.
func TestSettled(t *testing.T) {
	const few, many = 12, 100
	fixed, _ := table.Fix([]byte(chained(few)), format.UseSMTPD, rule.Options{})
	if strings.Contains(string(fixed), "-") {
		t.Errorf("ranges are left:\n%s", fixed)
	}
	calls := 0
	for text := []byte(chained(many)); strings.Contains(string(text), "-"); calls++ {
		text, _ = table.Fix(text, format.UseSMTPD, rule.Options{})
	}
	if calls < 2 {
		t.Errorf("one call corrects %d ranges, of which each waits for another", many)
	}
}

// TestMade: what a correction makes possible is among the findings that are put right, with the lines of the text as it was, and
// with what is in the place of a line in the end.
func TestMade(t *testing.T) {
	for _, row := range []struct{ text, fixed, made string }{
		{"# ours\n 192.0.2.0/24 permit # us\n", "# ours\n# us\n192.0.2.0/24\tpermit\n",
			`2 leading-blank "# us\n192.0.2.0/24\tpermit"` + "\n" + `2 value-comment "# us\n192.0.2.0/24\tpermit"` + "\n"},
		{"10.0.0.0-10.0.3.255 permit\n8.8.8.0/24 permit # dns\n10.0.1.0/24 RELAY\n", "10.0.0.0/22\tpermit\n# dns\n8.8.8.0/24\tpermit\n",
			`1 pattern "10.0.0.0/22\tpermit"` + "\n" + `2 value-comment "# dns\n8.8.8.0/24\tpermit"` + "\n" +
				`3 table-value "remove the line"` + "\n" + `3 redundant "remove the line"` + "\n"},
	} {
		fixed, made := table.Fix([]byte(row.text), format.UseSMTPD, rule.Options{})
		var got strings.Builder
		for _, f := range made {
			fmt.Fprintf(&got, "%d %s %q\n", f.Line, f.Rule, f.Fix)
		}
		if string(fixed) != row.fixed || got.String() != row.made {
			t.Errorf("%q became %q by\n%s\nnot %q by\n%s", row.text, fixed, &got, row.fixed, row.made)
		}
	}
}

// TestConditionsCost checks a table of conditions, which costs less for each line than a usual one.
func TestConditionsCost(t *testing.T) {
	const lines = 10_000
	cost := func(text string) time.Duration {
		return fixtures.Least(func() { table.Check([]byte(text), format.UseSMTPD, rule.Options{}) })
	}
	usual := cost(strings.Repeat("10.0.0.1 permit\n10.0.0.1/25 permit\n", lines/2))
	if took := cost(strings.Repeat("if 10.0.0.0/8\nendif\n", lines/2)); took > 5*usual {
		t.Errorf("%d lines of conditions take %v, and usual ones %v", lines, took, usual)
	}
}
