package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"mailallow/cmd/mailallow/internal/exit"

	"github.com/pelletier/go-toml/v2"
)

// unknownKey is the mistake of an unknown key, with the nearest known one.
func unknownKey(key []string) error {
	table, name := key[:len(key)-1], key[len(key)-1]
	where := ""
	if len(table) > 0 {
		where = " in [" + strings.Join(table, ".") + "]"
	}
	known := knownKeys(reflect.TypeFor[document](), table)
	return fmt.Errorf("unknown key %q%s%s", name, where, exit.DidYouMean(name, known))
}

// wrongValue names the type that a key takes where its value has another. For text
// that is no TOML it is the library's message.
func wrongValue(e *toml.DecodeError) error {
	key := e.Key()
	t := reflect.TypeFor[document]()
	for _, name := range key {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			break
		}
		for _, f := range reflect.VisibleFields(t) {
			if f.Tag.Get("toml") == name {
				t = f.Type
				break
			}
		}
	}
	wanted := map[string]string{
		"string": `text in quotes`, "bool": "true or false", "*int": "a whole number", "[]string": `a list like ["one", "two"]`,
	}[t.String()]
	if wanted == "" || len(key) == 0 {
		return errors.New(strings.TrimPrefix(e.Error(), "toml: "))
	}
	return fmt.Errorf("%s wants %s", strings.Join(key, "."), wanted)
}

// knownKeys are the keys of the struct that a table decodes into.
func knownKeys(t reflect.Type, table []string) []string {
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("toml")
		if tag == "" {
			continue
		}
		if len(table) > 0 && tag == table[0] {
			return knownKeys(f.Type, table[1:])
		}
		keys = append(keys, tag)
	}
	if len(table) > 0 {
		return nil
	}
	return keys
}

// exactKeys notes the keys of a table, and of those below it, that differ from a known
// one in letter case alone. The decoder takes them, and a second spelling would
// override the first.
func (c *File) exactKeys(place string, path []string, table map[string]any) {
	known, again := c.known[strings.Join(path, ".")]
	if !again { // all sources share a path
		known = knownKeys(reflect.TypeFor[document](), path)
		c.known[strings.Join(path, ".")] = known
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		at := strings.TrimPrefix(place+"."+name, ".")
		below := append(slices.Clone(path), name)
		if !slices.Contains(known, name) {
			if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
				c.problem(at, "%w", unknownKey(below))
			}
			continue // Decode has noted the keys that are unknown in any case
		}
		switch value := table[name].(type) {
		case map[string]any:
			c.exactKeys(at, below, value)
		case []any:
			for i, item := range value {
				if item, ok := item.(map[string]any); ok {
					c.exactKeys(fmt.Sprintf("%s[%d]", at, i), below, item)
				}
			}
		}
	}
}
