package makemap

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestFeed(t *testing.T) {
	text := "# ours\nb OK\nA\tREJECT\n\nc RELAY"
	for _, row := range []struct{ name, mapType, text, want string }{
		{"btree as it is", "btree", text, text},
		{"cdb as it is", "cdb", text, text},
		{"a NUL in the last line", "hash", "a OK\x00x", "a\tOK\n"},
		{"nothing", "hash", "# x\n", ""},
	} {
		fed, err := io.ReadAll(ReadText([]byte(row.text)).feed(row.mapType).reader())
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
		"b\tOK": {2, "b OK", "duplicate key"}, "A\tREJECT": {3, "A\tREJECT", "duplicate key"}, "c\tRELAY": {5, "c RELAY", "duplicate key"},
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

// All keys with one hash are in one bucket: find finds each of them, and duplicates finds equal ones.
func TestKeyIndex(t *testing.T) {
	// The hash begins with 0, so that zero bytes before a key do not change it.
	var all entries
	add := func(key string) {
		all.places = append(all.places, place{at: uint32(len(all.text)), key: uint16(len(key))})
		all.text = append(all.text, key...)
	}
	for n := range 40 {
		add(strings.Repeat("\x00", n) + "Key")
		add(strings.Repeat("k", n+1))
	}
	x := newKeyIndex(all)
	for i := range all.places {
		if got := x.find(bytes.ToLower(all.key(i))); got != i {
			t.Errorf("find(%q) = %d, want %d", all.key(i), got, i)
		}
	}
	if got := x.find([]byte("Key")); got != -1 {
		t.Errorf("find(Key) = %d: makemap stores keys in lower case", got)
	}
	if got := x.find([]byte("other")); got != -1 || len(x.duplicates()) > 0 {
		t.Errorf("find(other) = %d, duplicates %v", got, x.duplicates())
	}
	all.places = slices.Concat(all.places, all.places[:1], all.places[:2])
	again := newKeyIndex(all)
	if got := again.duplicates(); len(got) != 3 || got[80] != 0 || got[81] != 0 || got[82] != 1 {
		t.Errorf("duplicates %v", got)
	}
	if newKeyIndex(entries{}).find([]byte("key")) != -1 {
		t.Error("a key is found where there is none")
	}
}
