package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"mailallow/accessmap"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const dnsblText = `Asks DNS blocklists about each ADDRESS, or about the addresses of a host name;
without any, about those of [dnsbl] in the configuration. Every zone must first show,
through the same resolver, that it lists its test entry and not everything.

  listed   the list has it: what that means, why, where to ask for removal
  clean    the list does not have it
  error    the answer says nothing about the address: an error code
           (127.255.255.x), a resolver that rewrites, a zone without its test
           entries, a dead list
  unknown  no answer: SERVFAIL, REFUSED, a time-out

Exit 1 while anything is listed. What was found is kept in state_dir, where there is a
configuration; notify is run when a state changed. error and unknown change nothing:
a row stands as it did, until it has been without an answer for a day.

Public lists have terms of use (--verbose shows them): most are free for a few queries,
and answer neither public resolvers nor commercial use without an agreement.`

// dnsblConcurrency is enough to ask all at once what most hosts ask; the
// configuration's concurrency goes before it.
const dnsblConcurrency = 256

// dnsblRun is one run of the command.
type dnsblRun struct {
	settings *config.Settings
	zones    []dnsbl.Zone
	addrs    []netip.Addr
	results  []dnsbl.Result
	now      time.Time
	kept     *accessmap.KeptFile // nil: nothing is remembered
	state    *dnsblState
	changes  bool // print nothing else
	compared comparison
	problems []dnsblProblem
}

// dnsblProblem is what went wrong beside the rows, with its exit code; exit.Done is
// for what is only to be looked at.
type dnsblProblem struct {
	kind string // host, private, notify, state
	code int
	err  error
}

func (r *dnsblRun) problem(kind string, code int, err error) {
	if shown := dnsbl.HideKeys(err.Error()); shown != err.Error() { // a zone with its key, given in place of a host
		err = errors.New(shown)
	}
	r.problems = append(r.problems, dnsblProblem{kind, code, err})
}

func dnsblCommand(t *terminal.Terminal, c *cli.Context) error {
	s, err := config.Load(configFlags(c))
	if err != nil {
		return err
	}
	r := &dnsblRun{settings: s, now: time.Now(), changes: c.Bool("changes")}
	hosts, err := r.subjects(c.Args().Slice())
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if err := r.openZones(t, c.StringSlice("zone")); err != nil {
		return exit.With(exit.Usage, err)
	}
	if s.DNS.Concurrency == 0 {
		s.DNS.Concurrency = dnsblConcurrency
	}
	s.DNS.RequireAD = false // blocklists are not signed: each row would be unknown
	resolver, err := dnsq.New(s.DNS)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if err := r.remember(c.Context, t); err != nil {
		return err
	}
	defer r.forget()
	ctx, cancel := s.Within(c.Context)
	defer cancel()
	r.lookUp(ctx, t, resolver, hosts)
	r.warnPrivate(t)
	var lists []dnsbl.Resolver
	for _, one := range resolver.Apart() {
		lists = append(lists, one)
	}
	r.results = dnsbl.Check(ctx, lists, r.addrs, r.zones)
	if err := c.Context.Err(); err != nil {
		return fmt.Errorf("nothing was kept: %w", err)
	}
	return r.conclude(c.Context, t)
}

// subjects sorts the arguments, or what the configuration names, into addresses
// and host names.
func (r *dnsblRun) subjects(args []string) (hosts []string, err error) {
	if len(args) == 0 {
		r.addrs, hosts = slices.Clone(r.settings.DNSBL.Addresses), r.settings.DNSBL.Hosts
		if len(r.addrs)+len(hosts) == 0 {
			return nil, fmt.Errorf("no address to ask about: name one, or a host, or write [dnsbl] addresses or hosts into %s", r.settings.Path)
		}
		return hosts, nil
	}
	if len(args) > config.MaxDNSBLAddresses {
		return nil, fmt.Errorf("%d addresses and hosts: %d is the most", len(args), config.MaxDNSBLAddresses)
	}
	var problems []error
	for _, arg := range args {
		addr, notAddr := config.ParseOwnAddress(arg)
		switch {
		case notAddr == nil:
			r.add(addr)
		case strings.ContainsAny(arg, ":/%"):
			problems = append(problems, notAddr)
		case dnsbl.CheckHost(arg) != nil:
			problems = append(problems, fmt.Errorf("%s: %w", config.QuotedWord(arg), dnsbl.CheckHost(arg)))
		default:
			hosts = append(hosts, arg)
		}
	}
	return hosts, errors.Join(problems...)
}

