package install

import "errors"

// ErrChanged says that somebody edited a file after the plan read it. The edit is kept and no file of the plan is
// installed; plan again.
var ErrChanged = errors.New("edited since it was read")

// writingError is ErrChanged for a text that a program is about to change.
type writingError struct{}

func (writingError) Error() string {
	return "a program has it open for writing: try again when it has closed it (fuser -v names it)"
}

func (writingError) Is(err error) bool { return err == ErrChanged }
