package terminal

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"syscall"

	"mailallow/allowlist/ascii"
)

// LogForms gives the forms of the messages on stderr: plain text, or a log with a record
// a line.
func LogForms() []string { return slices.Sorted(maps.Keys(logForms())) }

func logForms() map[string]func(stderr io.Writer) *slog.Logger {
	return map[string]func(io.Writer) *slog.Logger{
		"plain": func(io.Writer) *slog.Logger { return nil },
		"text": func(w io.Writer) *slog.Logger {
			return slog.New(slog.NewTextHandler(escaped{w, cleaned}, logOptions(w)))
		},
		"json": func(w io.Writer) *slog.Logger {
			return slog.New(slog.NewJSONHandler(escaped{w, ascii.EscapeJSON}, logOptions(w)))
		},
	}
}

// escaped is a writer of records that escapes the characters that slog keeps although they
// show nothing, or turn the writing direction.
type escaped struct {
	io.Writer
	escape func([]byte) []byte
}

func (w escaped) Write(record []byte) (int, error) {
	if _, err := w.Writer.Write(w.escape(record)); err != nil {
		return 0, err
	}
	return len(record), nil
}

func cleaned(record []byte) []byte { return []byte(Clean(string(record))) }

// logOptions let every record through: Topic decides which messages are written.
// Records have their time in UTC, as the history and JSON have; those for the journal none, as it has its own.
func logOptions(w io.Writer) *slog.HandlerOptions {
	journal := inJournal(w)
	return &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case a.Key != slog.TimeKey || len(groups) > 0:
			return a
		case journal:
			return slog.Attr{}
		}
		return slog.Time(a.Key, a.Value.Time().UTC())
	}}
}

// inJournal reports whether w is the stream to the journal that $JOURNAL_STREAM names as
// DEVICE:INODE (systemd.exec(5)). The variable alone does not say so: programs inherit it
// whose stderr is another file.
func inJournal(w io.Writer) bool {
	var stat syscall.Stat_t
	f, ok := w.(*os.File)
	if !ok || syscall.Fstat(int(f.Fd()), &stat) != nil {
		return false
	}
	return os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
