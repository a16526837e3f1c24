// Package exit knows how a run of mailallow ends: the exit codes with their meanings,
// the one that counts when several apply, the errors that carry one, and the signals
// that end a run early. It writes nothing and ends no process: package main does.
package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// The exit codes. Meanings explains them.
const (
	Done    = 0
	Finding = 1
	Usage   = 2
	Held    = 3
	Stale   = 4
	Install = 5
)

// meanings is the table of exit codes. When several apply, the first in it counts.
var meanings = [...]struct {
	code int
	text string
}{
	{Usage, "usage, configuration or internal trouble"},
	{Install, "the installation failed and everything is as it was, or another run holds the lock, or on_change or notify failed"},
	{Held, "a source was held by the guard"},
	{Stale, "a source was stale or missing"},
	{Finding, "a difference or a finding"},
	{Done, "done"},
}

// Meaning is an exit code, or "128+n", with its meaning.
type Meaning struct{ Code, Text string }

// Meanings gives every exit code, the lowest first, and a sentence that says which of
// them counts when several apply.
func Meanings() (all []Meaning, order string) {
	var codes []string
	for _, m := range meanings {
		code := strconv.Itoa(m.code)
		all = append(all, Meaning{code, m.text})
		if m.code != Done {
			codes = append(codes, code)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Code < all[j].Code })
	all = append(all, Meaning{fmt.Sprintf("%d+n", firstSignalCode), "ended by signal n"})
	return all, "When several apply: " + strings.Join(codes, ", ") + "."
}

// Error is an error with the exit code of the run that it ends. Without Err it is a
// mere outcome: there is nothing to say.
type Error struct {
	Code int
	Err  error
}

func (e Error) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

func (e Error) Unwrap() error { return e.Err }

// With gives err the exit code; nil stays nil.
func With(code int, err error) error {
	if err == nil {
		return nil
	}
	return Error{Code: code, Err: err}
}

// Usagef makes an error of the command line, with exit code Usage.
func Usagef(format string, args ...any) error {
	return With(Usage, fmt.Errorf(format, args...))
}

// Outcome ends a run with the code that counts among codes and nothing to say. It is
// nil when none but Done is among them.
func Outcome(codes ...int) error { return Worst(nil, codes...) }

// Worst gives err, which may be nil, the code that counts among codes. It returns err
// as it is when none but Done is among them.
func Worst(err error, codes ...int) error {
	for _, m := range meanings {
		if m.code != Done && slices.Contains(codes, m.code) {
			return Error{Code: m.code, Err: err}
		}
	}
	return err
}

// Code is the exit code for the error of a command: that of the first Error in the
// chain, Usage for an error without one, Done for nil.
func Code(err error) int {
	var e Error
	switch {
	case err == nil:
		return Done
	case errors.As(err, &e):
		return e.Code
	}
	return Usage
}

// IsUsage reports whether err is a mistake of the command line. An error without a code ends with Usage, too, and is none.
func IsUsage(err error) bool {
	var e Error
	return errors.As(err, &e) && e.Code == Usage
}

// Silent reports whether there is nothing to say about a run that ended with err: err
// is nil, or a mere outcome.
func Silent(err error) bool {
	var e Error
	return err == nil || errors.As(err, &e) && e.Err == nil
}

// Reason gives an error of a file without its paths, for a message that has them.
func Reason(err error) error {
	var of *fs.PathError
	var between *os.LinkError
	switch {
	case errors.As(err, &of):
		return of.Err
	case errors.As(err, &between):
		return between.Err
	}
	return err
}

// OneOf is the usage error for a flag whose value is not one of words, else nil.
func OneOf(flag, value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return Usagef("--%s %q: one of %s", flag, value, strings.Join(words, ", "))
}