// add takes an address up once.
func (r *dnsblRun) add(addr netip.Addr) {
	if addr = addr.Unmap(); !slices.Contains(r.addrs, addr) {
		r.addrs = append(r.addrs, addr)
	}
}

// openZones settles what is asked: the flags, else the configuration, else the
// standard zones.
func (r *dnsblRun) openZones(t *terminal.Terminal, flags []string) error {
	written := r.settings.DNSBL.Zones
	if len(flags) > 0 {
		written = flags
	}
	if len(written) == 0 {
		written = dnsbl.StandardZones()
		t.Detail("no zones are named: asking %s", strings.Join(written, ", "))
	}
	if len(written) > config.MaxDNSBLZones {
		return fmt.Errorf("%d zones: %d is the most", len(written), config.MaxDNSBLZones)
	}
	var key string
	var problems []error
	if slices.ContainsFunc(written, dnsbl.TakesKey) { // who cannot read it may ask the other lists
		var err error
		key, err = readKey(t, r.settings.DNSBL)
		problems = append(problems, err)
	}
	for _, w := range written {
		zone, err := dnsbl.ParseZone(w, key)
		problems = append(problems, err)
		twice := slices.ContainsFunc(r.zones, func(z dnsbl.Zone) bool { return z.Name() == zone.Name() })
		if err != nil || twice {
			continue
		}
		r.zones = append(r.zones, zone)
		if zone.Terms() != "" {
			t.Detail("%s (%s): %s", zone.Written, zone.Operator(), zone.Terms())
		}
	}
	return errors.Join(problems...)
}

// lookUp adds the addresses of hosts. One that has none, or of which DNS does not
// tell, is a problem: it goes unwatched.
func (r *dnsblRun) lookUp(ctx context.Context, t *terminal.Terminal, resolver *dnsq.Client, hosts []string) {
	type found struct {
		a, aaaa       []netip.Addr
		errA, errAAAA error
	}
	all := make([]found, len(hosts))
	var wait sync.WaitGroup
	for i, host := range hosts {
		wait.Go(func() { all[i].a, all[i].errA = resolver.A(ctx, host) })
		wait.Go(func() { all[i].aaaa, all[i].errAAAA = resolver.AAAA(ctx, host) })
	}
	wait.Wait()
	for i, f := range all {
		addrs := slices.Concat(f.a, f.aaaa)
		if err := errors.Join(f.errA, f.errAAAA); err != nil {
			r.problem("host", exit.Usage, fmt.Errorf("host %s: its addresses could not be looked up, and it goes unwatched: %w", hosts[i], err))
		} else if len(addrs) == 0 {
			r.problem("host", exit.Usage, fmt.Errorf("host %s: it has no address (A, AAAA)", hosts[i]))
		}
		for _, addr := range addrs {
			if len(r.addrs) >= config.MaxDNSBLAddresses {
				r.problem("host", exit.Usage, fmt.Errorf("host %s: more than %d addresses in all, the rest goes unwatched", hosts[i], config.MaxDNSBLAddresses))
				break
			}
			r.add(addr)
		}
		t.Detail("host %s has %v", dnsbl.HideKeys(hosts[i]), addrs)
	}
}

// warnPrivate tells of addresses that only this network sees, as a name server of
// one's own may give them for a host: no list can have them.
func (r *dnsblRun) warnPrivate(t *terminal.Terminal) {
	for _, addr := range r.addrs {
		if addr.IsPrivate() || addr.IsLinkLocalUnicast() {
			err := fmt.Errorf("%s is a private address, and no list has any: name the one that other networks see", addr)
			t.Warn("%v", err)
			r.problem("private", exit.Done, err)
		}
	}
}

