package config

import (
	_ "embed"
	"slices"
	"strings"
)

// reference is a configuration that names every key, with comments. The
// documentation shows it, and mailallow.toml(5) is made of it.
//
//go:embed reference.toml
var reference string

// Reference gives the tables of a configuration, each with its keys: first those at
// the top of the file, [[source]] and the like once. In the text, a comment is behind its
// key, at least two blanks away, and continues in lines that hold nothing else. Of a key
// that appears again without a comment only the first is taken.
func Reference() []Table {
	tables := []Table{{Name: "at the top"}}
	for line := range strings.Lines(reference) {
		setting, comment, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  # ")
		setting, comment = strings.TrimSpace(setting), strings.TrimSpace(strings.TrimLeft(comment, "# "))
		table := &tables[len(tables)-1]
		name, _, isKey := strings.Cut(strings.TrimPrefix(setting, "# "), " = ")
		again := slices.ContainsFunc(table.Keys, func(k Key) bool { return k.Name == name })
		switch {
		case strings.HasPrefix(setting, "["):
			if setting != table.Name {
				tables = append(tables, Table{Name: setting, Comment: comment})
			}
		case isKey && (!again || comment != ""):
			table.Keys = append(table.Keys, Key{name, setting, comment})
		case setting == "" && comment != "":
			last := &table.Keys[len(table.Keys)-1]
			last.Comment += " " + comment
		}
	}
	return tables
}

// Table is a table of the reference.
type Table struct {
	Name    string // with its brackets, or "at the top"
	Comment string
	Keys    []Key
}

// Key is a key of the reference.
type Key struct {
	Name    string
	Setting string // `name = value`, behind a # where it need not be written
	Comment string
}
