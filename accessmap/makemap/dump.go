package makemap

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
)

// dump runs makemap -u on the map in file and calls take with every line: a key, a tab and its value. A line is valid until take
// returns. file must not be a symbolic link: makemap does not follow it (docs/facts.md 5).
func (m Program) dump(ctx context.Context, mapType, file string, take func(line []byte) error) error {
	return m.with(nil, "-u", mapType, withoutSuffix(file)).RunLines(ctx, take)
}

// Dump returns the entries of the map in file, key to value, as makemap -u prints them. file must not be a symbolic link.
func (m Program) Dump(ctx context.Context, mapType, file string) (map[string]string, error) {
	entries := map[string]string{}
	err := m.dump(ctx, mapType, file, func(line []byte) error {
		key, value, cut := strings.Cut(string(line), "\t")
		if _, twice := entries[key]; twice || !cut {
			return fmt.Errorf("%s -u %s %s: unexpected line %q", m.Path, mapType, withoutSuffix(file), line)
		}
		entries[key] = value
		return nil
	})
	return entries, err
}

// Verify dumps the map in file and compares it with its text: it must hold every key with its value, and no other key. A
// *DiffersError names the first differences. file must not be a symbolic link.
func (m Program) Verify(ctx context.Context, mapType, file string, want *Text) error {
	if same, err := m.same(ctx, mapType, file, want); same || err != nil {
		return err
	}
	held, err := m.Dump(ctx, mapType, file) // only to name the differences
	if err != nil {
		return err
	}
	return differences(want, held)
}

// same compares the sums of both. It goes through the text while makemap writes.
func (m Program) same(ctx context.Context, mapType, file string, want *Text) (bool, error) {
	go want.sum()
	var held sum
	err := m.dump(ctx, mapType, file, func(line []byte) error {
		held.add(want.seeds, line)
		return nil
	})
	return held == want.sum(), err
}

// sum stands for a set of lines in any order: the sums of two hashes of each line, with seeds that are chosen at random for one
// text. Sets that differ have the same sum by a chance of 1 in 2^128, and nobody who makes a line knows the seeds.
type sum [2]uint64

type seeds [2]maphash.Seed

func newSeeds() seeds { return seeds{maphash.MakeSeed(), maphash.MakeSeed()} }

func (s *sum) add(by seeds, line []byte) {
	for i, seed := range by {
		s[i] += maphash.Bytes(seed, line)
	}
}

// linesSum is that of the lines in which makemap -u gives the entries of the text.
func (m *Text) linesSum() (s sum) {
	var line []byte
	for p := range m.entries() {
		line = append(line[:0], m.keyOf(p)...)
		for i, c := range line {
			line[i] = ascii.LowerByte(c)
		}
		line = append(append(line, '\t'), m.valueOf(p)...)
		s.add(m.seeds, line)
	}
	return s
}

// Holds reports whether the live map at path holds exactly the entries of a text. It follows symbolic links. It is false for
// a map that is missing or cannot be dumped; to make a new one will show why. The error is the cause of ctx.
func (m Program) Holds(ctx context.Context, mapType, path string, want *Text) (bool, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || filepath.Ext(real) != filepath.Ext(path) {
		return false, nil
	}
	same, err := m.same(ctx, mapType, real, want)
	return same && err == nil, context.Cause(ctx)
}

// differences is a *DiffersError with the first differences of a text and what its map holds, which it empties.
func differences(want *Text, held map[string]string) error {
	const shown = 5
	var found []string
	for e := range want.All() {
		value, there := held[e.Key]
		delete(held, e.Key)
		switch {
		case len(found) == shown:
		case !there:
			found = append(found, fmt.Sprintf("line %d: key %q is missing", e.Line, e.Key))
		case value != e.Value:
			found = append(found, fmt.Sprintf("line %d: key %q has value %q instead of %q", e.Line, e.Key, value, e.Value))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(held)) {
		if len(found) == shown {
			break
		}
		found = append(found, fmt.Sprintf("key %q is only in the map", key))
	}
	if len(found) == 0 {
		found = []string{"it was written while it was compared"}
	}
	return &DiffersError{Differences: found}
}

// DiffersError says that a map and its text differ.
type DiffersError struct{ Differences []string } // in words, at most five

func (e *DiffersError) Error() string {
	return "the map and its text differ: " + strings.Join(e.Differences, "; ")
}
