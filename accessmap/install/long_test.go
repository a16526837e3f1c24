package install

import (
	"fmt"
	"io"
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
