package install

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// An installation replaces a text with several names (hard links) at the target's name alone. The others keep the old text,
// and only the run that replaces it warns.
func TestHardLinks(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	names := []string{filepath.Join(r.dir, "access.link"), filepath.Join(t.TempDir(), "access")}
	for _, name := range names {
		if err := os.Link(r.path, name); err != nil {
			t.Fatal(err)
		}
	}
	kept := fixtures.Stat(t, r.path)
	if report := r.install(r.job("a OK\n")); report.Changed || len(report.Warnings) > 0 {
		t.Errorf("with nothing to do: %+v", report)
	}
	report, err := failAt(2).alone(t.Context(), r.state, []Job{r.job("b OK\n")}, nil)
	if !fixtures.ErrorContains(err, "disk fell out") || len(report.Warnings) > 0 || !os.SameFile(kept, fixtures.Stat(t, r.path)) {
		t.Errorf("put back: %+v, error %v", report, err)
	}
	want := r.path + " has 2 more names (hard links): they keep the old content"
	if report := r.install(r.job("b OK\n")); !slices.Equal(report.Warnings, []string{want}) {
		t.Errorf("warnings %q, want %q", report.Warnings, want)
	}
	if report := r.install(r.job("c OK\n")); len(report.Warnings) > 0 {
		t.Errorf("a second warning: %q", report.Warnings)
	}
	r.holds("c OK\n", "access.link")
	for _, name := range names {
		if !os.SameFile(kept, fixtures.Stat(t, name)) || fixtures.ReadFile(t, name) != "a OK\n" {
			t.Errorf("%s is another file, or holds %q", name, fixtures.ReadFile(t, name))
		}
	}
}

// makemap neither reads nor writes a map that has a second name; an installation replaces it at its own name alone, with its text
// or by itself.
func TestHardLinkOfMap(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	other := r.path + ".link"
	link := func() {
		if err := os.Link(r.path+".db", other); err != nil {
			t.Fatal(err)
		}
	}
	link()
	kept, content := fixtures.Stat(t, other), fixtures.ReadFile(t, other)
	want := []string{r.path + ".db has 1 more name (hard link): it keeps the old content"}
	if report := r.install(r.job("b OK\n")); !slices.Equal(report.Warnings, want) {
		t.Errorf("warnings %q, want %q", report.Warnings, want)
	}
	r.holds("b OK\n", "access.link")
	if !os.SameFile(kept, fixtures.Stat(t, other)) || fixtures.ReadFile(t, other) != content {
		t.Errorf("%s is another file, or holds something else", other)
	}
	if err := os.Rename(other, r.path+".db"); err != nil {
		t.Fatal(err)
	}
	link()
	if report := r.install(r.job("b OK\n")); !report.Changed || !slices.Equal(report.Warnings, want) || fixtures.ReadFile(t, other) != content {
		t.Errorf("a map of another text: %+v", report)
	}
	r.holds("b OK\n", "access.link")
}

// A file behind a symbolic link is replaced unless another user could have made the link.
func TestLinksOfOthers(t *testing.T) {
	fixtures.Makemap(t)
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: no other user's directory can be made")
	}
	const somebody = 12345
	for _, row := range []struct {
		name  string
		make  func(dir string) error // dir/open is there already
		mode  os.FileMode            // of open
		owner int
		want  string // part of the error, with OPEN for the path of open; empty: the link is followed
	}{
		{"link in a directory for all", symlink("open/access", "real/access"), 0o777, 0, "others can write to OPEN, which is on its path: chmod go-w OPEN"},
		{"link in a directory for a group", symlink("open/access", "real/access"), 0o770, 0, "others can write to OPEN"},
		{"link in a directory of another user", symlink("open/access", "real/access"), 0o755, somebody, "user 12345 can write to OPEN, which is on its path: chown OPEN to root"},
		{"link in a sticky directory", symlink("open/access", "real/access"), 0o777 | os.ModeSticky, 0, ""},
		{"link of another user in a sticky directory", func(dir string) error {
			return errors.Join(symlink("open/access", "real/access")(dir), os.Lchown(filepath.Join(dir, "open/access"), somebody, 0))
		}, 0o777 | os.ModeSticky, 0, "others can write to OPEN"},
		{"link in root's own", symlink("open/access", "real/access"), 0o755, 0, ""},
		{"link into a directory for all", symlink("access", "open/access"), 0o777, 0, "a symbolic link leads to OPEN/access: others can write to OPEN"},
		{"link of a directory", func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "open/sub"), 0o755), os.WriteFile(filepath.Join(dir, "open/sub/access"), []byte("a OK\n"), 0o644), os.Symlink("open/sub", filepath.Join(dir, "way")))
		}, 0o777, 0, "others can write to OPEN"},
		{"hard link in a directory for all", hardLink("access", "open/access"), 0o777, 0, ""},
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
				row.make(dir), os.Chmod(open, row.mode), os.Chown(open, row.owner, 0))
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
			if !fixtures.ErrorContains(err, want) || (err == nil) != (want == "") {
				t.Errorf("error %v, want %q", err, want)
			}
			if text := fixtures.ReadFile(t, path); (text == "b OK\n") != (want == "") {
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