// remember opens what is kept from run to run. Without a configuration nothing is,
// unless --changes asks for it. Who may not write there and only wants to look is
// served all the same; elsewhere it is a problem, and what is found is told first.
func (r *dnsblRun) remember(ctx context.Context, t *terminal.Terminal) error {
	if r.settings.Absent && !r.changes {
		return nil
	}
	kept, err := accessmap.Keep(ctx, r.settings.StateDir, dnsblStateFile)
	switch {
	case err == nil:
		r.kept = kept
	case errors.As(err, new(*accessmap.LockedError)):
		return exit.With(exit.Install, fmt.Errorf("%w\nnothing was asked", err))
	case errors.Is(err, fs.ErrPermission) && !r.changes:
		t.Note("%v: what is found now is not kept, and notify is not run", err)
	default:
		r.problem("state", exit.Usage, fmt.Errorf("%w: nothing was compared, told or kept", err))
	}
	return nil
}

func (r *dnsblRun) forget() {
	if r.kept != nil {
		r.kept.Close()
	}
}

// conclude holds the rows against the last run, tells what there is to tell, and
// keeps the rest.
func (r *dnsblRun) conclude(ctx context.Context, t *terminal.Terminal) error {
	r.compared = (&dnsblState{}).compare(r.results, r.now)
	if r.kept != nil {
		state, err := loadDNSBLState(r.kept)
		if err != nil {
			r.problem("state", exit.Usage, err)
		} else {
			r.state, r.compared = state, state.compare(r.results, r.now)
		}
	}
	if !t.JSON {
		r.tell(t)
	}
	if r.state != nil {
		told := r.notify(ctx, t)
		if err := r.kept.Write(r.state.after(r.compared, told, r.now)); err != nil {
			r.problem("state", exit.Usage, fmt.Errorf("what was found could not be kept, and the next run compares with an older one: %w", err))
		}
	}
	if t.JSON {
		if err := t.Document(r.document()); err != nil {
			return err
		}
	}
	return r.outcome()
}

// notify runs the configured command with the report of what changed since it was
// last told, and reports whether it knows all there is. One that fails is run
// again by the next run.
func (r *dnsblRun) notify(ctx context.Context, t *terminal.Terminal) (told bool) {
	if len(r.settings.DNSBL.Notify) == 0 || len(r.compared.untold) == 0 {
		return true
	}
	var report bytes.Buffer
	for _, line := range r.report(terminal.PipeWidth, r.compared.untold) {
		report.WriteString(terminal.Clean(line.text) + "\n")
	}
	report.WriteString(r.sum() + "\n")
	done := accessmap.RunCommand(ctx, r.settings.DNSBL.Notify, report.Bytes())
	if done.Err != nil {
		r.problem("notify", exit.Install, fmt.Errorf("notify: %w (it is run again by the next run)", done.Err))
		return false
	}
	t.Detail("ran %q", done.Argv)
	return true
}

// outcome is the exit code, and what went wrong beside the rows.
func (r *dnsblRun) outcome() error {
	var codes []int
	var errs []error
	for _, p := range r.problems {
		if p.code != exit.Done {
			codes, errs = append(codes, p.code), append(errs, p.err)
		}
	}
	if slices.ContainsFunc(r.results, func(res dnsbl.Result) bool { return res.State == dnsbl.Listed }) {
		codes = append(codes, exit.Finding)
	}
	ended := exit.Outcome(codes...)
	if len(errs) == 0 {
		return ended
	}
	return exit.With(exit.Code(ended), errors.Join(errs...))
}

const maxKeyBytes = 4096 // of the key file

// readKey reads the key file, if one is configured. No error shows its content.
func readKey(t *terminal.Terminal, s config.DNSBL) (string, error) {
	if s.KeyFile == "" {
		return "", nil
	}
	var key string
	var info fs.FileInfo
	text, err := bounded.File(s.KeyFile, maxKeyBytes)
	if err == nil {
		key, err = dnsbl.ParseKey(text)
	}
	if err == nil {
		info, err = os.Stat(s.KeyFile)
	}
	if err != nil {
		return "", fmt.Errorf("%s: key_file %s: %w", s.KeyPlace, s.KeyFile, exit.Reason(err))
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		t.Warn("%s: key_file %s has mode %04o, so that others can read or change the key: chmod 0600, or 0640", s.KeyPlace, s.KeyFile, mode)
	}
	return key, nil
}
