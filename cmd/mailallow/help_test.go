package main

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHelp: every help fits 80 columns, and names every flag.
func TestHelp(t *testing.T) {
	term := newTerminal(nil, io.Discard, io.Discard)
	pages := map[string]string{"": term.helpOfAll()}
	for _, cmd := range allCommands() {
		pages[cmd.name] = term.helpOf(cmd)
	}
	for name, page := range pages {
		cmd, _ := findCommand(name)
		for _, f := range append(cmd.flags, globalFlags()...) {
			if want := flagWords(f).typed(); !strings.Contains(page, want) {
				t.Errorf("%q has no %q", name, want)
			}
		}
		for line := range strings.Lines(page) {
			if utf8.RuneCountInString(line) > helpWidth+len("\n") {
				t.Errorf("%q has a long line: %s", name, line)
			}
		}
	}
}
