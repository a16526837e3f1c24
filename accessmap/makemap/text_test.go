package makemap

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/fixtures"
)

func TestReadMapText(t *testing.T) {
	comment := func(n int) string { return "#" + strings.Repeat("c", n-1) }
	rows := []struct {
		name     string
		text     string
		entries  []Entry
		problems []string // "line: part of the reason"
	}{
		{name: "nothing"},
		{name: "entry", text: "a\tOK\n", entries: []Entry{{"a", "OK", 1}}},
		{name: "no newline at the end", text: "a OK", entries: []Entry{{"a", "OK", 1}}},
		{name: "blank and comment", text: "\n# x y\na OK\n", entries: []Entry{{"a", "OK", 3}}},
		{name: "key folded, value not", text: "Connect:A\u00c4 Ok\n", entries: []Entry{{"connect:a\u00c4", "Ok", 1}}},
		{name: "same key in another case", text: "connect:1 OK\nConnect:1 REJECT\n",
			entries: []Entry{{"connect:1", "OK", 1}}, problems: []string{"2: is on line 1"}},
		{name: "value keeps what follows", text: "a OK # x \t\n", entries: []Entry{{"a", "OK # x \t", 1}}},
		{name: "CR is part of the value", text: "a OK\r\n", entries: []Entry{{"a", "OK\r", 1}}},
		{name: "CR alone is no value", text: "a \r\n", problems: []string{"1: without a value"}},
		{name: "CR on a blank line", text: "\r\n", problems: []string{"1: begins with a blank"}},
		{name: "no value", text: "a\nb \n", problems: []string{"1: without a value", "2: without a value"}},
		{name: "indented", text: " a OK\n\t# x\n  \n",
			problems: []string{"1: begins with a blank", "2: begins with a blank", "3: begins with a blank"}},
		{name: "vertical tab and form feed are blanks", text: "a\v\fb\n", entries: []Entry{{"a", "b", 1}}},
		{name: "a backslash and quotes are nothing special", text: "a\\ b\n\"c d\" e\n",
			entries: []Entry{{"a\\", "b", 1}, {"\"c", "d\" e", 2}}},
		{name: "NUL", text: "a\x00 OK\nb OK\n", entries: []Entry{{"b", "OK", 2}}, problems: []string{"1: NUL"}},
		{name: "NUL in the last line", text: "a OK\x00b", entries: []Entry{{"a", "OK", 1}}},
		{name: "1022 bytes", text: comment(1022) + "\n"},
		{name: "1023 bytes", text: comment(1023) + "\n", problems: []string{"1: longer than 1022 bytes"}},
		{name: "a comment's tail is an entry", text: comment(1023) + "Connect:8\tRELAY\na OK\n",
			entries: []Entry{{"connect:8", "RELAY", 1}, {"a", "OK", 2}}, problems: []string{"1: longer than 1022 bytes"}},
		{name: "a tail without a value", text: comment(1024) + "\n",
			problems: []string{"1: longer than 1022 bytes", "1: without a value"}},
		{name: "1023 bytes at the end", text: comment(1023), problems: []string{"1: longer than 1022 bytes"}},
	}
	m := Program{Path: fixtures.Makemap(t)}
	base := filepath.Join(t.TempDir(), "map")
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			read := ReadText([]byte(row.text))
			if diff := cmp.Diff(row.entries, slices.Collect(read.All())); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if len(read.Problems) != len(row.problems) {
				t.Fatalf("problems %v, want %q", read.Problems, row.problems)
			}
			for i, p := range read.Problems {
				line, reason, _ := strings.Cut(row.problems[i], ": ")
				if got := p.String(); !strings.HasPrefix(got, "line "+line+": ") || !strings.Contains(got, reason) {
					t.Errorf("problem %q, want %q", got, row.problems[i])
				}
			}
			sameAsMakemap(t, m, base, row.text)
		})
	}
}

// ReadText and the real makemap read random texts of the bytes that the rules are about.
func TestReadMapTextAgainstMakemap(t *testing.T) {
	m := Program{Path: fixtures.Makemap(t)}
	base := filepath.Join(t.TempDir(), "map")
	parts := []string{"a", "A", "b", "B\xc4", " ", "\t", "\n", "\n", "\r", "\v", "\x00", "#", "OK", "\x85",
		strings.Repeat("x", 1000), strings.Repeat("y", 20)}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var text strings.Builder
		for range random.IntN(40) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		sameAsMakemap(t, m, base, text.String())
	}
}

// sameAsMakemap compares ReadText with the program: status, number of complaints, and the map.
func sameAsMakemap(t *testing.T, m Program, base, text string) {
	t.Helper()
	read := ReadText([]byte(text))
	cmd := exec.Command(m.Path, "-C", "/dev/null", "hash", base)
	cmd.Stdin = strings.NewReader(text)
	stderr, err := cmd.CombinedOutput()
	complaints := strings.Count(string(stderr), "makemap: "+base+": line ")
	if (err == nil) != (len(read.Problems) == 0) || complaints != len(read.Problems) {
		t.Errorf("%q: makemap: %v, %d complaints\n%s\nReadText: %v", text, err, complaints, stderr, read.Problems)
	}
	if err := m.Verify(t.Context(), "hash", base+".db", read); err != nil {
		t.Errorf("%q: %v", text, err)
	}
}

// Wherever a text is parted for two processors, and wherever lines are left out of it, what it holds and the numbers of its lines are
// the same.
func TestReadAround(t *testing.T) {
	random := fixtures.Random(t)
	lines := []string{"a OK", "b", " c OK", "", "#", "A RELAY", "d\x00 OK", "e OK", strings.Repeat("f", MaxLine+random.IntN(9)) + " OK"}
	for range 2000 {
		some := func() (text string) {
			for range random.IntN(5) {
				text += lines[random.IntN(len(lines))] + "\n"
			}
			return text
		}
		before, left, after := some(), random.IntN(4), some()
		if random.IntN(2) == 0 {
			after = strings.TrimSuffix(after, "\n")
		}
		got, want := ReadAround([]byte(before), left, []byte(after)), ReadText([]byte(before+strings.Repeat("#\n", left)+after))
		if diff := cmp.Diff(want.Problems, got.Problems); diff != "" {
			t.Fatalf("%q, %d lines, %q: problems (-want +got):\n%s", before, left, after, diff)
		}
		if diff := cmp.Diff(slices.Collect(want.All()), slices.Collect(got.All())); diff != "" {
			t.Fatalf("%q, %d lines, %q: entries (-want +got):\n%s", before, left, after, diff)
		}
	}
}
