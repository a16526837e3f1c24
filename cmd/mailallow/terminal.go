package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"mailallow/accessmap"
	"mailallow/allowlist/ascii"

	"golang.org/x/term"
)

// terminal is where people and programs read what a run has to say: data on
// stdout, talk on stderr. Whatever names and records hold, nothing but text gets
// to either: control, formatting and invalid bytes are shown as escapes.
type terminal struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool
	quiet, verbose bool
	color          string            // auto, always, never
	command        string            // for the JSON document of a failure
	log            *slog.Logger      // of what is said; nil: it is said in plain
	arguments      *strings.Replacer // those of the command line that hold a newline, to stand on one line

	documented bool        // a JSON document has been written
	closing    []slog.Attr // of the last record, where it is not that of an error alone
	mu         sync.Mutex
	progressed bool // a line of progress stands on the terminal
}

// newTerminal looks for --json and --log-format itself, since even a mistake in
// the flags is told in the form that was asked for.
func newTerminal(args []string, stdout, stderr io.Writer) *terminal {
	flags := args
	if i := slices.Index(args, "--"); i >= 0 {
		flags = args[:i]
	}
	asked := slices.Contains(flags, "--json") || slices.Contains(flags, "-json") || slices.Contains(flags, "--json=true")
	t := &terminal{stdout: stdout, stderr: stderr, json: asked, color: "auto", arguments: onOneLine(args)}
	for i, flag := range flags {
		name, form, inOne := strings.Cut(flag, "=")
		if name != "--log-format" && name != "-log-format" {
			continue
		}
		if !inOne && i+1 < len(flags) {
			form = flags[i+1]
		}
		if newLog, known := logForms()[form]; known {
			t.log = newLog(stderr)
		}
	}
	return t
}

// onOneLine escapes the newlines of arguments, which messages repeat: a newline of ours ends what is said.
func onOneLine(args []string) *strings.Replacer {
	var pairs []string
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		for _, part := range []string{arg, value, name} {
			if strings.Contains(part, "\n") {
				pairs = append(pairs, part, strings.ReplaceAll(part, "\n", `\n`))
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// Styles, as SGR parameters.
const (
	plain  = ""
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// data writes a line of what the command is for. Where a document is asked for,
// that is the data.
func (t *terminal) data(style, format string, args ...any) {
	if !t.json {
		t.write(t.stdout, style, fmt.Sprintf(format, args...))
	}
}

// summary writes a line of data that --quiet can do without. A log has records
// in its place.
func (t *terminal) summary(style, format string, args ...any) {
	if !t.quiet && t.log == nil {
		t.data(style, format, args...)
	}
}

// talk is what the terminal says of something, which a record names by itself:
// a source, a target, a path, a kind of problem.
type talk struct {
	*terminal
	attrs []slog.Attr
}

// about names what is spoken of.
func (t *terminal) about(attrs ...slog.Attr) talk { return talk{t, attrs} }

func (t *terminal) note(format string, args ...any)   { t.about().note(format, args...) }
func (t *terminal) detail(format string, args ...any) { t.about().detail(format, args...) }
func (t *terminal) warn(format string, args ...any)   { t.about().warn(format, args...) }

// note says something worth knowing, unless quiet is asked for.
func (k talk) note(format string, args ...any) {
	if !k.quiet {
		k.say(slog.LevelInfo, plain, "", fmt.Sprintf(format, args...))
	}
}

// detail says what only --verbose wants to know.
func (k talk) detail(format string, args ...any) {
	if k.verbose && !k.quiet {
		k.say(slog.LevelDebug, plain, "", fmt.Sprintf(format, args...))
	}
}

// warn says what somebody should look at, quiet or not.
func (k talk) warn(format string, args ...any) {
	k.say(slog.LevelWarn, yellow, "warning: ", fmt.Sprintf(format, args...))
}

// record says what a log keeps of a run, quiet or not, and a summary tells people.
func (k talk) record(format string, args ...any) {
	if k.log != nil {
		k.say(slog.LevelInfo, plain, "", fmt.Sprintf(format, args...))
	}
}

// say writes to stderr: a line with its prefix, or a record.
func (k talk) say(level slog.Level, style, prefix, text string) {
	text = k.arguments.Replace(text)
	if k.log == nil {
		k.write(k.stderr, style, prefix+text)
		return
	}
	k.log.LogAttrs(context.Background(), level, strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "), k.attrs...)
}

func (t *terminal) write(w io.Writer, style, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progressed {
		io.WriteString(t.stderr, "\r\x1b[K")
		t.progressed = false
	}
	text = clean(text)
	if style != plain && t.colored(w) {
		text = "\x1b[" + style + "m" + strings.ReplaceAll(text, "\n", "\x1b[0m\n\x1b["+style+"m") + "\x1b[0m"
	}
	// Who closed the pipe does not want to read on; a run goes to its end all the same.
	_, _ = io.WriteString(w, text+"\n")
}

// progress shows how far a run is, on a terminal only; the next line replaces it.
func (t *terminal) progress(format string, args ...any) {
	if t.quiet || t.json || t.log != nil || !isTerminal(t.stderr) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.stderr, "\r\x1b[K%s", clean(fmt.Sprintf(format, args...)))
	t.progressed = true
}

// document writes the one JSON document of a run.
func (t *terminal) document(v any) error {
	t.documented = true
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := t.stdout.Write(accessmap.InASCII(text.Bytes()))
	return err
}

// end tells of an error and gives the exit code. It is the only way out, and what
// it says is the last record.
func (t *terminal) end(err error) int {
	code := exitCode(err)
	last := t.about(append([]slog.Attr{slog.Int("exit_code", code)}, t.closing...)...)
	if t.closing != nil && (err == nil || err.Error() == "") {
		last.record("%s done", t.command)
	}
	if err != nil && err.Error() != "" {
		last.say(slog.LevelError, red, "mailallow: ", err.Error())
		if t.json && !t.documented {
			if err := t.document(failure(t.command, err)); err != nil {
				return exitUsage
			}
		}
	}
	return code
}

func (t *terminal) colored(w io.Writer) bool {
	switch t.color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// clean keeps what is text: letters, signs, blanks, tabs and line feeds. The
// rest, bidirectional marks, what shows nothing and invalid UTF-8 included, becomes escapes.
func clean(s string) string {
	if !strings.ContainsFunc(s, unwanted) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unwanted(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

func unwanted(r rune) bool {
	return !(ascii.Shows(r) || r == '\n' || r == '\t')
}
