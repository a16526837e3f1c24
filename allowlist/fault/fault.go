// Package fault gives an error what a person needs to mend it: the line where it is, and what to do. Both are values
// beside the text, so that nobody has to read them back from it. The package prints nothing and opens no file.
package fault

import (
	"errors"
	"fmt"
)

// Hinted is an error with what to do about it.
type Hinted struct {
	Place string // the file that the error is about; empty: whoever reports it knows
	Err   error
	Hint  string // what to do; empty: nothing to say
}

// Hint makes an error about a file with what to do about it.
func Hint(place, hint, format string, args ...any) *Hinted {
	return &Hinted{Place: place, Err: fmt.Errorf(format, args...), Hint: hint}
}

func (e *Hinted) Error() string {
	text := e.Err.Error()
	if e.Place != "" {
		text = e.Place + ": " + text
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

func (e *Hinted) Unwrap() error { return e.Err }

// AtLine is an error about one line of a text. Its text is "line N: ERROR" or, with a place, "PLACE:N: ERROR".
type AtLine struct {
	Place string // the file of the text, or empty
	Line  int    // physical line, from 1; 0, with a place: the whole text
	Err   error
}

// At makes an error about a line.
func At(line int, format string, args ...any) *AtLine {
	return &AtLine{Line: line, Err: fmt.Errorf(format, args...)}
}

func (e *AtLine) Error() string {
	switch {
	case e.Place == "":
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	case e.Line == 0:
		return fmt.Sprintf("%s: %v", e.Place, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.Place, e.Line, e.Err)
}

func (e *AtLine) Unwrap() error { return e.Err }

// LineOf gives the line that an error is about, the first one where it is about several; 0: the text as a whole.
func LineOf(err error) int {
	var at *AtLine
	if errors.As(err, &at) {
		return at.Line
	}
	return 0
}

// In puts a place, such as a path, before each of the errors that are joined in err.
func In(place string, err error) error {
	var each []error
	for _, e := range Each(err) {
		each = append(each, fmt.Errorf("%s: %w", place, e))
	}
	return errors.Join(each...)
}

// Each gives the errors that errors.Join has put together in err, also where one of them is such a join again; err itself
// where it is none, and nothing for nil. An error that wraps several, and says more than a line about each, is one error.
func Each(err error) (each []error) {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		each = append(each, Each(e)...)
	}
	return each
}
