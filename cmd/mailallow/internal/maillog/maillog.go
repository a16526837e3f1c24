// Package maillog is the command that reads logs of Sendmail and Postfix and counts the
// clients that this host refused because of a DNSBL, with their providers, and the hosts
// that refuse this one. It changes nothing. Package accessmap/maillog reads the lines.
package maillog

import (
	"bufio"
	"cmp"
	"context"
	"sync"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

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
	logs, err := refusals.Logs(o.Logs, t.Stdin)
	if err != nil {
		return err
	}
	if err := refusals.NotTwice(logs, o.Run.Snapshot); err != nil {
		return err
	}
	reading := maillog.Options{Now: time.Now()}
	if reading.Since, err = parseSince(o.Since, reading.Now); err != nil {
		return err
	}
	switch {
	case o.Events && o.Unused:
		return exit.Usagef("--events and --unused: only one of them")
	case o.Events && o.Run.Snapshot+o.Run.Signature != "":
		return exit.Usagef("--events looks at no list: leave out --snapshot and --signature")
	case o.Events:
		return writeEvents(ctx, t, logs, reading)
	}
	s, err := config.Load(ctx, o.Run.Config)
	if err != nil {
		return err
	}
	request, err := requestOf(s, o)
	if err != nil {
		return err
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
	read := refusals.Read(ctx, t, logs, reading, func(e maillog.Event) error {
		counts.add(e)
		seen.add(e)
		return nil
	})
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	report := counts.report(of, listed(t))
	report.flags = o.Run.Config.Typed()
	report.Problems = append(report.Problems, of.problems...)
	report.Problems = append(report.Problems, read.Problems()...)
	report.Unused = seen.report()
	return cmp.Or(report.show(t, read.OfMTA), read.Err())
}

// requestOf makes the request for the list to compare with; nil: there is none.
func requestOf(s *config.Settings, o Options) (*run.Request, error) {
	switch {
	case s.Absent && o.Run.Snapshot+o.Run.Signature != "":
		return nil, exit.Usagef("--snapshot: there is no configuration %s whose sources it could hold", s.Path)
	case len(s.Sources) > 0 || o.Run.Snapshot+o.Run.Signature != "":
		return run.New(s, o.Run)
	case o.Unused:
		return nil, exit.Usagef("--unused tells of sources, and there are none: -c FILE names a configuration")
	}
	return nil, nil
}

// show writes the document, or for people what was asked for; ofMTA: a log was one of a mail server.
func (r *summary) show(t *terminal.Terminal, ofMTA bool) error {
	switch {
	case t.JSON:
		return t.Document(r)
	case !ofMTA:
	case r.Unused != nil:
		r.Unused.tell(t)
	default:
		r.tell(t)
	}
	return nil
}

// listed is how many clients are listed.
func listed(t *terminal.Terminal) int {
	switch {
	case t.Verbose:
		return refusals.MaxAddresses
	case t.JSON:
		return maxDocumented
	}
	return maxRows
}

// writeEvents writes JSON Lines, in place of a document.
func writeEvents(ctx context.Context, t *terminal.Terminal, logs []string, o maillog.Options) error {
	out := bufio.NewWriterSize(t.Take(), 64<<10)
	o.Waits = out.Flush // who follows a log has its events at once
	var line []byte
	read := refusals.Read(ctx, t, logs, o, func(e maillog.Event) error {
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
	return read.Err()
}

// parseSince reads a duration before now, or a time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := config.ParseTime(text, now)
	if err != nil {
		return time.Time{}, exit.Usagef("--since %w", err)
	}
	return at, nil
}
