package install

import (
	"fmt"
	"io"
	"os"
	"testing"

	"mailallow/fixtures"
)

// A text that is not kept is installed only if it is written as when its digest was made.
func TestLong(t *testing.T) {
	r := newRig(t)
	writes := 0
	text := "192.0.2.0/24\tpermit\n"
	long := &Long{Digest: digest([]byte(text)), Write: func(w io.Writer) error {
		writes++
		_, err := fmt.Fprint(w, text)
		return err
	}}
	job := Job{Path: r.path, Long: long}
	other := *long
	other.Write = func(w io.Writer) error {
		_, err := fmt.Fprint(w, "192.0.2.0/23\tpermit\n")
		return err
	}
	r.fails([]Job{{Path: r.path, Long: &other}}, "written in another way than before")
	if report := r.install(job); !report.Changed || writes != 1 {
		t.Errorf("%+v, written %d times", report, writes)
	}
	if got := fixtures.ReadFile(t, r.path); got != text {
		t.Errorf("%q, want %q", got, text)
	}
	r.fails([]Job{job}, ErrChanged.Error())
}

// What cannot be read is not taken for an edit, whether the text is kept or not.
func TestNewThatCannotBeRead(t *testing.T) {
	path := t.TempDir() // its content cannot be read as that of a file
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*change{"kept": {new: []byte("x")}, "not kept": {long: &Long{Digest: digest([]byte("x"))}}} {
		if c.kind, c.inode = kindText, inodeOf(info); !c.isNewAt(path) {
			t.Errorf("%s: it counts as edited", name)
		}
	}
}
