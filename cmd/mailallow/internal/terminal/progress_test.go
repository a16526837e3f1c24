//go:build linux

package terminal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"mailallow/fixtures"
)

// A wait shows after less than half a second that something goes on, and again before two have passed; a line of text takes its
// place, and nothing is left of it in the end. A document on stdout changes nothing of that. A pipe, --quiet and a log have none.
func TestWaiting(t *testing.T) {
	if progressAfter > 400*time.Millisecond || progressEvery > time.Second {
		t.Errorf("the first progress after %v, the next after %v", progressAfter, progressEvery)
	}
	screen, tty := fixtures.Terminal(t, 20)
	term := New([]string{"--json"}, nil, &bytes.Buffer{}, tty)
	wait := term.WaitingFor("fetching %s", strings.Repeat("a", 40))
	var shown strings.Builder
	buf := make([]byte, 100)
	read := func(until string) {
		t.Helper()
		for !strings.Contains(shown.String(), until) {
			n, err := screen.Read(buf)
			if shown.Write(buf[:n]); err != nil {
				t.Fatalf("%v in %q", err, shown.String())
			}
		}
	}
	line := eraseLine + "fetching aaaaaaaaaa" // a line that fills the terminal is not erased as a whole
	read(line + line)
	term.Warn("a line")
	read(line + eraseLine + "\x1b[33mwarning: a line\x1b[0m\r\n")
	wait.End()
	term.Warn("the end")
	if read("the end"); strings.HasSuffix(strings.Split(shown.String(), "\r\n")[1], line) {
		t.Errorf("progress is left behind: %q", shown.String())
	}

	for name, term := range map[string]*Terminal{
		"quiet": New(nil, nil, tty, tty), "pipe": New(nil, nil, tty, &bytes.Buffer{}), "log": New([]string{"--log-format=text"}, nil, tty, tty), "none": nil,
	} {
		if term != nil {
			term.Quiet = name == "quiet"
		}
		wait := term.WaitingFor("fetching")
		wait.End()
		if term != nil && term.progressed {
			t.Errorf("%s: progress is shown", name)
		}
	}
}
