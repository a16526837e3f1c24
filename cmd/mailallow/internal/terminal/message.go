package terminal

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"mailallow/allowlist/fault"
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

// Below is before a line that belongs to the message above it: a network, a command to paste. It is never wrapped.
const Below = "\n    "

// say writes to stderr: a text behind its prefix, or a record.
func (k Topic) say(level slog.Level, style Style, prefix, text string) {
	t := k.terminal
	text = t.arguments.Replace(text)
	if t.log == nil {
		t.write(t.stderr, style, t.wrapped(prefix+text))
		return
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	t.log.LogAttrs(context.Background(), level, strings.ReplaceAll(strings.Join(lines, "; "), ":; ", ": "), k.attrs...)
}

// wrapped breaks the lines of a message between words where stderr is a terminal, which would break them anywhere. The lines
// that Below begins stay whole, to be pasted.
func (t *Terminal) wrapped(text string) string {
	width := columns(t.stderr)
	if width == 0 {
		return text
	}
	const hanging = "  "
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, " ") {
			first, rest, more := strings.Cut(strings.Join(Wrap(line, width), "\n"), "\n")
			if more {
				rest = strings.Join(Wrap(strings.ReplaceAll(rest, "\n", " "), width-len(hanging)), "\n"+hanging)
				first += "\n" + hanging + rest
			}
			lines[i] = first
		}
	}
	return strings.Join(lines, "\n")
}

// Close says what holds at the end of the run, such as "list unchanged; 2 sources stale", and adds attrs to the last record of
// a log.
func (t *Terminal) Close(holds string, attrs ...slog.Attr) { t.holds, t.closing = holds, attrs }

// End reports err, which may be nil, and returns the exit code. Output that is lost, on a full disk, is an error of a run that has
// none. The last line of a run that ends with a code of tellsEnd says what holds now, --quiet or not: that nothing was changed,
// unless Close said something else. And the last record of a log says how a run ended that failed or called Close with attributes.
// With --json End writes the document of failure, unless one is written.
func (t *Terminal) End(err error, failure func(error) any) int {
	if t.unwritten != nil && exit.Silent(err) {
		err = t.unwritten
	}
	code := exit.Code(err)
	last := t.About(append([]slog.Attr{slog.Int("exit_code", code)}, t.closing...)...)
	told, holds := tellsEnd(code), cmp.Or(t.holds, fault.NothingChanged)
	switch {
	case exit.Silent(err) && !told && t.closing != nil:
		last.Record("%s done", t.Command)
	case !exit.Silent(err) && told:
		text := err.Error()
		if holds == fault.NothingChanged { // the last line says it
			text = strings.TrimSuffix(text, "\n"+fault.NothingChanged)
		}
		t.About().say(slog.LevelError, Red, "mailallow: ", text)
	case !exit.Silent(err):
		last.say(slog.LevelError, Red, "mailallow: ", err.Error())
	}
	if told {
		last.say(slog.LevelWarn, Yellow, "", fmt.Sprintf("%s; exit %d", holds, code))
	}
	if !exit.Silent(err) && t.JSON && !t.taken {
		if err := t.Document(failure(err)); err != nil {
			return exit.Usage
		}
	}
	return code
}

// tellsEnd reports whether a run with this exit code ends with a line about what holds now: something was not done that a
// run is for.
func tellsEnd(code int) bool { return code == exit.Held || code == exit.Stale || code == exit.Install }

// WarnOf warns of an error, unless it is nil.
func (t *Terminal) WarnOf(err error) {
	if err != nil {
		t.Warn("%v", err)
	}
}
