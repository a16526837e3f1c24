package accessmap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// linkedRig is a rig with an installed text that has other names, beside it and in another folder.
type linkedRig struct {
	*rig
	names []string
}

func newLinked(t *testing.T) *linkedRig {
	t.Helper()
	r := newRig(t)
	r.install(r.job("a OK\n"))
	r.dir = t.TempDir()
	r.path = filepath.Join(r.dir, "mail", "access")
	l := &linkedRig{rig: r, names: []string{r.path, filepath.Join(r.dir, "mail", "access.link"), filepath.Join(r.dir, "other", "access")}}
	if err := errors.Join(os.Mkdir(filepath.Join(r.dir, "mail"), 0o755), os.Mkdir(filepath.Join(r.dir, "other"), 0o755)); err != nil {
		t.Fatal(err)
	}
	r.install(r.job("a OK\n"))
	for _, name := range l.names[1:] {
		if err := os.Link(r.path, name); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// together wants all names to be those of one file, the text to be the one given and the map to hold it.
func (l *linkedRig) together(text string) {
	l.t.Helper()
	for _, name := range l.names[1:] {
		if !os.SameFile(stat(l.t, l.path), stat(l.t, name)) {
			l.t.Errorf("%s is no name of %s any more", name, l.path)
		}
	}
	if got := readFile(l.t, l.path); got != text {
		l.t.Errorf("text %q, want %q", got, text)
	}
	entries, _ := ReadMapText([]byte(text))
	if err := (Makemap{Program: l.makemap}).Verify(l.t.Context(), "hash", l.path, entries); err != nil {
		l.t.Error(err)
	}
	for dir, want := range map[string]int{"mail": 3, "other": 1} {
		if found, _ := os.ReadDir(filepath.Join(l.dir, dir)); len(found) != want {
			l.t.Errorf("in %s there are %v", dir, found)
		}
	}
	l.noJournal()
}

func TestHardLinks(t *testing.T) {
	l := newLinked(t)
	l.together("a OK\n")
	l.install(l.job("a OK\nb OK\n"))
	l.together("a OK\nb OK\n")
	if report := l.install(l.job("a OK\nb OK\n")); report.Changed {
		t.Errorf("with nothing to do: %+v", report)
	}
}

// makemap reads no map that has another name.
func TestHardLinkOfMap(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	if err := os.Link(r.path+".db", r.path+".link"); err != nil {
		t.Fatal(err)
	}
	r.fails([]Job{r.job("b OK\n")}, r.path+".db has a second name (hard link)", "remove one")
}

// Wherever it fails or is killed, all names are of one file in the end.
func TestHardLinksFailed(t *testing.T) {
	const swaps = 4
	for n := 1; n <= swaps; n++ {
		l := newLinked(t)
		if _, err := failAt(n).alone(t.Context(), l.state, []Job{l.job("b OK\n")}, nil); !mentions(err, "disk fell out") || !mentions(err, "nothing was changed") {
			t.Errorf("error %v", err)
		}
		l.together("a OK\n")
	}
	for n := 0; n <= swaps; n++ {
		for _, wanted := range []string{"a OK\n", "b OK\n"} {
			l := newLinked(t)
			k, die := l.begin(l.job("b OK\n"))
			l.swapping(k, n)
			die()
			l.install(l.job(wanted))
			l.together(wanted)
		}
	}
}

// Somebody replaces one of the names at the worst moment: it is theirs.
func TestHardLinkEdited(t *testing.T) {
	l := newLinked(t)
	calls := 0
	in := installer{exchange: func(temp, live string) error {
		if calls++; calls == 2 {
			if err := errors.Join(os.Remove(live), os.WriteFile(live, []byte("edited OK\n"), 0o644)); err != nil {
				return err
			}
		}
		return exchange(temp, live)
	}}
	if _, err := in.alone(t.Context(), l.state, []Job{l.job("b OK\n")}, nil); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v", err)
	}
	texts := ""
	for _, name := range l.names {
		texts += readFile(t, name)
	}
	if strings.Count(texts, "edited OK\n") != 1 || strings.Count(texts, "a OK\n") != 2 {
		t.Errorf("%q", texts)
	}
}

// A file that is reached by a link is replaced where nobody else could have had it lead there.
func TestLinksOfOthers(t *testing.T) {
	fixtures.Makemap(t)
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: no other user's directory can be made")
	}
	const somebody = 12345
	for _, row := range []struct {
		name  string
		lay   func(dir string) error // open is a directory below it
		mode  os.FileMode            // of open
		owner int
		want  string // part of the error, with open for its path; empty: it is followed
	}{
		{"link in a directory for all", symlink("open/access", "real/access"), 0o777, 0, "others can write to OPEN, which it leads through: chmod go-w OPEN"},
		{"link in a directory for a group", symlink("open/access", "real/access"), 0o770, 0, "others can write to OPEN"},
		{"link in a directory of somebody's", symlink("open/access", "real/access"), 0o755, somebody, "user 12345 can write to OPEN, which it leads through: chown OPEN to root"},
		{"link in a sticky directory", symlink("open/access", "real/access"), 0o777 | os.ModeSticky, 0, ""},
		{"link of somebody's in a sticky directory", func(dir string) error {
			return errors.Join(symlink("open/access", "real/access")(dir), os.Lchown(filepath.Join(dir, "open/access"), somebody, 0))
		}, 0o777 | os.ModeSticky, 0, "others can write to OPEN"},
		{"link in root's own", symlink("open/access", "real/access"), 0o755, 0, ""},
		{"link into a directory for all", symlink("access", "open/access"), 0o777, 0, "a symbolic link leads to OPEN/access: others can write to OPEN"},
		{"link of a directory", func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "open/sub"), 0o755), os.WriteFile(filepath.Join(dir, "open/sub/access"), []byte("a OK\n"), 0o644), os.Symlink("open/sub", filepath.Join(dir, "way")))
		}, 0o777, 0, "others can write to OPEN"},
		{"hard link in a directory for all", hardLink("access", "open/access"), 0o777, 0, "OPEN/access, too (hard link): others can write to OPEN"},
		{"hard link in root's own", hardLink("access", "open/access"), 0o700, 0, ""},
		{"no link in a directory for all", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "open/access"), []byte("a OK\n"), 0o644)
		}, 0o777, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			open := filepath.Join(dir, "open")
			err = errors.Join(os.Mkdir(open, 0o755), os.Mkdir(filepath.Join(dir, "real"), 0o755), os.WriteFile(filepath.Join(dir, "real/access"), []byte("a OK\n"), 0o644),
				row.lay(dir), os.Chmod(open, row.mode), os.Chown(open, row.owner, 0))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "access")
			for _, other := range []string{"way/access", "open/access"} {
				if _, err := os.Lstat(path); err != nil {
					path = filepath.Join(dir, other)
				}
			}
			r := &rig{t: t, dir: dir, state: filepath.Join(t.TempDir(), "state"), path: path}
			job := r.jobAt(path, "", "b OK\n")
			_, err = Install(t.Context(), r.state, []Job{job}, nil)
			want := strings.ReplaceAll(row.want, "OPEN", open)
			if !mentions(err, want) || (err == nil) != (want == "") {
				t.Errorf("error %v, want %q", err, want)
			}
			if text := readFile(t, path); (text == "b OK\n") != (want == "") {
				t.Errorf("text %q", text)
			}
		})
	}
}

func symlink(at, to string) func(string) error {
	return func(dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, to), []byte("a OK\n"), 0o644), os.Symlink(filepath.Join(dir, to), filepath.Join(dir, at)))
	}
}

func hardLink(one, two string) func(string) error {
	return func(dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, one), []byte("a OK\n"), 0o644), os.Link(filepath.Join(dir, one), filepath.Join(dir, two)))
	}
}

// A circle of links has an end.
func TestWayRound(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("round", filepath.Join(dir, "round")); err != nil {
		t.Fatal(err)
	}
	if _, err := way(filepath.Join(dir, "round", "access")); !mentions(err, "too many levels of symbolic links") {
		t.Errorf("error %v", err)
	}
}
