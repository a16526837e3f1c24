package makemap

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"mailallow/fixtures"
)

func TestFeed(t *testing.T) {
	text := "# ours\nb OK\nA\tREJECT\n\nc RELAY"
	for _, row := range []struct{ name, mapType, text, want string }{
		{"btree as it is", "btree", text, text},
		{"cdb as it is", "cdb", text, text},
		{"a NUL in the last line", "hash", "a OK\x00x", "a OK\n"},
		{"nothing", "hash", "# x\n", ""},
	} {
		fed, err := io.ReadAll(iotest.OneByteReader(ReadText([]byte(row.text)).feed(row.mapType).reader()))
		if string(fed) != row.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", row.name, fed, err, row.want)
		}
	}
	// For a hash map every line is there once, in any order, and a line number of the feed leads to the line of the text.
	m := ReadText([]byte(text))
	f := m.feed("hash")
	fed, err := io.ReadAll(f.reader())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(fed), "\n"), "\n")
	want := map[string]Problem{
		"b OK": {2, "b OK", "duplicate key"}, "A\tREJECT": {3, "A\tREJECT", "duplicate key"}, "c RELAY": {5, "c RELAY", "duplicate key"},
	}
	for i, line := range lines {
		p, ok := f.problem(i+1, "duplicate key")
		if !ok || p != want[line] {
			t.Errorf("line %d of the feed, %q: %v, %v; want %v", i+1, line, p, ok, want[line])
		}
	}
	_, before := f.problem(0, "")
	_, behind := f.problem(4, "")
	if len(lines) != len(want) || before || behind {
		t.Errorf("%d lines, line 0 known %v, line 4 known %v", len(lines), before, behind)
	}
	complaints := readComplaints("makemap: x: line 3: key a: no\nmakemap: x: line 1: key b: no\n", f)
	if len(complaints) != 2 || complaints[0].Line >= complaints[1].Line {
		t.Errorf("not in the order of the text: %v", complaints)
	}
}

// Keys with one hash are one bucket, whatever their number; of equal ones, the first in the text stays.
func TestRepeatedKeys(t *testing.T) {
	var text strings.Builder
	add := func(key string) { text.WriteString(key + " OK\n") }
	for n := range 40 {
		add(strings.Repeat("\x80", n) + "Key")
		add(strings.Repeat("k", n+1)) // an even number of them has another hash than an odd one
	}
	if m := ReadText([]byte(text.String())); len(m.Problems) > 0 || len(m.order) != 80 {
		t.Errorf("%d entries, problems %v", len(m.order), m.Problems)
	}
	for _, key := range []string{"key", "\x80KEY", "Kk", "key"} {
		add(key)
	}
	m := ReadText([]byte(text.String()))
	for i, want := range []string{
		`line 81: key "key" is on line 1 already`, `line 82: key "\x80key" is on line 3 already`,
		`line 83: key "kk" is on line 4 already`, `line 84: key "key" is on line 1 already`,
	} {
		if i >= len(m.Problems) || !strings.HasPrefix(m.Problems[i].String(), want) {
			t.Errorf("problem %d of %v, want %s", i, m.Problems, want)
		}
	}
	if n := len(slices.Collect(m.All())); n != 80 || len(m.order) != 80 {
		t.Errorf("%d entries, %d to feed, want 80", n, len(m.order))
	}
}

// Lines with one hash, which nobody can choose a hundred of for a test, are compared by their keys.
func TestRepeatedAmong(t *testing.T) {
	keys := []string{"b", "a", "B", "c", "A", "b"}
	repeated := map[int]int{}
	repeatedAmong([]uint64{0, 1, 2, 3, 4, 5}, func(line uint64) []byte { return []byte(keys[line]) }, repeated)
	if want := map[int]int{2: 0, 4: 1, 5: 0}; !maps.Equal(repeated, want) {
		t.Errorf("%v, want %v", repeated, want)
	}
}

// The lines of a page stand together, in the order of the text, and each is there once.
func TestByPage(t *testing.T) {
	random := fixtures.Random(t)
	lines := make([]hashedLine, 5000)
	for i := range lines {
		lines[i] = hashedLine{uint32(i), random.Uint32()}
	}
	sorted, ends := byPage(lines, 20*len(lines))
	const pages = 16 // of 24, so that some buckets are split
	if len(ends) != pages || ends[pages-1] != len(lines) || len(sorted) != len(lines) {
		t.Fatalf("%d pages, the last ends at %d of %d", len(ends), ends[pages-1], len(sorted))
	}
	seen := map[uint32]bool{}
	for i, l := range sorted {
		seen[l.at] = true
		if i > 0 && cmp.Or(cmp.Compare(sorted[i-1].hash%pages, l.hash%pages), cmp.Compare(sorted[i-1].at, l.at)) >= 0 {
			t.Fatalf("line %d comes before line %d", sorted[i-1].at, l.at)
		}
	}
	if len(seen) != len(lines) {
		t.Errorf("%d of %d lines", len(seen), len(lines))
	}
}

// Chosen keys fill one page, and only then makemap needs a larger cache than its own.
func TestCache(t *testing.T) {
	const lines, value = 600, 1000 // bytes
	for _, row := range []struct {
		name, mapType string
		mask          uint32 // that is zero in the hashes
		least, most   int
	}{
		{"any keys", "hash", 0, 0, 0},
		{"keys of one page", "hash", 1<<7 - 1, perCrowd * lines * value, perCrowd * lines * MaxLine},
		{"keys of one page in a btree", "btree", 1<<7 - 1, 0, 0},
	} {
		var text strings.Builder
		for n, found := 0, 0; found < lines; n++ {
			if key := strconv.Itoa(n); dbHash([]byte(key))&row.mask == 0 {
				text.WriteString(key + " " + strings.Repeat("x", value) + "\n")
				found++
			}
		}
		if cache := ReadText([]byte(text.String())).feed(row.mapType).cache; cache < row.least || cache > row.most {
			t.Errorf("%s: a cache of %d, want %d to %d", row.name, cache, row.least, row.most)
		}
	}
	const many = 2_200_000 // of the longest lines are more bytes than an int counts on 32 bits
	if cache := cacheFor([]byte("a\tb\n"), make([]hashedLine, many), []int{many}); cache != perCrowd*many*len("a\tb\n") {
		t.Errorf("%d keys of one page: a cache of %d", many, cache)
	}
}
