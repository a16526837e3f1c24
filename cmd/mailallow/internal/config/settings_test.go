package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestByteOrderMark: a file that begins with the mark that some editors write is read as without it, and keeps its lines.
func TestByteOrderMark(t *testing.T) {
	s, err := Parse("x.toml", []byte("\ufeffstate_dir = \"state\"\r\n[guard]\r\nwidest_ipv4 = 9\r\n"), Flags{})
	if err != nil || s.Limits.WidestIPv4 != 9 {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = Parse("x.toml", []byte("\ufeff\r\nstate_di = 1\r\n"), Flags{})
	if want := `x.toml:2: unknown key "state_di": did you mean "state_dir"?`; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestWritableAsRead: where others can write to the folder, they can put another file in the place of the one that was read. What
// counts is whose that was.
func TestWritableAsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	theirs := make(chan error, 1)
	if err := errors.Join(syscall.Mkfifo(path, 0o600), os.Chmod(path, 0o622), os.WriteFile(path+".own", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString("state_dir = \"theirs\"\n")
			err = errors.Join(err, os.Rename(path+".own", path), f.Close())
		}
		theirs <- err
	}()
	s, err := Load(t.Context(), Flags{Path: path})
	if err := errors.Join(err, <-theirs); err != nil {
		t.Fatal(err)
	}
	if filepath.Base(s.StateDir) != "theirs" || s.Writable == nil || !strings.Contains(s.Writable.Error(), "(mode 0622)") {
		t.Errorf("%s, %v", s.StateDir, s.Writable)
	}
}

// TestOverwrites: a target is what the configuration reads by another name, too.
func TestOverwrites(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "real"), 0o755), os.Symlink("real", filepath.Join(dir, "folder")),
		os.WriteFile(filepath.Join(dir, "real", "list"), nil, 0o644), os.Symlink("real/list", filepath.Join(dir, "link")),
		os.WriteFile(filepath.Join(dir, "real", "list.prom"), nil, 0o644), os.Symlink("real/list.prom", filepath.Join(dir, "link.prom"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		read, written string
		is            bool
	}{
		{"real/list", "link", true}, {"link", "real/list", true}, {"real/list", "folder/list", true}, {"real/new", "folder/new", true},
		{"real/list", "list", false}, {"real/new", "folder/other", false},
	} {
		text := fmt.Sprintf("[[source]]\nname = \"x\"\nfile = %q\naction = \"OK\"\n[[target]]\nformat = \"cidr\"\npath = %q\n", row.read, row.written)
		_, err := Parse(filepath.Join(dir, "c.toml"), []byte(text), Flags{})
		if is := err != nil && strings.HasSuffix(err.Error(), `is that of source "x": an update would write over it`); is != row.is || !is && err != nil {
			t.Errorf("%s and %s: %v", row.read, row.written, err)
		}
		text = fmt.Sprintf("metrics_file = \"%s.prom\"\n[[target]]\nformat = \"cidr\"\npath = \"%s.prom\"\n", row.read, row.written)
		_, err = Parse(filepath.Join(dir, "c.toml"), []byte(text), Flags{})
		if is := err != nil && strings.HasSuffix(err.Error(), "is that of metrics_file"); is != row.is || !is && err != nil {
			t.Errorf("%s for the metrics and %s: %v", row.read, row.written, err)
		}
	}
	for name, want := range map[string]string{"s.json": "the snapshot", "s.json.minisig": "the signature of the snapshot", "key": "key_file"} {
		text := fmt.Sprintf("[snapshot]\nurl = \"s.json\"\n[dnsbl]\nkey_file = \"key\"\n[[target]]\nformat = \"cidr\"\npath = %q\n", name)
		if _, err := Parse(filepath.Join(dir, "c.toml"), []byte(text), Flags{}); err == nil || !strings.HasSuffix(err.Error(), "is that of "+want+": an update would write over it") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
