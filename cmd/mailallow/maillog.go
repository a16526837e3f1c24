package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const maillogText = `Reads logs of Sendmail and Postfix and tells which clients a DNSBL made this host
refuse, whose they are, and whether the list covers them; which lists answered with
an error; and which other hosts refuse this one for its address. Logs may be packed
with gzip, xz, zstd or bzip2; - is stdin. Without a FILE it reads stdin, or where
that is a terminal /var/log/maillog and /var/log/mail.log.

With a configuration its sources are resolved as diff does, and --snapshot FILE takes
them from there; without one, the networks of providers in this program are the
measure, and nothing is asked of the network. --events needs neither.

Exit 2 when a file could not be read; the others are told of all the same.`

// usualLogs are where the distributions have it: Red Hat and the BSDs, Debian.
var usualLogs = [...]string{"/var/log/maillog", "/var/log/mail.log"}

func maillogCommand(t *terminal.Terminal, c *cli.Context) error {
	logs, err := logsToRead(t, c.Args().Slice())
	if err != nil {
		return err
	}
	now := time.Now()
	options := maillog.Options{Now: now}
	if options.Since, err = parseSince(c.String("since"), now); err != nil {
		return err
	}
	if c.Bool("events") {
		return writeEvents(c.Context, t, logs, options)
	}
	s, err := config.Load(configFlags(c))
	if err != nil {
		return err
	}
	r := &request{settings: s, snapshot: c.String("snapshot"), now: now}
	if r.snapshot != "" {
		if err := r.check(); err != nil {
			return err
		}
	}
	var of *owners
	var wait sync.WaitGroup
	wait.Go(func() { of = r.owners(c.Context, t) })
	counts := newTally()
	unread := readLogs(c.Context, t, logs, options, func(e maillog.Event) error { counts.add(e); return nil })
	wait.Wait()
	if err := c.Context.Err(); err != nil {
		return err
	}
	listed := maxRows
	switch {
	case t.Verbose:
		listed = maxAddresses
	case t.JSON:
		listed = maxDocumented
	}
	report := counts.report(of, listed)
	report.Problems = append(report.Problems, of.problems...)
	for _, err := range unread {
		report.Problems = append(report.Problems, allowlist.Problem{Kind: "unread", Text: err.Error()})
	}
	if t.JSON {
		err = t.Document(report)
	} else {
		report.tell(t)
	}
	if err == nil && len(unread) > 0 {
		err = exit.With(exit.Usage, errors.Join(unread...))
	}
	return err
}

// logs are the files to read. A terminal, and nothing at all (as under cron), is no log.
func logsToRead(t *terminal.Terminal, named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	given := t.Stdin != nil
	if f, ok := t.Stdin.(*os.File); ok {
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
		return nil, exit.Usagef("no log: there is no %s; name a FILE, or give one on stdin (journalctl -u postfix | mailallow maillog)", strings.Join(usualLogs[:], " and no "))
	}
	return found, nil
}

// readLogs gives the events of all logs, and an error for each that could not be read
// to its end.
func readLogs(ctx context.Context, t *terminal.Terminal, logs []string, o maillog.Options, yield func(maillog.Event) error) (unread []error) {
	for _, name := range logs {
		t.Progress("reading %s", name)
		if err := readLog(ctx, t.Stdin, name, o, yield); err != nil {
			unread = append(unread, err)
		}
	}
	return unread
}

func readLog(ctx context.Context, stdin io.Reader, name string, o maillog.Options, yield func(maillog.Event) error) error {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, exit.Reason(err))
		}
		defer f.Close()
		in = f
	}
	log, err := maillog.Unpack(whileWanted{ctx, in})
	if err != nil {
		return fmt.Errorf("%s: %w", name, exit.Reason(err))
	}
	return maillog.Read(log, name, o, yield)
}

// whileWanted ends a reading when the run is ended.
type whileWanted struct {
	ctx context.Context
	io.Reader
}

func (r whileWanted) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = exit.Reason(err) // its name is told by who reads
	}
	return n, err
}

// writeEvents writes JSON Lines.
func writeEvents(ctx context.Context, t *terminal.Terminal, logs []string, o maillog.Options) error {
	out := bufio.NewWriterSize(t.Take(), 64<<10)
	var line []byte
	unread := readLogs(ctx, t, logs, o, func(e maillog.Event) error {
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
	if len(unread) > 0 {
		return exit.With(exit.Usage, errors.Join(unread...))
	}
	return nil
}

// parseSince reads a time as people give it: how long ago, or when.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range [...]string{time.DateOnly, time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, exit.Usagef("--since %q: how long ago (36h, 7d), or when (2026-11-01, 2026-11-01T22:00:00Z)", text)
}
