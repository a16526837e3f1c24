package program

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestRunLines(t *testing.T) {
	refuse := errors.New("refused")
	for _, row := range []struct {
		name, script string
		lines        []string
		err          error
	}{
		{"lines", `printf 'a\n\nb\n'`, []string{"a", "", "b"}, nil},
		{"no newline at the end", `printf 'a\nb'`, []string{"a", "b"}, nil},
		{"take fails, and the program continues", `printf 'a\nstop\nb\n'; sleep 0.1; echo c`, []string{"a", "stop"}, refuse},
		{"a line that fills the buffer", `printf '%070000d\n' 0`, nil, ErrOutput},
	} {
		var lines []string
		p := Program{Argv: []string{"/bin/sh", "-c", row.script}, Limit: time.Minute, MaxOutput: MaxMessages}
		err := p.RunLines(t.Context(), func(line []byte) error {
			if len(line) < 10 {
				lines = append(lines, string(line))
			}
			if string(line) == "stop" {
				return refuse
			}
			return nil
		})
		if !errors.Is(err, row.err) || !slices.Equal(lines, row.lines) {
			t.Errorf("%s: %q, %v; want %q, %v", row.name, lines, err, row.lines, row.err)
		}
	}
}
