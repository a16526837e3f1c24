package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"mailallow/cmd/mailallow/internal/terminal"
)

// TestHelp: every help fits 80 columns, and names every flag.
func TestHelp(t *testing.T) {
	pages := map[string]string{"": helpOfAll(terminal.PipeWidth)}
	for _, cmd := range allCommands() {
		pages[cmd.name] = helpOf(cmd, terminal.PipeWidth)
	}
	for name, page := range pages {
		cmd, _ := find(name)
		for _, row := range rowsOf(append(cmd.flags, globalFlags()...)) {
			if want := row[0]; !strings.Contains(page, want) {
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
