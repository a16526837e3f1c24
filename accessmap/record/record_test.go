package record

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/state"
)

func written(t *testing.T, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, state.TargetsFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TextOf gives a managed part as it is read.
func TextOf(managed []byte) Text {
	return Text{Digest: Digest(managed), Lines: textOf(ManagedText(managed)).made()}
}

func encoded(t testing.TB, r Record) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// What is encoded is read again; lines that are not known stay so.
func TestReadAgain(t *testing.T) {
	want := Record{Version: 1, Targets: []Target{
		{Path: "/a", Format: "cidr", WholeFile: true, OnChange: []string{"true"}, Sources: []string{"one"}, Texts: []Text{TextOf([]byte("a\nb\n")), {Digest: "x"}}},
		{Path: "/b", Texts: []Text{TextOf(nil)}},
	}}
	got, err := Read(written(t, encoded(t, want)))
	if err != nil || !reflect.DeepEqual(got, want) || !got.Same(want) {
		t.Errorf("%v\n%+v, want\n%+v", err, got, want)
	}
	fresh := Record{Version: 1, Targets: []Target{want.Targets[0], {Path: "/b", Texts: []Text{textOf(ManagedText(nil))}}}}
	fresh.Targets[0].Texts = []Text{textOf(ManagedText([]byte("a\nb\n"))), {Digest: "x"}}
	if encoded(t, fresh) != encoded(t, want) || !fresh.Same(got) {
		t.Errorf("a text that is to be remembered is written as\n%s, want\n%s", encoded(t, fresh), encoded(t, want))
	}
	fresh.Targets[0].Texts[1].of = &Managed{}
	if fresh.Same(got) {
		t.Error("a record is the same whose lines became known")
	}
	if got.Targets[0].Knows() || !got.Targets[1].Knows() {
		t.Error("lines that are not known became known, or the other way about")
	}
}

// A record that cannot be used is none, and it is said why.
func TestReadDamaged(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "unexpected end of JSON input",
		`[]`:                          "targets.json: the array does not belong there",
		`{"version":1,"targets":"x"}`: "the string does not belong there",
		`{"version":2}`:               "version 2 is not known",
		`{"version":1,"targets":[{"texts":[{"lines":"AAAA"}]}]}`: "its lines are not digests",
		`{"version":1,"targets":` + strings.Repeat("[", 20_000):  "exceeded max depth",
	} {
		got, err := Read(written(t, text))
		if !strings.Contains(fmt.Sprint(err), want) || len(got.Targets) > 0 || got.Version != 1 {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if got, err := Read(t.TempDir()); err != nil || len(got.Targets) > 0 {
		t.Errorf("no record: %+v, %v", got, err)
	}
}

// Whatever a person does to a text of ours, of its lines exactly those are foreign that are in none of the texts that can be
// there, whatever their ends, and with our lines they are the whole.
func TestForeign(t *testing.T) {
	line := rapid.SampledFrom([]string{"a\n", "b\n", "b\r\n", "Connect:1\tOK\n", "# c\n", "x\r\n", "\n", "foreign\n", "other\tOK\n"})
	lines := rapid.Custom(func(t *rapid.T) []byte {
		text := strings.Join(rapid.SliceOfN(line, 0, 12).Draw(t, "lines"), "")
		if rapid.Bool().Draw(t, "cut") {
			text = strings.TrimSuffix(text, "\n")
		}
		return []byte(text)
	})
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(lines, 1, 3).Draw(t, "texts")
		var target Target
		known := map[string]bool{}
		bare := func(line []byte) string { return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r") }
		for _, text := range texts {
			target.Texts = append(target.Texts, TextOf(text))
			for line := range bytes.Lines(text) {
				known[bare(line)] = true
			}
		}
		now := lines.Draw(t, "now")
		ours, foreign := target.Foreign(now)
		number := 0
		for line := range bytes.Lines(now) {
			number++
			if isOurs := known[bare(line)]; isOurs {
				if !bytes.HasPrefix(ours, line) {
					t.Fatalf("line %d is not among ours", number)
				}
				ours = ours[len(line):]
			} else if len(foreign) == 0 || foreign[0].Number != number || !bytes.Equal(foreign[0].Text, line) {
				t.Fatalf("line %d is not foreign", number)
			} else {
				foreign = foreign[1:]
			}
		}
		if len(ours)+len(foreign) > 0 {
			t.Fatalf("%q and %v too many", ours, foreign)
		}
	})
}

// The lines are the same, however the managed part is written.
func TestManagedInParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringOfN(rapid.SampledFrom([]rune("a\n")), 0, 4, -1)
		parts := rapid.SliceOf(part).Draw(t, "parts")
		whole := ManagedText([]byte(strings.Join(parts, "")))
		inParts := whole
		inParts.Write = func(w io.Writer) error {
			for _, part := range parts {
				io.WriteString(w, part)
			}
			return nil
		}
		got, want := Text{of: &inParts}.made(), Text{of: &whole}.made()
		if !bytes.Equal(got, want) || got.len() != inParts.Lines {
			t.Fatalf("%q: %x, want %x", parts, got, want)
		}
	})
}

// A run can be killed before or after it replaced a text: both are remembered, and the one of a run that was killed before it.
func TestNext(t *testing.T) {
	a, b, c, d, edited := []byte("a\n"), []byte("b\n"), []byte("c\n"), []byte("d\n"), []byte("a\nmine\n")
	var r Target
	step := func(now, next []byte, want ...[]byte) {
		t.Helper()
		r.Texts = r.Next(now, ManagedText(next))
		var remembered []Text
		for _, text := range want {
			remembered = append(remembered, TextOf(text))
		}
		same := func(a, b Text) bool { return a.Digest == b.Digest && bytes.Equal(a.made(), b.Lines) }
		if !slices.EqualFunc(r.Texts, remembered, same) {
			t.Errorf("%q to %q: %d texts are remembered, want %q", now, next, len(r.Texts), want)
		}
	}
	step(nil, a, a)
	step(a, a, a)
	step(a, b, b, a)
	step(a, b, b, a) // killed before
	step(b, b, b, a) // killed behind, or not
	step(b, c, c, b)
	step(b, d, d, b) // killed before, and the sources say something else now
	step(edited, c, c, d, b)
	step(edited, a, a, c, d)
	step(a, a, a, c, d)
	step(a, b, b, a)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version":1,"targets":[{"path":"/a","texts":[{"digest":"x","lines":"AAAAAAAAAAE="}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, state.TargetsFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Read(dir)
		if err != nil {
			return
		}
		if err := os.WriteFile(filepath.Join(dir, state.TargetsFile), []byte(encoded(t, r)), 0o600); err != nil {
			t.Fatal(err)
		}
		if again, err := Read(dir); err != nil || len(again.Targets) != len(r.Targets) {
			t.Errorf("%v, %d targets of %d", err, len(again.Targets), len(r.Targets))
		}
	})
}
