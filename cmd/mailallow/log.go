package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"

	"mailallow/accessmap"
	"mailallow/allowlist"
)

// logForms are the forms of what is said on stderr: plain, which is no log, and
// the others, where a record is a line of its own, and what others chose to name
// stands there as escapes where it is no text.
func logForms() map[string]func(stderr io.Writer) *slog.Logger {
	return map[string]func(io.Writer) *slog.Logger{
		"plain": func(io.Writer) *slog.Logger { return nil },
		"text":  func(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(cleanWriter{w}, logOptions(w))) },
		"json":  func(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(asciiWriter{w}, logOptions(w))) },
	}
}

// asciiWriter escapes what JSON would leave as it is: marks that turn the writing
// direction, above all.
type asciiWriter struct{ io.Writer }

func (w asciiWriter) Write(record []byte) (int, error) {
	if _, err := w.Writer.Write(accessmap.InASCII(record)); err != nil {
		return 0, err
	}
	return len(record), nil
}

// cleanWriter escapes what slog's text leaves as it is: characters that show nothing.
type cleanWriter struct{ io.Writer }

func (w cleanWriter) Write(record []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, clean(string(record))); err != nil {
		return 0, err
	}
	return len(record), nil
}

// logOptions let every record through, since the terminal decides what is said.
// In the journal there is no time in it: the journal has its own.
func logOptions(w io.Writer) *slog.HandlerOptions {
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	if inJournal(w) {
		options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{}
			}
			return a
		}
	}
	return options
}

// inJournal tells whether w is the stream to the journal that $JOURNAL_STREAM
// names as DEVICE:INODE (systemd.exec(5)); the variable alone is inherited by
// those that write elsewhere.
func inJournal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// close gives the terminal what the last record says besides how the run ended.
// list is nil where the sources were not resolved.
func (r *request) close(t *terminal, list *resolved, attrs ...slog.Attr) {
	if list != nil {
		counts := list.counts()
		var sources []slog.Attr
		for _, status := range allowlist.Statuses() {
			sources = append(sources, slog.Int(string(status), counts[status]))
		}
		attrs = append(attrs, slog.GroupAttrs("sources", sources...))
	}
	t.closing = append(attrs, slog.Float64("duration_seconds", r.duration().Seconds()))
}
