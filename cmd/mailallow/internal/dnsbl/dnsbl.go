// Package dnsbl is the command that asks DNS blocklists about this host's own
// addresses, and keeps the answers from run to run. Package allowlist/dnsbl knows the
// meaning of an answer.
package dnsbl

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"mailallow/accessmap/program"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// concurrency is the number of questions at a time, unless the configuration limits it:
// most hosts ask no more in all.
const concurrency = 256

// Options are the flags and arguments of the command.
type Options struct {
	Config   config.Flags
	Zones    []string // in place of the configured ones; empty: those
	Changes  bool     // write only what changed since the last run
	Subjects []string // addresses and host names; empty: those of the configuration
}

// check is a run of the command.
type check struct {
	settings *config.Settings
	zones    []dnsbl.Zone
	addrs    []netip.Addr
	results  []dnsbl.Result
	now      time.Time
	kept     *state.Dir // nil: nothing is remembered
	state    *memory    // of the last run; nil: it could not be read, or nothing is remembered
	changes  bool       // write only the rows that changed
	compared comparison
	problems []allowlist.Problem // beside the rows: host, private, notify, state
	errs     []error             // those problems that are more than a warning
}

// fail notes a failure beside the rows, with its exit code.
func (c *check) fail(kind string, code int, err error) {
	text := dnsbl.HideKeys(err.Error()) // somebody gave a zone with its key for a host
	c.problems = append(c.problems, allowlist.Problem{Kind: kind, Text: text})
	c.errs = append(c.errs, exit.With(code, errors.New(text)))
}

// Run asks every zone about every address. It ends with exit.Finding while one is
// listed.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	s, err := config.Load(ctx, o.Config)
	if err != nil {
		return err
	}
	if o.Changes && s.Writable != nil { // notify runs as this user
		return exit.With(exit.Usage, s.Writable)
	}
	t.WarnOf(s.Writable)
	c := &check{settings: s, now: time.Now().UTC(), changes: o.Changes}
	if s.Writable != nil {
		c.problems = append(c.problems, allowlist.Problem{Kind: "writable", Text: s.Writable.Error()})
	}
	hosts, err := c.subjects(o.Subjects)
	if err != nil {
		return err
	}
	if err := c.openZones(t, o.Zones); err != nil {
		return err
	}
	questions := s.DNS
	questions.Concurrency = cmp.Or(questions.Concurrency, concurrency)
	questions.RequireAD = false // blocklists are not signed: each row would be unknown
	resolver, err := dnsq.New(questions)
	if err != nil {
		return err
	}
	if err := c.remember(ctx, t); err != nil {
		return err
	}
	if c.kept != nil {
		defer c.kept.Close()
	}
	bounded, cancel := s.Within(ctx)
	defer cancel()
	wait := t.WaitingFor("asking %s", terminal.Counted(uint64(len(c.zones)), "list", "lists"))
	c.lookUp(bounded, t, resolver, hosts)
	c.warnPrivate(t)
	var lists []dnsbl.Resolver
	for _, one := range resolver.Apart() {
		lists = append(lists, one)
	}
	c.results = dnsbl.Check(bounded, lists, c.addrs, c.zones)
	wait.End()
	if why := context.Cause(ctx); why != nil { // what has not answered may yet do it
		return fmt.Errorf("nothing was kept: %w", why)
	}
	for _, p := range run.ResolverProblems(resolver) {
		t.Warn("%s", p.Text)
		c.problems = append(c.problems, p)
	}
	err = c.conclude(ctx, t)
	c.measure(t, o, err)
	return err
}

// remember opens the file that a run keeps for the next. Without a configuration there is
// none, unless --changes asks for it, nor where others chose the directory for it. A user
// who may not write there gets the answers all the same, and with --changes a problem.
func (c *check) remember(ctx context.Context, t *terminal.Terminal) error {
	switch {
	case c.settings.Absent && !c.changes:
		return nil
	case c.settings.Writable != nil:
		const text = "nothing is written and notify is not run, because others can write to the configuration: a later run reports what has changed"
		t.Warn("%s", text)
		c.problems = append(c.problems, allowlist.Problem{Kind: "notify", Text: text})
		return nil
	}
	kept, err := state.Open(ctx, c.settings.StateDir, state.DNSBLLock, 0, state.DNSBLFile)
	switch {
	case err == nil:
		c.kept = kept
	case errors.As(err, new(*state.LockedError)):
		t.Close("nothing was asked")
		return exit.With(exit.Install, err)
	case errors.Is(err, fs.ErrPermission) && !c.changes:
		t.Note("%v: the results are not kept, and notify is not run", err)
	default:
		c.fail("state", exit.Usage, fmt.Errorf("%w: nothing was compared, reported or kept", err))
	}
	return nil
}

// conclude compares the rows with the last run, writes them, runs notify, and keeps
// the new state.
func (c *check) conclude(ctx context.Context, t *terminal.Terminal) error {
	c.compared = (&memory{}).compare(c.results, c.now)
	if c.kept != nil {
		last, err := loadState(c.kept.Path(state.DNSBLFile))
		if err != nil {
			c.fail("state", exit.Usage, err)
		} else {
			c.state, c.compared = last, last.compare(c.results, c.now)
		}
	}
	if !t.JSON {
		c.tell(t)
	}
	if c.state != nil {
		reported := c.notify(ctx, t)
		if err := c.kept.Write(state.DNSBLFile, c.state.after(c.compared, reported, c.now)); err != nil {
			c.fail("state", exit.Usage, fmt.Errorf("the results could not be kept, and the next run compares with older ones: %w", err))
		}
	}
	if t.JSON {
		if err := t.Document(c.document()); err != nil {
			return err
		}
	}
	return c.outcome()
}

// notify runs the configured command with a report of the changes since it last succeeded,
// and gives false if it failed: the next run reports them again.
func (c *check) notify(ctx context.Context, t *terminal.Terminal) (reported bool) {
	if len(c.settings.DNSBL.Notify) == 0 || len(c.compared.unreported) == 0 {
		return true
	}
	var report bytes.Buffer
	c.report(terminal.PipeWidth, c.compared.unreported, func(_ terminal.Style, text string) {
		report.WriteString(terminal.Clean(text) + "\n")
	})
	report.WriteString(c.sum() + "\n")
	done := program.Command(ctx, c.settings.DNSBL.Notify, report.Bytes())
	if done.Err != nil {
		c.fail("notify", exit.Install, fmt.Errorf("notify: %w", done.Err))
		t.Close("notify is run again by the next run")
		return false
	}
	t.Detail("ran %q", done.Argv)
	return true
}

// outcome is the error of the run: the failures, with the code that counts among theirs
// and that of a listing.
func (c *check) outcome() error {
	var codes []int
	for _, err := range c.errs {
		codes = append(codes, exit.Code(err))
	}
	if slices.ContainsFunc(c.results, func(res dnsbl.Result) bool { return res.State == dnsbl.Listed }) {
		codes = append(codes, exit.Finding)
	}
	return exit.Worst(errors.Join(c.errs...), codes...)
}
