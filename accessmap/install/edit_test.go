package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"mailallow/accessmap/block"
	"mailallow/accessmap/kernel"
	"mailallow/fixtures"
)

const (
	editedLine = "Connect:127.0.0.9\tREJECT\n"
	editedBase = "Connect:localhost\tRELAY\n"
)

// editor is a way to edit a file. held is the file that was at path before the installation began, opened for reading. done
// ends the edit.
type editor struct {
	name string
	edit func(path string, held *os.File) (done func() error, err error)
	kept string // a line that the text must hold once in the end; empty: the edit adds none
}

func editors() []editor {
	atOnce := func() error { return nil }
	add := func(path string, flag int, text string) error {
		f, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text)
		return errors.Join(err, f.Close())
	}
	pathOf := func(held *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", held.Fd()) }
	return []editor{
		{"renamed over", func(path string, _ *os.File) (func() error, error) {
			text, err := os.ReadFile(path)
			err = errors.Join(err, os.WriteFile(path+"~", append(text, editedLine...), 0o644))
			return atOnce, errors.Join(err, os.Rename(path+"~", path))
		}, editedLine},
		{"written anew in place", func(path string, _ *os.File) (func() error, error) {
			text, err := os.ReadFile(path)
			return atOnce, errors.Join(err, add(path, os.O_TRUNC, string(text)+editedLine))
		}, editedLine},
		{"appended", func(path string, _ *os.File) (func() error, error) {
			return atOnce, add(path, os.O_APPEND, editedLine)
		}, editedLine},
		{"appended to the file that was there", func(_ string, held *os.File) (func() error, error) {
			return atOnce, add(pathOf(held), os.O_APPEND, editedLine)
		}, editedLine},
		{"opened and not yet written", func(_ string, held *os.File) (func() error, error) {
			f, err := os.OpenFile(pathOf(held), os.O_WRONLY|os.O_APPEND, 0)
			return func() error {
				_, err := f.WriteString(editedLine)
				return errors.Join(err, f.Close())
			}, err
		}, editedLine},
		{"removed", func(path string, _ *os.File) (func() error, error) { return atOnce, os.Remove(path) }, ""},
		{"replaced by another file", func(path string, _ *os.File) (func() error, error) {
			return atOnce, errors.Join(os.WriteFile(path+"~", []byte(editedLine), 0o644), os.Rename(path+"~", path))
		}, editedLine},
	}
}

// listJob plans to put a list into the block of the file at path, among hand-written lines.
func (r *rig) listJob(path, mapType, list string) Job {
	r.t.Helper()
	job := r.jobAt(path, mapType, "")
	file, err := block.Extract(job.Old)
	if err != nil {
		r.t.Fatal(err)
	}
	var text bytes.Buffer
	file.WriteAbove(&text)
	text.WriteString(list)
	file.WriteBelow(&text)
	job.New = text.Bytes()
	return job
}

// Whenever and however somebody edits the text, the edit is in the final text once, beside the list, and the map holds both.
// Until then all other files are as they were, and the error names the text.
func TestEditAtAnyMoment(t *testing.T) {
	moments := []struct {
		name    string
		mapType string
		suffix  string // of the file that is swapped
		after   bool
	}{
		{"before a table is swapped", "", "", false}, {"after a table is swapped", "", "", true},
		{"after the text is swapped", "hash", "", true}, {"after the map is swapped", "hash", ".db", true},
	}
	for _, moment := range moments {
		for _, m := range editors() {
			mapType := moment.mapType
			t.Run(moment.name+"/"+m.name, func(t *testing.T) {
				if m.name == "opened and not yet written" && !kernel.KnowsWriters {
					t.Skip("this system does not tell who has a file open")
				}
				r := newRig(t)
				fixtures.WriteFile(t, r.path, editedBase)
				r.install(r.listJob(r.path, mapType, "Connect:192.0.2\tOK\n"))
				held, err := os.Open(r.path)
				if err != nil {
					t.Fatal(err)
				}
				defer held.Close()
				var done func() error
				in := Lock{exchange: func(temp, live string) error {
					now := done == nil && live == r.path+moment.suffix
					var before, after error
					if now && !moment.after {
						done, before = m.edit(r.path, held)
					}
					swapped := exchange(temp, live)
					if now && moment.after {
						done, after = m.edit(r.path, held)
					}
					if edited := errors.Join(before, after); edited != nil {
						t.Error(edited)
					}
					return swapped
				}}
				const list = "Connect:192.0.2\tOK\nConnect:198.51.100\tOK\n"
				report, err := in.alone(t.Context(), r.state, []Job{r.listJob(r.path, mapType, list)}, nil)
				if report.Installed != (err == nil) || err != nil && (!errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), r.path)) {
					t.Errorf("report %+v, error %v", report, err)
				}
				if err := done(); err != nil {
					t.Fatal(err)
				}
				r.install(r.listJob(r.path, mapType, list))
				text := fixtures.ReadFile(t, r.path)
				if m.kept != "" && strings.Count(text, m.kept) != 1 || !strings.Contains(text, list) {
					t.Errorf("text %q", text)
				}
				if mapType == "" {
					r.only("access")
					return
				}
				r.holds(text)
			})
		}
	}
}
