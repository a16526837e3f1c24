// Package refusals reads logs of mail servers for the commands, and counts the clients in them that a DNSBL made this host
// refuse, in bounded memory. It knows no list and no provider: the commands join the clients with those. Package
// accessmap/maillog reads the lines.
package refusals

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// usualLogs are the logs of the distributions: Red Hat and the BSDs, Debian.
var usualLogs = [...]string{"/var/log/maillog", "/var/log/mail.log"}

// nameLog is what to do without a log of a mail server. On Debian the lines of Postfix are those of the unit postfix@-, and
// postfix.service has none of them. Without short-iso, the months are written in the language of the host.
const nameLog = "name the log of the mail server (journalctl -o short-iso -u 'postfix*' | mailallow maillog)"

// Logs are the named files, else stdin, unless that is a terminal or there is
// none, else the usual files.
func Logs(named []string, stdin io.Reader) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	given := stdin != nil
	if f, ok := stdin.(*os.File); ok {
		info, err := f.Stat()
		given = err == nil && info.Mode()&fs.ModeCharDevice == 0
	}
	if given {
		return []string{"-"}, nil
	}
	found := files(usualLogs[:])
	if len(found) == 0 {
		return nil, fault.Hint("", nameLog, "no log: there is no %s", strings.Join(usualLogs[:], " and no "))
	}
	return found, nil
}

// files gives those of the paths at which there is a file, each file once: one may be a link to another.
func files(paths []string) (found []string) {
	var seen []fs.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && !slices.ContainsFunc(seen, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
			found, seen = append(found, path), append(seen, info)
		}
	}
	return found
}

// NotTwice is the usage error of a log and a snapshot that are both to come from stdin, else nil.
func NotTwice(logs []string, snapshot string) error {
	if snapshot == "-" && slices.Contains(logs, "-") {
		return exit.Usagef("a log and --snapshot -: stdin is one of them")
	}
	return nil
}

// Reading is what came of reading all logs.
type Reading struct {
	// OfMTA: a line of one was of Sendmail or Postfix. Without one, that nobody was refused means nothing.
	OfMTA bool

	unread []error  // a log that could not be read to its end
	other  []string // logs with lines, of which none was of Sendmail or Postfix
	empty  []string
}

// Problems are what was wrong with logs, of the kinds unread and other-log.
func (r *Reading) Problems() (problems []allowlist.Problem) {
	for _, failed := range []struct {
		kind string
		errs []error
	}{{"unread", r.unread}, {"other-log", r.others()}} {
		for _, err := range failed.errs {
			problems = append(problems, allowlist.Problem{Kind: failed.kind, Text: err.Error()})
		}
	}
	return problems
}

// others are errors for logs that are none of Sendmail or Postfix. An empty one is none only if there is no other: its lines
// may have been rotated away.
func (r *Reading) others() (errs []error) {
	names, is := r.other, "no line of Sendmail or Postfix in it"
	if !r.OfMTA && len(r.other) == 0 && len(r.unread) == 0 {
		names, is = r.empty, "it is empty"
	}
	for _, name := range names {
		errs = append(errs, fault.Hint("", nameLog, "%s: %s, so it does not say who was refused", name, is))
	}
	return errs
}

// Err is the error of logs that could not be read, or are none of Sendmail or Postfix; nil: all could, and are.
func (r *Reading) Err() error {
	return errors.Join(errors.Join(r.unread...), errors.Join(r.others()...))
}

// Read gives the events of all logs; - is stdin.
func Read(ctx context.Context, t *terminal.Terminal, logs []string, o maillog.Options, yield func(maillog.Event) error) *Reading {
	r := &Reading{}
	for _, name := range logs {
		wait := t.WaitingFor("reading %s", name)
		log := &sized{}
		ofMTA, err := readLog(ctx, t.Stdin, name, log, o, yield)
		wait.End()
		r.OfMTA = r.OfMTA || ofMTA
		switch {
		case err != nil:
			r.unread = append(r.unread, err)
		case log.size == 0:
			r.empty = append(r.empty, name)
		case !ofMTA:
			r.other = append(r.other, name)
		}
	}
	return r
}

func readLog(ctx context.Context, stdin io.Reader, name string, log *sized, o maillog.Options, yield func(maillog.Event) error) (ofMTA bool, err error) {
	in := &interruptible{ctx: ctx, Reader: stdin}
	if name != "-" {
		var f *os.File
		err := bounded.Until(ctx, func() (err error) {
			f, err = os.Open(name)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, exit.Reason(err))
		}
		defer f.Close()
		in.Reader = f
	}
	if log.Reader, err = maillog.Unpack(in); err != nil {
		return false, fmt.Errorf("%s: %w", name, exit.Reason(err))
	}
	return maillog.Read(log, name, o, yield)
}

// sized is a reader that counts what it gave.
type sized struct {
	io.Reader
	size int64
}

func (r *sized) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.size += int64(n)
	return n, err
}

// interruptible is a reader that ends with ctx.
type interruptible struct {
	ctx context.Context
	io.Reader
	buffer []byte // see wait
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.wait(p)
	return n, exit.Reason(err) // readLog names the file
}

// wait reads from what may have nothing for hours, a pipe or a terminal, until ctx ends. That read may end later, so that it does
// not read into p; it is the last one.
func (r *interruptible) wait(p []byte) (int, error) {
	f, ok := r.Reader.(*os.File)
	if !ok {
		return r.Reader.Read(p)
	}
	if info, err := f.Stat(); err != nil || info.Mode().IsRegular() {
		return f.Read(p)
	}
	var n int
	var err error
	if len(r.buffer) < len(p) {
		r.buffer = make([]byte, len(p))
	}
	buffer, done := r.buffer[:len(p)], make(chan struct{})
	go func() {
		n, err = f.Read(buffer)
		close(done)
	}()
	select {
	case <-done:
		return copy(p, buffer[:n]), err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}
