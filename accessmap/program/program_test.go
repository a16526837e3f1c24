package program

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mailallow/fixtures"
)

func TestProgram(t *testing.T) {
	t.Setenv("SECRET", "x")
	shell := func(script string) Program {
		return Program{Argv: []string{"/bin/sh", "-c", script}, Stdin: strings.NewReader("in\n"), Limit: time.Minute, MaxOutput: 100}
	}
	hangs := shell("sleep 60 & sleep 60")
	hangs.Limit = time.Millisecond
	rows := []struct {
		name      string
		p         Program
		out, fail string
	}{
		{"stdin to stdout", shell("cat"), "in\n", ""},
		{"a clean environment", shell("echo \"$SECRET\" $LC_ALL"), " C\n", ""},
		{"status and stderr", shell("echo out; echo why >&2; exit 3"), "out\n", "exit status 3: why"},
		{"more output than MaxOutput", shell("printf %0150d 0"), "", "more output than expected"},
		{"longer than its limit, with a child", hangs, "", "not done within 1ms"},
		{"missing program", Program{Argv: []string{"/nonexistent"}, Limit: time.Minute}, "", "no such file"},
	}
	for _, row := range rows {
		out, err := row.p.Run(t.Context())
		if !fixtures.ErrorContains(err, row.fail) || row.out != "" && string(out) != row.out || len(out) > row.p.MaxOutput {
			t.Errorf("%s: %q, %v; want %q, %q", row.name, out, err, row.out, row.fail)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := shell("cat").Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
