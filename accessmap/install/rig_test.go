package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

// rig has a directory for targets and one for state.
type rig struct {
	t       *testing.T
	dir     string
	state   string
	path    string // of an access file
	makemap string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	return &rig{t: t, dir: dir, state: filepath.Join(t.TempDir(), "state"), path: filepath.Join(dir, "access"),
		makemap: fixtures.Makemap(t)}
}

// job plans to replace the access file as it is now by text.
func (r *rig) job(text string) Job {
	r.t.Helper()
	return r.jobAt(r.path, "hash", text)
}

func (r *rig) jobAt(path, mapType, text string) Job {
	r.t.Helper()
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Fatal(err)
	}
	return Job{Path: path, Old: old, OldExists: err == nil, New: []byte(text), MapType: mapType, Makemap: r.makemap}
}

// Install takes the lock of the state directory for one installation.
func Install(ctx context.Context, stateDir string, jobs []Job, extra []StateFile) (Report, error) {
	return (&Lock{exchange: exchange}).alone(ctx, stateDir, jobs, extra)
}

func (l *Lock) alone(ctx context.Context, stateDir string, jobs []Job, extra []StateFile) (Report, error) {
	st, err := state.Open(ctx, stateDir, state.LockFile, 0)
	if err != nil {
		return Report{}, err
	}
	defer st.Close()
	l.state, l.lockDir = st, stateDir+".locks"
	return l.Install(ctx, jobs, extra)
}

func (r *rig) install(jobs ...Job) Report {
	r.t.Helper()
	report, err := Install(r.t.Context(), r.state, jobs, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if !report.Installed {
		r.t.Error("no error, and not installed")
	}
	return report
}

// fails installs and wants an error with each of want, and every file to keep its inode and its time.
func (r *rig) fails(jobs []Job, want ...string) error {
	r.t.Helper()
	before := r.listing()
	report, err := Install(r.t.Context(), r.state, jobs, nil)
	r.refused(before, report, err, want...)
	return err
}

func (r *rig) refused(before []string, report Report, err error, want ...string) {
	r.t.Helper()
	for _, w := range append(want, "nothing was changed") {
		if err == nil || !strings.Contains(err.Error(), w) {
			r.t.Errorf("error %v, want %q", err, w)
		}
	}
	if report.Installed || report.Changed {
		r.t.Errorf("report %+v", report)
	}
	if after := r.listing(); !slices.Equal(before, after) {
		r.t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	r.noJournal()
}

// listing is one line for every file of the target's directory: name, inode, time, mode and owner.
func (r *rig) listing() (files []string) {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			r.t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		files = append(files, fmt.Sprintf("%s %d %d %o %d:%d", e.Name(), stat.Ino, info.ModTime().UnixNano(), stat.Mode, stat.Uid, stat.Gid))
	}
	return files
}

func (r *rig) noJournal() {
	r.t.Helper()
	if b, err := os.ReadFile(filepath.Join(r.state, state.OwedFile)); err == nil {
		r.t.Errorf("the journal is still there: %s", b)
	}
}

// holds wants the access file to be text, its map to hold the same and be no older, and no files but these and names.
func (r *rig) holds(text string, names ...string) {
	r.t.Helper()
	if got := fixtures.ReadFile(r.t, r.path); got != text {
		r.t.Errorf("text %q, want %q", got, text)
	}
	if err := (makemap.Program{Path: r.makemap}).Verify(r.t.Context(), "hash", r.path+".db", makemap.ReadText([]byte(text))); err != nil {
		r.t.Error(err)
	}
	if fixtures.Stat(r.t, r.path+".db").ModTime().Before(fixtures.Stat(r.t, r.path).ModTime()) {
		r.t.Error("the map is older than its text")
	}
	r.only(append(names, "access", "access.db")...)
	r.noJournal()
}

// only wants the directory to hold these names and no others.
func (r *rig) only(names ...string) {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		r.t.Errorf("directory holds %q, want %q", got, names)
	}
}
