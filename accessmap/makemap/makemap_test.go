package makemap

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
		got, err := UsualFile(row.mapType, row.path)
		if got != row.want || !fixtures.ErrorContains(err, row.err) {
			t.Errorf("UsualFile(%q, %q) = %q, %v; want %q, %q", row.mapType, row.path, got, err, row.want, row.err)
		}
	}
}

func TestFindMakemap(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", "relative:"+dir)
	program := filepath.Join(dir, "makemap")
	fixtures.Write(t, program, "#!/bin/sh\n", 0o755)
	for _, name := range []string{"", "makemap", program} {
		if got, err := Find(name); got != program || err != nil {
			t.Errorf("Find(%q) = %q, %v; want %q", name, got, err, program)
		}
	}
	for _, name := range []string{"no-such-makemap", filepath.Join(dir, "none"), dir} {
		if _, err := Find(name); !fixtures.ErrorContains(err, "install sendmail-bin") {
			t.Errorf("Find(%q): %v", name, err)
		}
	}
}

// OpenSMTPD's makemap answers every question of ours with its usage, or with a group that it lacks.
func TestAnotherMakemap(t *testing.T) {
	for _, says := range []string{"usage: makemap [-U] [-d dbtype] [-o dbfile] [-t type] file", "makemap: unknown group opensmtpq"} {
		path := filepath.Join(t.TempDir(), "makemap")
		fixtures.Write(t, path, "#!/bin/sh\necho '"+says+"' >&2\nexit 1\n", 0o755)
		if _, err := CanMake(t.Context(), path, "hash", "/etc/mail/access"); !fixtures.ErrorContains(err, says) || !fixtures.ErrorContains(err, "name Sendmail's in makemap") {
			t.Errorf("%v", err)
		}
		if _, err := (Program{Path: path}).File(t.Context(), "hash", "/etc/mail/access"); err != nil {
			t.Errorf("-x: %v", err) // a makemap without -x has the usual file
		}
	}
}

func TestBuildAndVerify(t *testing.T) {
	m := Program{Path: fixtures.PlainMakemap(t)}
	dir := t.TempDir()
	rows := []struct{ name, mapType, text, err string }{
		{"hash", "hash", "a\tOK\nb\tRELAY\n", ""},
		{"btree", "btree", "a\tOK\nb\tRELAY\n", ""},
		{"empty", "hash", "", ""},
		{"type it was not built with", "cdb", "a OK\n", "cannot make cdb maps, only hash, btree"},
		{"unknown type", "foo", "a OK\n", "cannot make foo maps, only hash, btree"},
		{"duplicate", "hash", "# by hand\nA OK\n\na REJECT\n", `line 4: key "a" is on line 2 already`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			file := filepath.Join(dir, row.name+".db")
			err := m.Build(t.Context(), row.mapType, file, ReadText([]byte(row.text)))
			if !fixtures.ErrorContains(err, row.err) {
				t.Fatalf("error %v, want %q", err, row.err)
			}
			if row.err != "" {
				if _, err := os.Stat(file); err == nil {
					t.Error("a map was left behind")
				}
				return
			}
			if err := m.Verify(t.Context(), row.mapType, file, ReadText([]byte(row.text))); err != nil {
				t.Error(err)
			}
			other := ReadText([]byte("a\tREJECT\nc\tOK\n"))
			var differs *DiffersError
			if err := m.Verify(t.Context(), row.mapType, file, other); !errors.As(err, &differs) {
				t.Errorf("another text verifies: %v", err)
			}
		})
	}
	if err := m.Build(t.Context(), "hash", filepath.Join(dir, "none", "map.db"), ReadText([]byte("a OK\n"))); !fixtures.ErrorContains(err, "no such file") {
		t.Errorf("missing directory: %v", err)
	}
}

func TestDifferences(t *testing.T) {
	want := ReadText([]byte("\n\nA OK\nb OK\na RELAY\n"))
	rows := []struct {
		held map[string]string
		err  string
	}{
		{map[string]string{"a": "OK", "b": "OK"}, "written while it was compared"},
		{map[string]string{"a": "OK"}, `line 4: key "b" is missing`},
		{map[string]string{"a": "OK", "b": "RELAY"}, `line 4: key "b" has value "RELAY" instead of "OK"`},
		{map[string]string{"a": "OK", "b": "OK", "c": "RELAY"}, `key "c" is only in the map`},
		{map[string]string{"c": "OK", "b": "OK"}, `line 3: key "a" is missing; key "c" is only in the map`},
		{map[string]string{"A": "OK", "b": "OK"}, `line 3: key "a" is missing; key "A" is only in the map`},
	}
	for _, row := range rows {
		var held sum
		for key, value := range row.held {
			held.add(want.seeds, []byte(key+"\t"+value))
		}
		if same := held == want.sum(); same != strings.Contains(row.err, "while it was compared") {
			t.Errorf("%v has the sum of the text: %v", row.held, same)
		}
		if err := differences(want, row.held); !fixtures.ErrorContains(err, row.err) {
			t.Errorf("%v, want %q", err, row.err)
		}
	}
}

// A map with a key twice, or without one, has another sum, in whatever order it is dumped.
func TestSum(t *testing.T) {
	by := newSeeds()
	of := func(lines ...string) (s sum) {
		for _, line := range lines {
			s.add(by, []byte(line))
		}
		return s
	}
	want := of("a\tOK", "b\tOK")
	if want != of("b\tOK", "a\tOK") {
		t.Error("the order counts")
	}
	for _, other := range []sum{of(), of("a\tOK"), of("a\tOK", "a\tOK"), of("a\tOK", "b\tOK", "b\tOK"), of("a\tOK", "b\tO"), of("a\tOKb\tOK")} {
		if other == want {
			t.Error("another map has the same sum")
		}
	}
}
