package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"mailallow/cmd/mailallow/internal/exit"
)

// unknownKey is the mistake of an unknown key, with the nearest known one.
func unknownKey(key []string) error {
	table, name := key[:len(key)-1], key[len(key)-1]
	where := ""
	if len(table) > 0 {
		where = " in [" + strings.Join(table, ".") + "]"
	}
	return fmt.Errorf("unknown key %q%s%s", name, where, exit.DidYouMean(name, knownKeys(table)))
}

// wrongValue says which values a key takes, where the decoder says which Go type it has.
// It keeps the decoder's message about tables, and about text that is no TOML.
func wrongValue(e *toml.DecodeError) error {
	field, _, depth := fieldOf(e.Key())
	wanted := map[string]string{
		"string": "text in quotes", "bool": "true or false", "*int": "a whole number", "[]string": `a list like ["one", "two"]`,
	}[fmt.Sprint(field.Type)]
	if wanted == "" {
		return errors.New(strings.TrimPrefix(e.Error(), "toml: "))
	}
	return fmt.Errorf("%s wants %s", strings.Join(e.Key()[:depth], "."), wanted)
}

// fieldOf gives the field of the document that a key decodes into, the fields below it,
// and how many parts of the key lead to it: fewer than all where the rest is unknown.
func fieldOf(key []string) (field reflect.StructField, below []reflect.StructField, depth int) {
	below = fieldsOf(reflect.TypeFor[written]())
	for _, name := range key {
		i := slices.IndexFunc(below, func(f reflect.StructField) bool { return f.Tag.Get("toml") == name })
		if i < 0 {
			break
		}
		field, below = below[i], fieldsOf(below[i].Type)
		depth++
	}
	return field, below, depth
}

// fieldsOf gives the fields that a table decodes into; none for another value.
func fieldsOf(t reflect.Type) []reflect.StructField {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("toml") == "" })
}

// knownKeys are the keys that a table of the document may have.
func knownKeys(table []string) (keys []string) {
	_, fields, depth := fieldOf(table)
	if depth < len(table) {
		return nil
	}
	for _, f := range fields {
		keys = append(keys, f.Tag.Get("toml"))
	}
	return keys
}

// exactKeys notes the keys of a table, and of those below it, that differ from a known
// one in letter case alone. The decoder takes them, and a second spelling would
// override the first.
func (c *File) exactKeys(place string, path []string, table map[string]any) {
	known, again := c.known[strings.Join(path, ".")]
	if !again { // all sources share a path
		known = knownKeys(path)
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
