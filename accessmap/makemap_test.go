package accessmap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

func TestMapFile(t *testing.T) {
	rows := []struct{ mapType, path, want, err string }{
		{"hash", "/etc/mail/access", "/etc/mail/access.db", ""},
		{"btree", "/etc/mail/access", "/etc/mail/access.db", ""},
		{"cdb", "/etc/mail/access", "/etc/mail/access.cdb", ""},
		{"dbm", "/etc/mail/access", "", `map type "dbm": want hash, btree or cdb`},
		{"hash", "/etc/mail/access.db", "", "name the text"},
	}
	for _, row := range rows {
		got, err := MapFile(row.mapType, row.path)
		if got != row.want || !mentions(err, row.err) {
			t.Errorf("MapFile(%q, %q) = %q, %v; want %q, %q", row.mapType, row.path, got, err, row.want, row.err)
		}
	}
}

// mentions reports whether err says want; an empty want is no error.
func mentions(err error, want string) bool {
	if want == "" || err == nil {
		return want == "" && err == nil
	}
	return strings.Contains(err.Error(), want)
}

func TestFindMakemap(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", "relative:"+dir)
	program := filepath.Join(dir, "makemap")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "makemap", program} {
		if got, err := FindMakemap(name); got != program || err != nil {
			t.Errorf("FindMakemap(%q) = %q, %v; want %q", name, got, err, program)
		}
	}
	for _, name := range []string{"no-such-makemap", filepath.Join(dir, "none"), dir} {
		if _, err := FindMakemap(name); !mentions(err, "install sendmail-bin") {
			t.Errorf("FindMakemap(%q): %v", name, err)
		}
	}
}

func TestBuildAndVerify(t *testing.T) {
	m := Makemap{Program: fixtures.PlainMakemap(t)}
	dir := t.TempDir()
	rows := []struct{ name, mapType, text, err string }{
		{"hash", "hash", "a\tOK\nb\tRELAY\n", ""},
		{"btree", "btree", "a\tOK\nb\tRELAY\n", ""},
		{"empty", "hash", "", ""},
		{"type it was not built with", "cdb", "a OK\n", "cannot make cdb maps, only hash, btree"},
		{"unknown type", "foo", "a OK\n", `map type "foo"`},
		{"duplicate", "hash", "# by hand\nA OK\n\na REJECT\n", `line 4: key "a" stands on line 2 already`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			base := filepath.Join(dir, row.name)
			err := m.Build(t.Context(), row.mapType, base, []byte(row.text))
			if !mentions(err, row.err) {
				t.Fatalf("error %v, want %q", err, row.err)
			}
			if row.err != "" {
				if _, err := os.Stat(base + ".db"); err == nil {
					t.Error("a map was left behind")
				}
				return
			}
			entries, _ := ReadMapText([]byte(row.text))
			if err := m.Verify(t.Context(), row.mapType, base, entries); err != nil {
				t.Error(err)
			}
			other, _ := ReadMapText([]byte("a\tREJECT\nc\tOK\n"))
			var differs *MapDiffersError
			if err := m.Verify(t.Context(), row.mapType, base, other); !errors.As(err, &differs) {
				t.Errorf("another text verifies: %v", err)
			}
		})
	}
	if err := m.Build(t.Context(), "hash", filepath.Join(dir, "none", "map"), []byte("a OK\n")); !mentions(err, "No such file") {
		t.Errorf("missing directory: %v", err)
	}
}

func TestComparison(t *testing.T) {
	want := readMapText([]byte("\n\na OK\nb OK\n"))
	rows := []struct {
		held map[string]string
		err  string
	}{
		{map[string]string{"a": "OK", "b": "OK"}, ""},
		{map[string]string{"a": "OK"}, `line 4: key "b" is missing`},
		{map[string]string{"a": "OK", "b": "RELAY"}, `line 4: key "b" has value "RELAY" instead of "OK"`},
		{map[string]string{"a": "OK", "b": "OK", "c": "RELAY"}, `key "c" is in the map alone`},
		{map[string]string{"c": "OK", "b": "OK"}, `line 3: key "a" is missing; key "c" is in the map alone`},
	}
	for _, row := range rows {
		c := newComparison(want)
		for key, value := range row.held {
			if !c.take([]byte(key), []byte(value)) {
				t.Errorf("%v: %s came twice", row.held, key)
			}
		}
		if err := c.result(); !mentions(err, row.err) {
			t.Errorf("%v: %v, want %q", row.held, err, row.err)
		}
	}
}
