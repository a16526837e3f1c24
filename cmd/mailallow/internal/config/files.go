package config

import (
	"fmt"
	"path/filepath"
	"strconv"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
)

// files are those that the program reads, keeps or writes, by whichever of their names: nothing else is to be written over them.
type files struct {
	what  map[string]string // by the file itself
	state string            // the state directory
}

func (f *files) add(path, what string) {
	if path != "" && !IsURL(path) {
		f.what[behindLinks(path)] = what
	}
}

// at says what the file at a path is; empty: it is none of these.
func (f *files) at(path string) string {
	file := behindLinks(path)
	if state.Owns(f.state, file) {
		return "the state"
	}
	return f.what[file]
}

// CheckOutput refuses a path for the output of a command at which there is a file of the configuration, or the configuration.
func (s *Settings) CheckOutput(path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if what := s.files.at(absolute); what != "" {
		return fmt.Errorf("the path is that of %s, and would be written over: name another", what)
	}
	return nil
}

// overwrites notes the files that an update would write over what it reads, or over the map of a target.
func (r *reader) overwrites() {
	f := files{map[string]string{}, behindLinks(r.StateDir)}
	f.add(filepath.Join(r.dir, filepath.Base(r.Path)), "the configuration")
	f.add(r.DNSBL.KeyFile, "key_file")
	f.add(r.Snapshot.URL, "the snapshot")
	if r.Snapshot.URL != "" {
		f.add(r.Snapshot.URL+".minisig", "the signature of the snapshot")
	}
	f.add(r.Snapshot.CAFile, "ca_file")
	for _, src := range r.Sources {
		f.add(src.FilePath, "source "+strconv.Quote(src.Name))
		f.add(src.CAFile, "ca_file")
	}
	for _, t := range r.Targets {
		if !t.Format.Map {
			continue
		}
		f.add(t.SendmailCF, "sendmail_cf")
		for _, suffix := range makemap.Suffixes() {
			f.add(t.Path+suffix, "the map of "+t.Path)
		}
	}
	check := func(at, path string) {
		if what := f.at(path); what != "" && path != "" {
			r.problem(at, "the path %s is that of %s: an update would write over it", path, what)
		}
	}
	for i, t := range r.Targets {
		check(item("target", i)+".path", t.Path)
	}
	check("metrics_file", r.MetricsFile)
	for _, t := range r.Targets {
		f.add(t.Path, "a target")
	}
	r.files = f
}

// behindLinks gives the path of the file itself, whether it is there or is yet to be made.
func behindLinks(path string) string {
	if file, err := filepath.EvalSymlinks(path); err == nil {
		return file
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path))
	}
	return path
}
