package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"

	"github.com/urfave/cli/v2"
)

// The one way through: config -> sources -> guard -> snapshot -> set -> plan.
// diff and update go it together and differ in what they do with the plan.

// request is what the command line asks of a run.
type request struct {
	*settings
	snapshot string   // empty: fetch; embeddedSnapshot; else a file
	accept   []string // names of sources
	now      time.Time
}

// embeddedSnapshot is the word for the snapshot in the program.
const embeddedSnapshot = "embedded"

// lastGoodFile holds the last good state in the state directory.
const lastGoodFile = "snapshot.json"

// resolved is the list, and how each source came to it.
type resolved struct {
	sources  []sourceResult // in the order of the configuration
	set      *allowlist.Set
	lastGood *allowlist.Snapshot // what the state directory is to hold
	firstRun bool                // the state directory holds none yet
}

// sourceResult is a source with the guard's verdict on it.
type sourceResult struct {
	allowlist.Source
	allowlist.Verdict
}

// loadSettings reads the configuration that the command line names; the default
// one may be absent.
func loadSettings(c *cli.Context) (*settings, error) {
	root, path := c.String("root"), c.String("config")
	named := path != ""
	if !named {
		path = filepath.Join(root, defaultConfig)
	}
	file, err := readConfig(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		file, err = &configFile{path: path}, nil
		file.absent = true
	}
	if err != nil {
		return nil, coded{exitUsage, err}
	}
	s, err := file.settings(root)
	if err != nil {
		return nil, coded{exitUsage, err}
	}
	if resolvers := c.StringSlice("resolver"); len(resolvers) > 0 {
		s.dns.Resolvers = resolvers
	}
	return s, nil
}

// loadRequest reads the configuration for a command that cannot do without one.
func loadRequest(t *terminal, c *cli.Context) (*request, error) {
	s, err := loadSettings(c)
	if err != nil {
		return nil, err
	}
	if s.absent {
		return nil, coded{exitUsage, fmt.Errorf("there is no configuration %s: 'mailallow init' writes one to start from, -c FILE names another", s.path)}
	}
	t.detail("configuration %s: %d sources, %d targets", s.path, len(s.sources), len(s.targets))
	r := &request{settings: s, snapshot: c.String("snapshot"), accept: c.StringSlice("accept"), now: time.Now()}
	return r, r.check()
}

// check holds the command line against the configuration.
func (r *request) check() error {
	var problems []error
	if len(r.sources) == 0 {
		problems = append(problems, fmt.Errorf("%s: there is no [[source]]: 'mailallow init' shows how one is written", r.path))
	}
	for _, name := range r.accept {
		var names []string
		for _, s := range r.sources {
			names = append(names, s.Name)
		}
		if !slices.Contains(names, name) {
			problems = append(problems, fmt.Errorf("--accept %q: no such source%s", name, didYouMean(name, names)))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return coded{exitUsage, err}
	}
	return nil
}

// needTargets is for the commands that write to targets: without any there is nothing to fetch for.
func (r *request) needTargets() error {
	if len(r.targets) > 0 {
		return nil
	}
	return coded{exitUsage, fmt.Errorf("%s: there is no [[target]] to write to: 'mailallow init' shows how one is written", r.path)}
}

func (r *request) lastGoodPath() string { return filepath.Join(r.stateDir, lastGoodFile) }

// resolve goes from the sources to the set.
func (r *request) resolve(ctx context.Context, t *terminal) (*resolved, error) {
	lastGood, err := loadSnapshot(r.lastGoodPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, coded{exitUsage, fmt.Errorf("the last good state cannot be read: %w; nothing was changed; put the file right, or move it away to begin anew", err)}
	}
	var fetched []allowlist.Fetched
	if r.snapshot == "" {
		fetched, err = r.fetch(ctx, t, lastGood)
	} else {
		fetched, err = r.fromSnapshot(ctx, t)
	}
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("nothing was changed: %w", err)
	}
	out := &resolved{firstRun: lastGood == nil}
	var labelled []allowlist.Labelled
	var good []allowlist.Resolved
	for i, src := range r.sources {
		v := r.judge(src, lastGood, fetched[i])
		out.sources = append(out.sources, sourceResult{src, v})
		labelled = append(labelled, allowlist.Labelled{Source: src.Name, Action: src.Action, Ranges: v.Ranges})
		if len(v.Ranges) > 0 && src.CIDR == nil {
			good = append(good, v.Resolved)
		}
	}
	out.set = allowlist.Merge(labelled)
	out.lastGood = allowlist.NewSnapshot(good)
	return out, nil
}

func (r *request) judge(src allowlist.Source, lastGood *allowlist.Snapshot, fetched allowlist.Fetched) allowlist.Verdict {
	guard := allowlist.Guard{
		Limits: src.Limits, Static: src.Static(), Unbound: src.CIDR != nil,
		Accepted: slices.Contains(r.accept, src.Name), Now: r.now,
	}
	var prev *allowlist.Resolved
	if last, ok := lastGood.Find(src.Name); ok {
		prev = &last
	}
	v := guard.Check(prev, fetched)
	if shared, ok := src.OnSharedHosts(); ok && src.Action == allowlist.Relay {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "shared-relay", Text: fmt.Sprintf(
			"RELAY on %s: its hosts send for all its customers, and each of them may now relay through this server; OK lets their mail in without that", shared.Title)})
	}
	return v
}

