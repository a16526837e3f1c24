package makemap

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
)

// dump runs makemap -u on the map in file and calls take for every key with its value, which are valid until take returns.
// file must not be a symbolic link: makemap does not follow it (docs/facts.md 5).
func (m Program) dump(ctx context.Context, mapType, file string, take func(key, value []byte) (ok bool)) error {
	base := withoutSuffix(file)
	return m.with(nil, "-u", mapType, base).RunLines(ctx, func(line []byte) error {
		key, value, cut := bytes.Cut(line, []byte("\t"))
		if !cut || !take(key, value) {
			return fmt.Errorf("%s -u %s %s: unexpected line %q", m.Path, mapType, base, line)
		}
		return nil
	})
}

// Dump returns the entries of the map in file, key to value, as makemap -u prints them. file must not be a symbolic link.
func (m Program) Dump(ctx context.Context, mapType, file string) (map[string]string, error) {
	entries := map[string]string{}
	err := m.dump(ctx, mapType, file, func(key, value []byte) bool {
		_, twice := entries[string(key)]
		entries[string(key)] = string(value)
		return !twice
	})
	return entries, err
}

// Verify dumps the map in file and compares it with its text: it must hold every key with its value, and no other key. A
// *DiffersError names the first differences. file must not be a symbolic link.
func (m Program) Verify(ctx context.Context, mapType, file string, want *Text) error {
	c := newComparison(want)
	if err := m.dump(ctx, mapType, file, c.take); err != nil {
		return err
	}
	return c.result()
}

// Holds reports whether the live map at path holds exactly the entries of a text. It follows symbolic links. It is false for
// a map that is missing or cannot be dumped; to make a new one will show why. The error is the cause of ctx.
func (m Program) Holds(ctx context.Context, mapType, path string, want *Text) (bool, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || filepath.Ext(real) != filepath.Ext(path) {
		return false, nil
	}
	err = m.Verify(ctx, mapType, real, want)
	return err == nil, context.Cause(ctx)
}

// comparison compares a map with its text, entry by entry, in any order.
type comparison struct {
	*Text
	seen  []bool          // by entry of the text
	wrong map[int]string  // entries with another value in the map, and that value
	extra map[string]bool // keys that the text does not have
}

func newComparison(want *Text) *comparison {
	return &comparison{want, make([]bool, len(want.places)), map[int]string{}, map[string]bool{}}
}

// take compares one entry of the map. ok is false for a second entry with the same key.
func (c *comparison) take(key, value []byte) (ok bool) {
	i := c.index.find(key)
	switch {
	case i < 0:
		ok = !c.extra[string(key)]
		c.extra[string(key)] = true
		return ok
	case c.seen[i]:
		return false
	}
	c.seen[i] = true
	if !bytes.Equal(value, c.value(i)) {
		c.wrong[i] = string(value)
	}
	return true
}

func (c *comparison) result() error {
	const shown = 5
	var differences []string
	for i := range c.places {
		if len(differences) == shown {
			break
		}
		if value, differs := c.wrong[i]; differs {
			differences = append(differences, fmt.Sprintf("line %d: key %q has value %q instead of %q", c.line(i), ascii.Lower(string(c.key(i))), value, c.value(i)))
		} else if !c.seen[i] {
			differences = append(differences, fmt.Sprintf("line %d: key %q is missing", c.line(i), ascii.Lower(string(c.key(i)))))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.extra)) {
		if len(differences) == shown {
			break
		}
		differences = append(differences, fmt.Sprintf("key %q is only in the map", key))
	}
	if len(differences) > 0 {
		return &DiffersError{Differences: differences}
	}
	return nil
}

// DiffersError says that a map and its text differ.
type DiffersError struct{ Differences []string } // in words, at most five

func (e *DiffersError) Error() string {
	return "the map and its text differ: " + strings.Join(e.Differences, "; ")
}
