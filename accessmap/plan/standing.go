package plan

import (
	"fmt"
	"path/filepath"

	"mailallow/accessmap/install"
	"mailallow/allowlist/bounded"
)

// Standing is the file of a target as it is.
type Standing struct {
	Exists bool
	Old    []byte

	live string // the file itself, symbolic links followed
}

// maxTarget bounds the file of a target, in bytes: ten million keys with their comments are below.
const maxTarget = 1 << 30

// readTarget reads the file of a target, after a look at what kind of file it is. With an error live may be known.
func readTarget(t Target) (s Standing, err error) {
	live, was, err := install.Resolve(t.Path)
	if err == nil && t.Root != "" {
		err = within(t.Root, live)
	}
	s.live = live
	if err != nil || was == nil {
		return s, err
	}
	s.Exists = true
	s.Old, err = bounded.File(t.Path, maxTarget)
	return s, err
}

// within is an error when a file that was to lie below root does not: a symbolic
// link below another root means a file there and not the host's own.
func within(root, live string) error {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(real, live); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("a symbolic link leads to %s, out of --root %s", live, root)
	}
	return nil
}
