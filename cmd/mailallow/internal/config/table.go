package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"mailallow/allowlist"
	"mailallow/allowlist/pattern"
	"mailallow/cmd/mailallow/internal/exit"
)

// key is a key that a table may have, and where its value goes: a pointer, a number, oneTable or eachTable.
type key struct {
	name string
	into any
}

type (
	number struct {
		into        *int
		least, most int64
	}
	oneTable  func(at string, table map[string]any)
	eachTable func(at string, table map[string]any) // of a list of tables
)

// table takes the values of a table, in the order of keys, and notes unknown keys.
func (r *reader) table(at string, table map[string]any, keys []key) {
	var known []string
	for _, k := range keys {
		known = append(known, k.name)
		if value, written := table[k.name]; written {
			r.take(below(at, k.name), value, k.into)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if slices.Contains(known, name) {
			continue
		}
		where := ""
		if at != "" {
			where = " in " + heading(at)
		}
		r.unknown = append(r.unknown, r.mistake(below(at, name), "unknown key %s%s%s%s", QuotedWord(name), where, r.elsewhere(name), exit.DidYouMean(name, known)))
	}
}

// elsewhere says which tables have a key: what is written at the end of the file is in the last table.
func (r *reader) elsewhere(name string) string {
	if r.reference == nil {
		r.reference = Reference()
	}
	var titles []string
	for _, table := range r.reference {
		if slices.ContainsFunc(table.Keys, func(k Key) bool { return k.Name == name }) {
			titles = append(titles, table.Name)
		}
	}
	if len(titles) == 0 {
		return ""
	}
	return " (it belongs to " + strings.Replace(strings.Join(titles, " and "), "at the top", "the top of the file", 1) + ")"
}

// heading is the line above a table, as its owner wrote it.
func heading(at string) string {
	name := unnumbered(at)
	if name != at { // one of several
		name = "[" + name + "]"
	}
	return "[" + name + "]"
}

// unnumbered is a place as its owner wrote it: "source.cidr" for "source[2].cidr".
func unnumbered(at string) string { return itemNumber().ReplaceAllString(at, "") }

var itemNumber = pattern.New(`\[\d+\]`)

// take takes the value of a key, or notes the mistake in it. An empty text is one: whoever wrote the key wanted something of it, and
// would get its default.
func (r *reader) take(at string, value, into any) {
	if holdsNUL(value) {
		r.wrong(at, "%s has a NUL character, at which the system ends a path or an argument: take it out", unnumbered(at))
		return
	}
	text, ok := value.(string)
	wanted := "text in quotes"
	switch into := into.(type) {
	case *string:
		*into = text
	case *time.Duration:
		wanted = `a duration in quotes, like "2s" or "30d"`
		r.duration(at, text, into)
	case *time.Time:
		wanted = "a date without quotes, like 2026-12-31"
		var day toml.LocalDate
		if day, ok = value.(toml.LocalDate); ok {
			*into = day.AsTime(time.UTC)
			ok = !into.IsZero() // that means none
		}
	case *allowlist.Percent:
		wanted = `a share in quotes, like "30%"`
		r.percent(at, text, into)
	case *bool:
		wanted = "true or false"
		*into, ok = value.(bool)
	case number:
		wanted = fmt.Sprintf("a whole number between %d and %d", into.least, into.most)
		var n int64
		if n, ok = value.(int64); ok {
			r.number(at, n, into)
		}
	case *[]string:
		wanted = `a list like ["one", "two"]`
		*into, ok = texts(value)
	case oneTable:
		wanted = "a table: write [" + at + "] above its keys, once"
		var table map[string]any
		if table, ok = value.(map[string]any); ok {
			into(at, table)
		}
	case eachTable:
		wanted = "a list of tables: write [[" + at + "]] above the keys of each"
		var tables []any
		tables, ok = value.([]any)
		for i := range tables {
			table, isTable := tables[i].(map[string]any)
			if ok = ok && isTable; isTable {
				into(item(at, i), table)
			}
		}
	}
	switch {
	case !ok:
		r.wrong(at, "%s wants %s", unnumbered(at), wanted)
	case value == "":
		r.wrong(at, "%s is empty: write %s, or leave the key out", unnumbered(at), wanted)
	}
}

// holdsNUL reports whether a NUL character is in a text, or in one of a list.
func holdsNUL(value any) bool {
	if items, ok := value.([]any); ok {
		return slices.ContainsFunc(items, holdsNUL)
	}
	text, _ := value.(string)
	return strings.ContainsRune(text, 0)
}

// texts gives the texts of a list, which is not nil if it is empty, and is nil if something else is in it.
func texts(value any) ([]string, bool) {
	items, ok := value.([]any)
	all := make([]string, len(items))
	for i, item := range items {
		if all[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return all, ok
}
