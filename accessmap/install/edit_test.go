package install

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"mailallow/accessmap/block"
	"mailallow/fixtures"
)

const (
	editedLine = "Connect:127.0.0.9\tREJECT\n"
	editedBase = "Connect:localhost\tRELAY\n"
)

// manner is how somebody edits a file: held is the file that stood at path before the installation began, opened for
// reading. done ends what the edit leaves open.
type manner struct {
	name string
	edit func(path string, held *os.File) (done func() error, err error)
	kept string // the line that must be there in the end, once; empty: the edit was another
}

func manners() []manner {
	ended := func() error { return nil }
	add := func(path string, flag int, text string) error {
		f, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text)
		return errors.Join(err, f.Close())
	}
	again := func(held *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", held.Fd()) }
	return []manner{
		{"renamed over", func(path string, _ *os.File) (func() error, error) {
			text, err := os.ReadFile(path)
			err = errors.Join(err, os.WriteFile(path+"~", append(text, editedLine...), 0o644))
			return ended, errors.Join(err, os.Rename(path+"~", path))
		}, editedLine},
		{"written anew in place", func(path string, _ *os.File) (func() error, error) {
			text, err := os.ReadFile(path)
			return ended, errors.Join(err, add(path, os.O_TRUNC, string(text)+editedLine))
		}, editedLine},
		{"appended", func(path string, _ *os.File) (func() error, error) {
			return ended, add(path, os.O_APPEND, editedLine)
		}, editedLine},
		{"appended to the file that was there", func(_ string, held *os.File) (func() error, error) {
			return ended, add(again(held), os.O_APPEND, editedLine)
		}, editedLine},
		{"opened and not yet written", func(_ string, held *os.File) (func() error, error) {
			f, err := os.OpenFile(again(held), os.O_WRONLY|os.O_APPEND, 0)
			return func() error {
				_, err := f.WriteString(editedLine)
				return errors.Join(err, f.Close())
			}, err
		}, editedLine},
		{"removed", func(path string, _ *os.File) (func() error, error) { return ended, os.Remove(path) }, ""},
		{"given another's name", func(path string, _ *os.File) (func() error, error) {
			return ended, errors.Join(os.WriteFile(path+"~", []byte(editedLine), 0o644), os.Rename(path+"~", path))
		}, editedLine},
	}
}

// listJob plans a list for the file at path as it stands, in a block among what is written by hand.
func (r *rig) listJob(path, mapType, list string) Job {
	r.t.Helper()
	job := r.jobAt(path, mapType, "")
	file, err := block.Extract(job.Old)
	if err != nil {
		r.t.Fatal(err)
	}
	job.New = file.Splice([]byte(list))
	return job
}

// An edit at any moment, in any manner: it stands in the end, once, with the list around it and a map of both. Until then
// everything else is as it was, and what is in the way is named.
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
		for _, m := range manners() {
			mapType := moment.mapType
			t.Run(moment.name+"/"+m.name, func(t *testing.T) {
				r := newRig(t)
				fixtures.WriteFile(t, r.path, editedBase)
				r.install(r.listJob(r.path, mapType, "Connect:192.0.2\tOK\n"))
				held, err := os.Open(r.path)
				if err != nil {
					t.Fatal(err)
				}
				defer held.Close()
				var done func() error
				in := installer{exchange: func(temp, live string) error {
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
