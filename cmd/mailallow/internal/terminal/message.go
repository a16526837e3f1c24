package terminal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"mailallow/cmd/mailallow/internal/exit"
)

// Topic is the subject of messages: a source, a target, a path. A log record has
// its attributes beside the text.
type Topic struct {
	terminal *Terminal
	attrs    []slog.Attr
}

// About gives a topic with these attributes.
func (t *Terminal) About(attrs ...slog.Attr) Topic { return Topic{t, attrs} }

// Note, Detail and Warn write messages without attributes.
func (t *Terminal) Note(format string, args ...any)   { t.About().Note(format, args...) }
func (t *Terminal) Detail(format string, args ...any) { t.About().Detail(format, args...) }
func (t *Terminal) Warn(format string, args ...any)   { t.About().Warn(format, args...) }

// Note writes a message that --quiet leaves out.
func (k Topic) Note(format string, args ...any) {
	if !k.terminal.Quiet {
		k.say(slog.LevelInfo, Plain, "", fmt.Sprintf(format, args...))
	}
}

// Detail writes a message for --verbose alone.
func (k Topic) Detail(format string, args ...any) {
	if k.terminal.Verbose && !k.terminal.Quiet {
		k.say(slog.LevelDebug, Plain, "", fmt.Sprintf(format, args...))
	}
}

// Warn writes a warning, which somebody should look at, --quiet or not.
func (k Topic) Warn(format string, args ...any) {
	k.say(slog.LevelWarn, Yellow, "warning: ", fmt.Sprintf(format, args...))
}

// Record writes a message to a log alone, --quiet or not. Summary writes the same for
// people.
func (k Topic) Record(format string, args ...any) {
	if k.terminal.log != nil {
		k.say(slog.LevelInfo, Plain, "", fmt.Sprintf(format, args...))
	}
}

// say writes to stderr: a text behind its prefix, or a record.
func (k Topic) say(level slog.Level, style Style, prefix, text string) {
	t := k.terminal
	text = t.arguments.Replace(text)
	if t.log == nil {
		t.write(t.stderr, style, prefix+text)
		return
	}
	t.log.LogAttrs(context.Background(), level, strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "), k.attrs...)
}

// Close adds attrs to the last record of a log, which End then writes for a run without
// an error, too.
func (t *Terminal) Close(attrs ...slog.Attr) { t.closing = attrs }

// End reports err, which may be nil, in the last record, and returns the exit code. With
// --json it writes the document of failure, unless one is written.
func (t *Terminal) End(err error, failure func(error) any) int {
	code := exit.Code(err)
	last := t.About(append([]slog.Attr{slog.Int("exit_code", code)}, t.closing...)...)
	if exit.Silent(err) {
		if t.closing != nil {
			last.Record("%s done", t.Command)
		}
		return code
	}
	last.say(slog.LevelError, Red, "mailallow: ", err.Error())
	if t.JSON && !t.taken {
		if err := t.Document(failure(err)); err != nil {
			return exit.Usage
		}
	}
	return code
}
