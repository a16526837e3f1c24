package plan

import (
	"mailallow/accessmap/install"
	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
)

// Current is the file of a target as it is on disk.
type Current struct {
	Exists bool
	Old    []byte

	resolved string        // path of the file itself, behind all symbolic links; empty: not resolved
	digest   func() string // of Old; nil: nobody asks for it
}

// maxTarget bounds the file of a target, in bytes. Ten million keys with their comments are smaller.
const maxTarget = 1 << 30

// readTarget refuses a file that is not a regular one or lies outside of Root. With an error, resolved may still be set.
func readTarget(t Target) (c Current, err error) {
	resolved, info, err := install.Resolve(t.Path)
	if err == nil && t.Root != "" {
		err = state.Within(t.Root, resolved)
	}
	c.resolved = resolved
	if err != nil || info == nil {
		return c, err
	}
	c.Exists = true
	c.Old, err = bounded.File(t.Path, maxTarget)
	return c, err
}
