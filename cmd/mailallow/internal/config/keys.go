package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// wrongValue says which values a key takes, where the decoder says which Go type it has.
// It keeps the decoder's message about tables, and about text that is no TOML.
func wrongValue(e *toml.DecodeError) error {
	at, key := field{below: documentFields()}, e.Key()
	for depth, name := range key {
		next, known := find(at.below, name)
		if !known { // a key below one that takes no table
			key = key[:depth]
			break
		}
		at = next
	}
	wanted := map[string]string{
		"string": "text in quotes", "bool": "true or false", "*int": "a whole number", "[]string": `a list like ["one", "two"]`,
	}[at.kind]
	if wanted == "" {
		return errors.New(strings.TrimPrefix(e.Error(), "toml: "))
	}
	return fmt.Errorf("%s wants %s", strings.Join(key, "."), wanted)
}

// field is a key that a table may have.
type field struct {
	key, kind string  // kind is the Go type
	below     []field // of a table, or a list of tables
}

func documentFields() []field { return fieldsOf(reflect.TypeFor[written]()) }

// fieldsOf gives the keys of a table that decodes into t, or of each table of a list; none for another value.
func fieldsOf(t reflect.Type) (fields []field) {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if key := f.Tag.Get("toml"); key != "" {
			fields = append(fields, field{key, f.Type.String(), fieldsOf(f.Type)})
		}
	}
	return fields
}

// find finds the key among those of its table.
func find(table []field, key string) (f field, known bool) {
	i := slices.IndexFunc(table, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return table[i], true
}
