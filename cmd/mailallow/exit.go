package main

import (
	"errors"
	"slices"
)

// Exit codes. When several apply, the first of precedence does.
const (
	exitDone    = 0
	exitFinding = 1 // diff differs, lint or dnsbl found something
	exitUsage   = 2 // usage, configuration or internal trouble
	exitHeld    = 3 // a source was held by the guard
	exitStale   = 4 // a source was stale or missing; spf: a policy could not be listed
	exitInstall = 5 // everything is as it was, another run holds the lock, or on_change or notify failed
)

var precedence = [...]int{exitUsage, exitInstall, exitHeld, exitStale, exitFinding}

// coded is an error, or a mere outcome when err is nil, with its exit code.
type coded struct {
	code int
	err  error
}

func (c coded) Error() string {
	if c.err == nil {
		return ""
	}
	return c.err.Error()
}

func (c coded) Unwrap() error { return c.err }

// outcome ends a command with a code and nothing more to say; nil for exitDone.
func outcome(codes ...int) error {
	for _, code := range precedence {
		if slices.Contains(codes, code) {
			return coded{code: code}
		}
	}
	return nil
}

// exitCode is the code for what a command returned: that of the error, or 2.
func exitCode(err error) int {
	var c coded
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &c):
		return c.code
	}
	return exitUsage
}
