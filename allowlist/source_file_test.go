package allowlist

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/allowlist/notation"
)

// readSlowly reads a list of networks without a dress word by word with ParseCIDR, for comparison with ParseList.
func readSlowly(text, name string) (lines, problems []string, err error) {
	var failed []error
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line, _, _ = strings.Cut(line, " ;")
		for _, item := range strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" \t,\r\ufeff\u00a0", c) }) {
			p, note, err := notation.ParseCIDR(item)
			if err != nil {
				failed = append(failed, fmt.Errorf("%s:%d: %w", name, i+1, err))
				continue
			}
			if note != "" {
				problems = append(problems, fmt.Sprintf("%s:%d: %s", name, i+1, note))
			}
			lines = append(lines, fmt.Sprintf("%s %s:%d", p, name, i+1))
		}
	}
	return lines, problems, errors.Join(failed...)
}

func TestParseListAgainstSlowReading(t *testing.T) {
	word := rapid.SampledFrom([]string{"192.0.2.0/24", "192.0.2.7", "192.0.2.1/24", "10.0.0.0/33", "010.0.0.1", "2001:db8::/32", "2001:DB8::1", "::", "::1/64",
		"::ffff:192.0.2.0/120", "::ffff:c000:200/120", "fe80::1%eth0", "1.2.3", "nonsense", "\xff", "\u00a0", "\ufeff", "é"})
	between := rapid.SampledFrom([]string{" ", "\t", ",", "\r", "\n", "\n", "\r\n", " \ufeff", " #", " ; ", " # x\n", "\n\n"})
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(0, 20).Draw(t, "words") {
			text.WriteString(between.Draw(t, "between") + word.Draw(t, "word"))
		}
		text.WriteString(between.Draw(t, "end"))
		ranges, problems, err := ParseList([]byte(text.String()), "list")
		var lines, notes []string
		for r := range ranges.All() {
			lines = append(lines, r.Prefix.String()+" "+r.PathString())
		}
		for _, p := range problems {
			notes = append(notes, p.Text)
		}
		wantLines, wantNotes, wantErr := readSlowly(text.String(), "list")
		slices.Sort(lines) // All gives the networks of one line IPv4 first
		slices.Sort(wantLines)
		if !slices.Equal(lines, wantLines) || !slices.Equal(notes, wantNotes) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("%q:\n%q %q %v\nwant\n%q %q %v", &text, lines, notes, err, wantLines, wantNotes, wantErr)
		}
	})
}

// A list on disk of as many ranges as may be, one less and one more: the last is refused with the figure, and the others are not.
func TestFileBounds(t *testing.T) {
	dir := t.TempDir()
	var sources []Source
	for _, n := range []int{MaxFileRanges - 1, MaxFileRanges, MaxFileRanges + 1} {
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, bytes.Repeat([]byte("74.0.0.1\n"), n), 0o600); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, Source{Name: fmt.Sprint(n), File: path, FilePath: path})
	}
	for i, f := range (&Fetcher{}).Fetch(t.Context(), sources) {
		want := "<nil>"
		if i == 2 {
			want = "more than 2,000,000 addresses and networks" // the reader stops there
		}
		if fmt.Sprint(f.Err) != want || f.Err == nil && fmt.Sprint(f.Ranges.Len()) != f.Name {
			t.Errorf("%s: %v, %d ranges", f.Name, f.Err, f.Ranges.Len())
		}
	}
}
