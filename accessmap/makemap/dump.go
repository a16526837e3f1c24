package makemap

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// dump runs makemap -u on the map in file and gives take every key with its value; both are valid until it returns. file is
// no symbolic link, which makemap would not follow (docs/facts.md 5).
func (m Program) dump(ctx context.Context, mapType, file string, take func(key, value []byte) (ok bool)) error {
	base := withoutSuffix(file)
	return m.with(nil, "-u", mapType, base).RunLines(ctx, func(line []byte) error {
		key, value, cut := bytes.Cut(line, []byte("\t"))
		if !cut || !take(key, value) {
			return fmt.Errorf("%s -u %s %s: cannot be read back at %q", m.Path, mapType, base, line)
		}
		return nil
	})
}

// Dump returns what the map in file holds, as makemap -u prints it: key to value. makemap follows no symbolic link.
func (m Program) Dump(ctx context.Context, mapType, file string) (map[string]string, error) {
	held := map[string]string{}
	err := m.dump(ctx, mapType, file, func(key, value []byte) bool {
		_, twice := held[string(key)]
		held[string(key)] = string(value)
		return !twice
	})
	return held, err
}

// Verify dumps the map in file and compares it with the text that it was made from: every key and every value, and nothing
// else. The error names the first differences; it is a *MapDiffersError. makemap follows no symbolic link.
func (m Program) Verify(ctx context.Context, mapType, file string, want *Text) error {
	c := newComparison(want)
	if err := m.dump(ctx, mapType, file, c.take); err != nil {
		return err
	}
	return c.result()
}

// comparison holds a map against the text it was made from, an entry after the other and in any order.
type comparison struct {
	*Text
	seen  []bool
	wrong map[int]string  // values of other entries than their own
	extra map[string]bool // keys that the text has not
}

func newComparison(want *Text) *comparison {
	return &comparison{want, make([]bool, len(want.Entries)), map[int]string{}, map[string]bool{}}
}

// take compares one entry of the map; ok is false for a key that came before.
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
	if string(value) != c.Entries[i].Value {
		c.wrong[i] = string(value)
	}
	return true
}

// result is nil when the map was the text's, and a *MapDiffersError elsewhere.
func (c *comparison) result() error {
	const shown = 5
	var differences []string
	for i, e := range c.Entries {
		if len(differences) == shown {
			break
		}
		if value, differs := c.wrong[i]; differs {
			differences = append(differences, fmt.Sprintf("line %d: key %q has value %q instead of %q", e.Line, e.Key, value, e.Value))
		} else if !c.seen[i] {
			differences = append(differences, fmt.Sprintf("line %d: key %q is missing", e.Line, e.Key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.extra)) {
		if len(differences) == shown {
			break
		}
		differences = append(differences, fmt.Sprintf("key %q is in the map alone", key))
	}
	if len(differences) > 0 {
		return &DiffersError{Differences: differences}
	}
	return nil
}

// DiffersError is a map that does not hold what its text says.
type DiffersError struct{ Differences []string } // the first few, in words

func (e *DiffersError) Error() string {
	return "the map does not hold what the text says: " + strings.Join(e.Differences, "; ")
}
