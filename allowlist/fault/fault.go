// Package fault adds to an error the line of the fault and a hint that says what to do. Both are values of their own, so
// that no code has to parse the text of an error. The package prints nothing and opens no file.
package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Hinted is an error with a hint. Its text is "PLACE: ERROR; HINT".
type Hinted struct {
	Place string // the file that the error is about, or empty
	Err   error
	Hint  string // what to do, or empty
}

// Hint makes an error about the file place. hint says what to do.
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

// NothingChanged is the last line of an error after which everything is as it was.
const NothingChanged = "nothing was changed"

// Unchanged adds to an error, in a line of its own, that nothing was changed.
func Unchanged(err error) error { return fmt.Errorf("%w\n"+NothingChanged, err) }

// AtLine is an error about one line of a text. Its text is "line N: ERROR" or, with a place, "PLACE:N: ERROR".
type AtLine struct {
	Place string // the file of the text, or empty
	Line  int    // physical line, from 1; 0, with a place: the whole text
	Err   error
}

// At makes an error about a physical line, from 1.
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

// LineOf gives the line of the first AtLine in err, or 0 if the error is about the whole text.
func LineOf(err error) int {
	var at *AtLine
	if errors.As(err, &at) {
		return at.Line
	}
	return 0
}

// In puts "PLACE: " before each of the errors that Each gives.
func In(place string, err error) error {
	var each []error
	for _, e := range Each(err) {
		each = append(each, fmt.Errorf("%s: %w", place, e))
	}
	return errors.Join(each...)
}

// Each gives the single errors of an errors.Join, also of joins in joins. For any other error it gives err itself, and for
// nil nothing. An error that wraps several errors with text of its own is a single error.
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

// JSON says for people why a file of mailallow's cannot be read as JSON. What encoding/json says of a value of another kind has the
// types of the program in it.
func JSON(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it ends too early")
	}
	if kind, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Errorf("the %s does not belong there", kind.Value)
	}
	return err
}
