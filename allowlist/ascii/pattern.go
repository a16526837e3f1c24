package ascii

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression that is compiled where it is first used: a run uses a few of them at most, and to
// compile all takes a tenth of the time that the program needs to start.
func Pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