// fetch resolves the sources over the network and from disk. What is not there
// by the deadline is not waited for: those sources are stale.
func (r *request) fetch(ctx context.Context, t *terminal, lastGood *allowlist.Snapshot) ([]allowlist.Fetched, error) {
	resolver, err := dnsq.New(r.dns)
	if err != nil {
		return nil, coded{exitUsage, err}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.deadline, fmt.Errorf("not done within deadline = %s", r.deadline))
	defer cancel()
	var done atomic.Int32
	f := allowlist.Fetcher{
		Resolver: resolver, SPF: r.spf, Web: &allowlist.Web{}, Last: lastGood, Now: r.now,
		Done: func(name string) {
			t.progress("fetched %d of %d sources: %s", done.Add(1), len(r.sources), name)
		},
	}
	fetched := f.Fetch(ctx, r.sources)
	t.detail("%d DNS queries", resolver.Queries())
	return fetched, nil
}

// fromSnapshot takes the sources from a snapshot. An inline list is always the
// configuration's own, and a file that the snapshot does not hold is read here.
// A source that is defined otherwise there was not what its reviewer saw.
func (r *request) fromSnapshot(ctx context.Context, t *terminal) ([]allowlist.Fetched, error) {
	snapshot, err := r.openSnapshot(t)
	if err != nil {
		return nil, coded{exitUsage, err}
	}
	static := allowlist.Fetcher{Now: r.now}
	fetched := make([]allowlist.Fetched, len(r.sources))
	var problems []error
	for i, src := range r.sources {
		there, found := snapshot.Find(src.Name)
		switch {
		case found && there.Definition != src.Definition():
			problems = append(problems, fmt.Errorf("snapshot %s: source %q is defined otherwise there than in %s: make a new snapshot with 'mailallow fetch'", r.snapshot, src.Name, r.path))
		case src.CIDR != nil || !found && src.Static():
			fetched[i] = static.Fetch(ctx, r.sources[i:i+1])[0]
		case found:
			fetched[i].Resolved = there
		default:
			fetched[i].Resolved = allowlist.Resolved{Name: src.Name, Definition: src.Definition()}
			fetched[i].Err = fmt.Errorf("snapshot %s does not hold it", r.snapshot)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, coded{exitUsage, err}
	}
	return fetched, nil
}

func (r *request) openSnapshot(t *terminal) (*allowlist.Snapshot, error) {
	if r.snapshot != embeddedSnapshot {
		return loadSnapshot(r.snapshot)
	}
	snapshot, err := allowlist.EmbeddedSnapshot()
	if err != nil {
		return nil, err
	}
	for _, s := range snapshot.Sources {
		if slices.ContainsFunc(r.sources, func(src allowlist.Source) bool { return src.Name == s.Name }) {
			t.note("%s: the embedded ranges are of %s", s.Name, s.Time.Format(time.DateOnly))
		}
	}
	return snapshot, nil
}

func loadSnapshot(path string) (*allowlist.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return allowlist.DecodeSnapshot(f, path)
}

// plan works out the targets.
func (r *request) plan(ctx context.Context, list *resolved) ([]accessmap.TargetPlan, error) {
	missing := func(s sourceResult) bool { return s.Status != allowlist.Fresh }
	planner := accessmap.Planner{StateDir: r.stateDir, Unknown: list.firstRun && slices.ContainsFunc(list.sources, missing)}
	plans, err := planner.Plan(ctx, r.targets, list.set)
	if err != nil {
		err = coded{exitInstall, fmt.Errorf("%w\nnothing was changed", err)}
	}
	return plans, err
}

// install brings the targets to what the plans say, and the last good state with
// them. A file that somebody edited meanwhile is planned again.
func (r *request) install(ctx context.Context, list *resolved, plans []accessmap.TargetPlan) ([]accessmap.TargetPlan, accessmap.Report, error) {
	const tries = 3
	for try := 1; ; try++ {
		var jobs []accessmap.Job
		for _, p := range plans {
			if p.New != nil {
				jobs = append(jobs, p.Job())
			}
		}
		report, err := accessmap.Install(ctx, r.stateDir, jobs, r.stateFiles(list))
		if !errors.Is(err, accessmap.ErrChanged) || try == tries {
			if err != nil {
				err = coded{exitInstall, err}
			}
			return plans, report, err
		}
		if plans, err = r.plan(ctx, list); err != nil {
			return plans, report, err
		}
	}
}

// stateFiles is the last good state, when it differs from the one there.
func (r *request) stateFiles(list *resolved) []accessmap.StateFile {
	encoded := list.lastGood.Encode()
	if old, err := os.ReadFile(r.lastGoodPath()); err == nil && bytes.Equal(old, encoded) {
		return nil
	}
	return []accessmap.StateFile{{Path: r.lastGoodPath(), Bytes: encoded}}
}

// codes are the exit codes that the sources call for.
func (l *resolved) codes() (codes []int) {
	for _, s := range l.sources {
		switch s.Status {
		case allowlist.Held:
			codes = append(codes, exitHeld)
		case allowlist.Stale, allowlist.Missing:
			codes = append(codes, exitStale)
		}
	}
	return codes
}
