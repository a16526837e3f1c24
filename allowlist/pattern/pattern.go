// Package pattern compiles regular expressions on first use. A run uses only a few of those of the program, and compiling
// all of them takes a tenth of the time that the program needs to start. The package has no expressions of its own.
package pattern

import (
	"regexp"
	"sync"
)

// New gives a function that compiles text at its first call and returns the same expression at each call. It panics at
// that call if text is not a regular expression. Several goroutines may call it. Inlined, its copies for all expressions would be 57 kB of
// the program.
//
//go:noinline
func New(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
