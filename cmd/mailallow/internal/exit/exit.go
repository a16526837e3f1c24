// Package exit knows how a run of mailallow ends: the exit codes, which of them
// counts when several apply, the errors that carry one, and the signals that end
// a run early. It writes nothing and ends no process: package main does.
package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// The exit codes.
const (
	Done    = 0
	Finding = 1 // diff differs, lint or dnsbl found something
	Usage   = 2 // usage, configuration or internal trouble
	Held    = 3 // a source was held by the guard
	Stale   = 4 // a source was stale or missing; spf: a policy could not be listed
	Install = 5 // everything is as it was, another run holds the lock, or on_change or notify failed
)

// worst gives the code that counts when several apply; Done when none does.
func worst(codes []int) int {
	for _, code := range [...]int{Usage, Install, Held, Stale, Finding} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return Done
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
	return Error{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// Outcome ends a run with the code that counts among codes and nothing more to
// say. It is nil when none but Done is among them.
func Outcome(codes ...int) error {
	if code := worst(codes); code != Done {
		return Error{Code: code}
	}
	return nil
}

// Code is the exit code for what a command returned: that of the first Error in
// the chain, Usage for an error without one, Done for nil.
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

// Silent reports whether there is nothing to say about a run that ended with err: it is
// nil, or a mere outcome.
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
