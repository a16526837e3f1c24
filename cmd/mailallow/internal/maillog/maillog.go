// Package maillog is the command that reads logs of Sendmail and Postfix and counts the
// clients that this host refused because of a DNSBL, with their providers, and the hosts
// that refuse this one. It changes nothing. Package accessmap/maillog reads the lines.
package maillog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// usualLogs are the logs of the distributions: Red Hat and the BSDs, Debian.
var usualLogs = [...]string{"/var/log/maillog", "/var/log/mail.log"}

// Options are the flags and arguments of the command.
type Options struct {
	Run    run.Options
	Events bool     // write every event as a line of JSON, and no summary
	Unused bool     // tell the sources of which no address is in the logs, in place of the summary
	Since  string   // begin the summary so long ago (36h, 7d) or then (2026-11-01); empty: with the logs
	Logs   []string // files; "-" is stdin
}

// Run writes the summary, or the events. It ends with exit.Usage if it could not read a
// log; it reads the others all the same.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	logs, err := logsToRead(o.Logs, t.Stdin)
	if err != nil {
		return err
	}
	reading := maillog.Options{Now: time.Now()}
	if reading.Since, err = parseSince(o.Since, reading.Now); err != nil {
		return err
	}
	switch {
	case o.Events && o.Unused:
		return exit.Usagef("--events and --unused: only one of them")
	case o.Events:
		return writeEvents(ctx, t, logs, reading)
	}
	s, err := config.Load(o.Run.Config)
	if err != nil {
		return err
	}
	var request *run.Request // nil: there is no list to compare with
	if !s.Absent && len(s.Sources) > 0 || o.Run.Snapshot != "" {
		if request, err = run.New(s, o.Run); err != nil {
			return err
		}
	}
	if request == nil && o.Unused {
		return exit.Usagef("--unused tells of sources, and there are none: -c FILE names a configuration")
	}
	var of *owners
	var wait sync.WaitGroup
	wait.Go(func() { of = findOwners(ctx, t, s, request, request == nil || request.Fetches()) })
	counts := newTally()
	reading.Domains, reading.Clients = true, o.Unused
	var seen *usage
	if o.Unused {
		wait.Wait()
		if seen, err = newUsage(of.list); err != nil {
			return err
		}
	}
	read := readLogs(ctx, t, logs, reading, func(e maillog.Event) error {
		counts.add(e)
		seen.add(e)
		return nil
	})
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	listed := maxRows
	if t.Verbose {
		listed = maxAddresses
	} else if t.JSON {
		listed = maxDocumented
	}
	report := counts.report(of, listed)
	report.Problems = append(report.Problems, of.problems...)
	for _, failed := range []failures{{"unread", read.unread}, {"other-log", read.others()}} {
		for _, err := range failed.errs {
			report.Problems = append(report.Problems, allowlist.Problem{Kind: failed.kind, Text: err.Error()})
		}
	}
	report.Unused = seen.report()
	switch {
	case t.JSON:
		err = t.Document(report)
	case !read.ofMTA:
	case o.Unused:
		report.Unused.tell(t)
	default:
		report.tell(t)
	}
	if err == nil {
		err = read.err()
	}
	return err
}

// failures are the errors of logs, of a kind of problem.
type failures struct {
	kind string
	errs []error
}

// logsToRead are the named files, else stdin, unless that is a terminal or there is
// none, else the usual files.
func logsToRead(named []string, stdin io.Reader) ([]string, error) {
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
	var found []string
	for _, path := range usualLogs {
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return nil, fault.Hint("", "name a FILE, or give one on stdin (journalctl -u postfix | mailallow maillog)",
			"no log: there is no %s", strings.Join(usualLogs[:], " and no "))
	}
	return found, nil
}

// readings is what came of reading all logs.
type readings struct {
	unread []error  // a log that could not be read to its end
	ofMTA  bool     // a line of one was of Sendmail or Postfix
	other  []string // logs with lines, of which none was
	empty  []string
}

// others are errors for logs that are none of Sendmail or Postfix. An empty one is none only if there is no other: its lines
// may have been rotated away.
func (r *readings) others() (errs []error) {
	for _, name := range r.other {
		errs = append(errs, fault.Hint("", "name the log of the mail server (journalctl -u postfix | mailallow maillog)",
			"%s: no line of Sendmail or Postfix in it, so it does not say who was refused", name))
	}
	if !r.ofMTA && len(r.other) == 0 && len(r.unread) == 0 {
		for _, name := range r.empty {
			errs = append(errs, fmt.Errorf("%s: it is empty, so it does not say who was refused", name))
		}
	}
	return errs
}

func (r *readings) err() error {
	return errors.Join(errors.Join(r.unread...), errors.Join(r.others()...))
}

// readLogs gives the events of all logs.
func readLogs(ctx context.Context, t *terminal.Terminal, logs []string, o maillog.Options, yield func(maillog.Event) error) *readings {
	r := &readings{}
	for _, name := range logs {
		t.Progress("reading %s", name)
		in := &interruptible{ctx: ctx}
		ofMTA, err := readLog(in, t.Stdin, name, o, yield)
		r.ofMTA = r.ofMTA || ofMTA
		switch {
		case err != nil:
			r.unread = append(r.unread, err)
		case in.size == 0:
			r.empty = append(r.empty, name)
		case !ofMTA:
			r.other = append(r.other, name)
		}
	}
	return r
}

func readLog(in *interruptible, stdin io.Reader, name string, o maillog.Options, yield func(maillog.Event) error) (ofMTA bool, err error) {
	in.Reader = stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, exit.Reason(err))
		}
		defer f.Close()
		in.Reader = f
	}
	log, err := maillog.Unpack(in)
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, exit.Reason(err))
	}
	return maillog.Read(log, name, o, yield)
}

// interruptible is a reader that ends with ctx.
type interruptible struct {
	ctx context.Context
	io.Reader
	size int64 // read so far
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(p)
	r.size += int64(n)
	return n, exit.Reason(err) // readLog names the file
}

// writeEvents writes JSON Lines, in place of a document.
func writeEvents(ctx context.Context, t *terminal.Terminal, logs []string, o maillog.Options) error {
	out := bufio.NewWriterSize(t.Take(), 64<<10)
	var line []byte
	read := readLogs(ctx, t, logs, o, func(e maillog.Event) error {
		line = append(e.AppendJSON(line[:0]), '\n')
		_, err := out.Write(line)
		return err
	})
	if err := out.Flush(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return read.err()
}

// parseSince reads a duration before now, or a time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := run.ParseTime(text, now)
	if err != nil {
		return time.Time{}, exit.Usagef("--since %w", err)
	}
	return at, nil
}
