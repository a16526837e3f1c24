package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsq"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

// The one way through: config -> sources -> guard -> snapshot -> set -> plan.
// diff and update go it together and differ in what they do with the plan.

// request is what the command line asks of a run.
type request struct {
	settings *config.Settings
	snapshot string              // empty: fetch; embeddedSnapshot; else a file
	reviewed *allowlist.Snapshot // the one it names
	accept   []string            // names of sources
	started  time.Time
	now      time.Time // what ages are counted to
	// fetching is into a snapshot; unguarded is as it comes, for the guard of who uses the snapshot to judge.
	fetching, unguarded bool
}

// duration is how long the run has taken, in whole milliseconds.
func (r *request) duration() time.Duration { return time.Since(r.started).Round(time.Millisecond) }

// embeddedSnapshot is the word for the snapshot in the program.
const embeddedSnapshot = "embedded"

// lastGoodFile holds the last good state in the state directory.
const lastGoodFile = "snapshot.json"

// resolved is the list, and how each source came to it.
type resolved struct {
	sources  []sourceResult // in the order of the configuration
	set      *allowlist.Set
	lastGood *allowlist.Snapshot // what the state directory is to hold
	lost     bool                // the state directory holds nothing good
	unknown  []string            // sources without ranges, of which it holds nothing
	barred   string              // one of them that refuses or excludes
}

// sourceResult is a source with the guard's verdict on it.
type sourceResult struct {
	allowlist.Source
	allowlist.Verdict
}

// loadRequest reads the configuration for a command that cannot do without one.
// There is a request when the configuration could be read, though the command
// line did not fit it.
func loadRequest(t *terminal.Terminal, c *cli.Context) (*request, error) {
	s, err := config.Load(configFlags(c))
	if err != nil {
		return nil, err
	}
	if s.Absent {
		return nil, exit.With(exit.Usage, fmt.Errorf("there is no configuration %s: 'mailallow init' writes one to start from, -c FILE names another", s.Path))
	}
	t.Detail("configuration %s: %d sources, %d targets", s.Path, len(s.Sources), len(s.Targets))
	r := &request{settings: s, snapshot: c.String("snapshot"), accept: c.StringSlice("accept"), started: time.Now()}
	r.now = r.started
	return r, r.check()
}

// check holds the command line against the configuration.
func (r *request) check() error {
	var problems []error
	if len(r.settings.Sources) == 0 {
		problems = append(problems, fmt.Errorf("%s: there is no [[source]]: 'mailallow init' shows how one is written", r.settings.Path))
	}
	for _, name := range r.accept {
		var names []string
		for _, s := range r.settings.Sources {
			names = append(names, s.Name)
		}
		if !slices.Contains(names, name) {
			problems = append(problems, fmt.Errorf("--accept %q: no such source%s", name, exit.DidYouMean(name, names)))
		}
	}
	if r.snapshot != "" {
		problems = append(problems, r.openSnapshot())
	}
	if err := errors.Join(problems...); err != nil {
		return exit.With(exit.Usage, err)
	}
	return nil
}

// openSnapshot reads the snapshot. A source that is defined otherwise there was
// not what its reviewer saw.
func (r *request) openSnapshot() (err error) {
	if r.snapshot == embeddedSnapshot {
		r.reviewed, err = allowlist.EmbeddedSnapshot()
	} else {
		r.reviewed, err = loadSnapshot(r.snapshot)
	}
	if err != nil {
		return err
	}
	var problems []error
	for _, src := range r.settings.Sources {
		if there, found := r.reviewed.Find(src.Name); found && there.Definition != src.Definition() {
			problems = append(problems, fmt.Errorf("snapshot %s: source %q is defined otherwise there than in %s: make a new snapshot with 'mailallow fetch'", r.snapshot, src.Name, r.settings.Path))
		}
	}
	return errors.Join(problems...)
}

// needTargets is for the commands that write to targets: without any there is nothing to fetch for.
func (r *request) needTargets() error {
	if len(r.settings.Targets) > 0 {
		return nil
	}
	return exit.With(exit.Usage, fmt.Errorf("%s: there is no [[target]] to write to: add one, or take the comment signs off one that stands there", r.settings.Path))
}

func (r *request) lastGoodPath() string { return filepath.Join(r.settings.StateDir, lastGoodFile) }

// lastGood reads the last good state; nil when there is none, or none is to be looked at.
func (r *request) lastGood() (*allowlist.Snapshot, error) {
	if r.unguarded {
		return nil, nil
	}
	lastGood, err := loadSnapshot(r.lastGoodPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, exit.With(exit.Usage, fmt.Errorf("the last good state cannot be read: %w; nothing was changed; put the file right, or move it away to begin anew", err))
	}
	return lastGood, nil
}

// resolve goes from the sources to the set.
func (r *request) resolve(ctx context.Context, t *terminal.Terminal) (*resolved, error) {
	lastGood, err := r.lastGood()
	if err != nil {
		return nil, err
	}
	var fetched []allowlist.Fetched
	if r.snapshot != "" {
		fetched = r.fromSnapshot(ctx)
	} else if fetched, err = r.fetch(ctx, t, lastGood); err != nil {
		return nil, err
	}
	if why := context.Cause(ctx); why != nil {
		return nil, fmt.Errorf("nothing was changed: fetching the sources: %w", why)
	}
	out := &resolved{lost: lastGood == nil}
	var good []allowlist.Resolved
	for i, src := range r.settings.Sources {
		v := r.judge(src, lastGood, fetched[i])
		out.sources = append(out.sources, sourceResult{src, v})
		prev, known := lastGood.Find(src.Name)
		switch hasState := !v.Time.IsZero(); {
		case src.Inline():
		case hasState:
			good = append(good, v.Resolved)
		case known: // expired: not used, and still what the next fetch is held against
			good = append(good, prev)
		default:
			out.unknown = append(out.unknown, src.Name)
			if src.Action == allowlist.Reject || src.Action == allowlist.Exclude {
				out.barred = src.Name
			}
		}
	}
	out.set = allowlist.Merge(out.labelled())
	out.lastGood = allowlist.NewSnapshot(good)
	return out, nil
}

