// Package terminal writes the output of a run: data on stdout, messages on stderr, as
// plain text, as a log or as one JSON document. It has the tables, widths, colours and
// number formats that the commands share. Other people choose many of the names that it
// writes, so it escapes control characters, formatting characters and invalid bytes. It
// knows no command, and it ends no process.
package terminal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"

	"mailallow/allowlist/ascii"
)

// Terminal is stdin, stdout and stderr of a run, with the flags about their form. Several
// goroutines may call its methods; its fields are set before that.
type Terminal struct {
	Stdin   io.Reader // nil: there is none
	JSON    bool      // stdout is for one document
	Quiet   bool      // no summary and no notes
	Verbose bool      // details, and lists without a bound
	Color   string    // one of Colors
	Command string    // the name of the command, for the last record

	stdout, stderr io.Writer
	log            *slog.Logger      // nil: messages are plain text
	arguments      *strings.Replacer // puts arguments on one line, and shortens long ones
	taken          bool              // Take was called, or a document is written
	closing        []slog.Attr       // of the last record; nil: it is written for an error alone
	holds          string            // for the last line: what holds now

	mu         sync.Mutex
	progressed bool  // the cursor is on a line of progress
	unwritten  error // why a line of output is lost; nil: none is, or its reader has gone away
}

// New makes a terminal for a command line. It looks for --json and diff's --format json, --log-format and --color itself,
// so that it reports a mistake in the flags in the form that they ask for.
func New(args []string, stdin io.Reader, stdout, stderr io.Writer) *Terminal {
	flags := args
	if i := slices.Index(args, "--"); i >= 0 {
		flags = args[:i]
	}
	asked := slices.Contains(flags, "--json") || slices.Contains(flags, "-json") || slices.Contains(flags, "--json=true")
	t := &Terminal{Stdin: stdin, JSON: asked, Color: "auto", stdout: stdout, stderr: stderr, arguments: ofArguments(args)}
	for i, flag := range flags {
		name, value, inOne := strings.Cut(flag, "=")
		if !inOne && i+1 < len(flags) {
			value = flags[i+1]
		}
		switch name {
		case "--color", "-color":
			t.Color = value
		case "--format", "-format":
			t.JSON = t.JSON || value == "json"
		case "--log-format", "-log-format":
			if newLog, known := logForms()[value]; known {
				t.log = newLog(stderr)
			}
		}
	}
	return t
}

// ofArguments escapes the newlines of arguments that messages quote, so that every line of
// a message begins with words of mailallow. It leaves the beginning of a long argument, such as
// the whole text of a mail.
func ofArguments(args []string) *strings.Replacer {
	const most = 1000
	var pairs []string
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		for _, part := range []string{arg, value, name} {
			switch {
			case len(part) > most:
				quoted, shown := strconv.Quote(part), ascii.Excerpt(part)
				pairs = append(pairs, quoted[1:len(quoted)-1], shown, part, shown)
			case strings.Contains(part, "\n"):
				pairs = append(pairs, part, strings.ReplaceAll(part, "\n", `\n`))
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// Style is the look of a line, as SGR parameters.
type Style string

// The styles.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Colors are the words for when to use colour.
func Colors() []string { return []string{"auto", "always", "never"} }

// Data writes a line of the command's output; nothing with --json, or once stdout is
// taken.
func (t *Terminal) Data(style Style, format string, args ...any) {
	if !t.JSON && !t.taken {
		t.write(t.stdout, style, fmt.Sprintf(format, args...))
	}
}

// Summary writes a line of output, unless there is --quiet or a log, which has records
// in its place.
func (t *Terminal) Summary(style Style, format string, args ...any) {
	if t.Summarizes() {
		t.Data(style, format, args...)
	}
}

// Summarizes reports whether Summary writes anything.
func (t *Terminal) Summarizes() bool { return !t.Quiet && t.log == nil }

// Silent reports whether neither Summary nor Record writes anything.
func (t *Terminal) Silent() bool { return t.Quiet && t.log == nil }

// Unified writes a unified diff as output.
func (t *Terminal) Unified(diff string) {
	for line := range strings.Lines(diff) {
		line = strings.TrimSuffix(line, "\n")
		t.Data(diffStyle(line), "%s", line)
	}
}

func diffStyle(line string) Style {
	for _, s := range []struct {
		prefix string
		style  Style
	}{{"---", Bold}, {"+++", Bold}, {"@@", Cyan}, {"+", Green}, {"-", Red}} {
		if strings.HasPrefix(line, s.prefix) {
			return s.style
		}
	}
	return Plain
}

// Take gives stdout to a command that writes bytes of its own. From then on the terminal
// writes nothing there.
func (t *Terminal) Take() io.Writer {
	t.taken = true
	return t.stdout
}

func (t *Terminal) write(w io.Writer, style Style, text string) {
	t.erase()
	t.mu.Lock()
	defer t.mu.Unlock()
	text = Clean(text)
	if style != Plain && t.colored(w) {
		on, off := "\x1b["+string(style)+"m", "\x1b[0m"
		text = on + strings.ReplaceAll(text, "\n", off+"\n"+on) + off
	}
	_, err := io.WriteString(w, text+"\n")
	if err != nil && w == t.stdout && !errors.Is(err, syscall.EPIPE) { // who closes a pipe has read enough
		t.unwritten = err
	}
}

func (t *Terminal) colored(w io.Writer) bool {
	switch t.Color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && !isDumb() && isTerminal(w)
}

// isDumb reports whether a terminal shows escape sequences as they are, as that of an editor.
func isDumb() bool { return os.Getenv("TERM") == "dumb" }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