// labelled are the ranges of every source under its action.
func (l *resolved) labelled() (sources []allowlist.Labelled) {
	for _, s := range l.sources {
		sources = append(sources, allowlist.Labelled{Source: s.Source.Name, Action: s.Action, Ranges: s.Ranges})
	}
	return sources
}

func (r *request) judge(src allowlist.Source, lastGood *allowlist.Snapshot, fetched allowlist.Fetched) allowlist.Verdict {
	limits := src.Limits
	if src.Action == allowlist.Reject || src.Action == allowlist.Exclude {
		limits.Expire = 0 // what is kept out must not come in by getting old
	}
	guard := allowlist.Guard{
		Limits: limits, Static: src.Static(), Unbound: src.Inline() || r.unguarded,
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
func (r *request) fetch(ctx context.Context, t *terminal.Terminal, lastGood *allowlist.Snapshot) ([]allowlist.Fetched, error) {
	resolver, err := dnsq.New(r.settings.DNS)
	if err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	ctx, cancel := r.settings.Within(ctx)
	defer cancel()
	var done atomic.Int32
	f := allowlist.Fetcher{
		Resolver: resolver, SPF: r.settings.SPF, Web: &allowlist.Web{}, Last: lastGood, Now: r.now,
		Done: func(name string) {
			t.Progress("fetched %d of %d sources: %s", done.Add(1), len(r.settings.Sources), name)
		},
	}
	fetched := f.Fetch(ctx, r.settings.Sources)
	t.Detail("%d DNS queries", resolver.Queries())
	return fetched, nil
}

// fromSnapshot takes the sources from the snapshot. An inline list is always the
// configuration's own, and a file that the snapshot does not hold is read here.
func (r *request) fromSnapshot(ctx context.Context) []allowlist.Fetched {
	static := allowlist.Fetcher{Now: r.now}
	fetched := make([]allowlist.Fetched, len(r.settings.Sources))
	for i, src := range r.settings.Sources {
		there, found := r.reviewed.Find(src.Name)
		switch {
		case src.Inline() || !found && src.Static():
			fetched[i] = static.Fetch(ctx, r.settings.Sources[i:i+1])[0]
		case found:
			fetched[i].Resolved = there
			if r.snapshot == embeddedSnapshot {
				fetched[i].Problems = []allowlist.Problem{{Kind: "embedded",
					Text: "its ranges are those in the program, of " + there.Time.Format(time.DateOnly)}}
			}
		default:
			fetched[i].Resolved = allowlist.Resolved{Name: src.Name, Definition: src.Definition()}
			fetched[i].Err = fmt.Errorf("snapshot %s does not hold it", r.snapshot)
		}
	}
	return fetched
}

func loadSnapshot(path string) (*allowlist.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return allowlist.DecodeSnapshot(f, path)
}

// stateFiles is the last good state, when it differs from the one there. One that
// could not be read again is none.
func (r *request) stateFiles(list *resolved) ([]accessmap.StateFile, error) {
	encoded := list.lastGood.Encode()
	if err := list.lastGood.CheckSize(encoded); err != nil {
		return nil, exit.With(exit.Install, fmt.Errorf("%w\nnothing was changed", err))
	}
	if old, err := bounded.File(r.lastGoodPath(), allowlist.MaxSnapshotBytes); err == nil && bytes.Equal(old, encoded) {
		return nil, nil
	}
	return []accessmap.StateFile{{Path: r.lastGoodPath(), Bytes: encoded}}, nil
}

// refused is why a list is not written: without a source that takes addresses
// away it would let in what that source is there to keep out.
func (l *resolved) refused() error {
	err := fmt.Errorf("nothing is written: nothing is known of source %q, which takes addresses away", l.barred)
	code := exit.Stale
	if slices.Contains(l.codes(), exit.Held) {
		code = exit.Held
	}
	return exit.With(code, err)
}

// counts are how many sources have each status.
func (l *resolved) counts() map[allowlist.Status]int {
	counts := map[allowlist.Status]int{}
	for _, s := range l.sources {
		counts[s.Status]++
	}
	return counts
}

// codes are the exit codes that the sources call for.
func (l *resolved) codes() (codes []int) {
	for _, s := range l.sources {
		switch s.Status {
		case allowlist.Held:
			codes = append(codes, exit.Held)
		case allowlist.Stale, allowlist.Missing:
			codes = append(codes, exit.Stale)
		}
	}
	return codes
}

// close gives the terminal what the last record says besides how the run ended.
// list is nil where the sources were not resolved.
func (r *request) close(t *terminal.Terminal, list *resolved, attrs ...slog.Attr) {
	if list != nil {
		counts := list.counts()
		var sources []slog.Attr
		for _, status := range allowlist.Statuses() {
			sources = append(sources, slog.Int(string(status), counts[status]))
		}
		attrs = append(attrs, slog.GroupAttrs("sources", sources...))
	}
	t.Close(append(attrs, slog.Float64("duration_seconds", r.duration().Seconds()))...)
}
