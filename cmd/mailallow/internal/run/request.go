// Package run makes the plan from the configuration: sources, guard, snapshot, set, plan.
// A Request says what is wanted, and each step is a function that returns a value: what is
// known beforehand, what was fetched, the judgement on each source, the List, and the
// Result with the plans. The package also has the JSON documents that several commands
// share. It changes no file: update installs the plan, diff shows it, fetch writes the
// snapshot.
package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailallow/accessmap/state"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags that concern a run, and what its command wants of it.
type Options struct {
	Config    config.Flags
	Snapshot  string   // a name of carrier.Carrier; empty: that of the configuration, else fetch the sources
	Signature string   // the file of its signature, if that is not beside it
	Since     string   // a snapshot in place of the last good state; empty: that of the state directory
	Reason    string   // why, for the history
	Accept    []string // NAME or NAME@DIGEST of sources whose held change is accepted
	NoGuard   bool     // read no last good state and hold nothing: the host that installs the snapshot judges it

	// What nobody types: each command sets its own.

	// Rollback: the run takes its list from the history, as it stood after this entry or at this time; empty: before the last
	// update that changed it.
	Rollback *string
	// Installed: the list is the last good state, with the lists of the configuration. Nothing is fetched.
	Installed bool
	// ForSnapshot: the run makes a snapshot, for another host to install, or hands on that of the configuration as it came.
	ForSnapshot bool
	// ForAnswer: a person waits for an answer. Where there is a last good state the network has a second, and a state that its
	// user may not read is done without.
	ForAnswer bool
	// NeedTargets: the run writes or compares targets.
	NeedTargets bool
	// LooksOnly: the run starts no program that the configuration names.
	LooksOnly bool
	// WritesState: the run may keep files in the state directory.
	WritesState bool
}

// Request is the settings of a run, and the options that fit them. It stays as it is made.
type Request struct {
	Settings *config.Settings // a copy: the options may shorten the deadline, and leave out the metrics
	Started  time.Time

	options  Options
	accepted map[string]guard.Acceptance // by source
	given    given                       // if the run need not wait for it
}

// Load reads the configuration, which must exist, and makes a request of it. It returns
// a request with the error if it could read the configuration and the options do not fit.
func Load(ctx context.Context, t *terminal.Terminal, o Options) (*Request, error) {
	s, err := config.Load(ctx, o.Config)
	if err != nil {
		return nil, err
	}
	if s.Absent {
		return nil, exit.Usagef("there is no configuration %s: 'mailallow init --write%s' makes one to start from, -c FILE names another", s.Path, o.Config.Typed())
	}
	if o.WritesState && s.Writable != nil {
		return nil, exit.With(exit.Usage, s.Writable)
	}
	CollectSooner()
	r, err := New(s, o)
	r.Announce(t)
	return r, err
}

// hurry is how long a person who asks about an address waits for the network, where the last good state answers, too.
const hurry = time.Second

// New makes a request of settings, and reads the snapshot that o names. It returns a
// request with an error, too.
func New(s *config.Settings, o Options) (*Request, error) {
	own := *s
	r := &Request{Settings: &own, Started: time.Now(), options: o, accepted: map[string]guard.Acceptance{}}
	err := r.check()
	if err == nil && o.ForAnswer && r.hasLastGood() {
		own.Deadline = min(own.Deadline, hurry)
	}
	return r, err
}

// Announce names the configuration in use, with --verbose.
func (r *Request) Announce(t *terminal.Terminal) {
	t.Detail("configuration %s: %s, %s", r.Settings.Path, terminal.Counted(uint64(len(r.Settings.Sources)), "source", "sources"),
		terminal.Counted(uint64(len(r.Settings.Targets)), "target", "targets"))
}

// check compares the options with the settings, and opens a snapshot for which it need not wait.
func (r *Request) check() error {
	var problems []error
	var names []string
	for _, s := range r.Settings.Sources {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		problems = append(problems, fmt.Errorf("%s: there is no [[source]]: 'mailallow init' shows how one is written", r.Settings.Path))
	}
	if r.options.NeedTargets && len(r.Settings.Targets) == 0 {
		problems = append(problems, fmt.Errorf("%s: there is no [[target]] to write to: add one, or take the comment signs off one", r.Settings.Path))
	}
	if len(problems) > 0 {
		problems = append(problems, r.stillInstalled())
	}
	for _, word := range r.options.Accept {
		name, digest := acceptance(word, names)
		if !slices.Contains(names, name) {
			problems = append(problems, exit.Usagef("--accept %q: no such source%s", word, exit.DidYouMean(name, names)))
			continue
		}
		r.accepted[name] = guard.Acceptance{Given: true, Digest: digest}
	}
	err := cmp.Or(r.withinRoot(), r.carrier().Check())
	if err == nil && r.options.Rollback == nil && !r.Fetches() && !r.carrier().Waits() && !r.options.ForSnapshot {
		r.given, err = r.open(context.Background(), nil)
	}
	return errors.Join(append(problems, err)...)
}

// withinRoot checks that with --root no path of the configuration leads to files of this host. Those of targets are checked
// where they are read.
func (r *Request) withinRoot() error {
	root := r.Settings.Root
	if root == "" {
		return nil
	}
	if _, err := os.Stat(root); err != nil {
		return fmt.Errorf("--root %s: %w", root, exit.Reason(err))
	}
	paths := []string{r.lastGoodPath(), r.memoryPath(), r.pinsPath(), filepath.Join(r.Settings.StateDir, state.HistoryFolder)}
	if r.Settings.MetricsFile != "" {
		paths = append(paths, r.Settings.MetricsFile)
	}
	if url := r.Settings.Snapshot.URL; url != "" && !config.IsURL(url) {
		paths = append(paths, url)
	}
	for _, src := range r.Settings.Sources {
		paths = append(paths, src.FilePath, src.CAFile)
	}
	var problems []error
	for _, path := range append(paths, r.Settings.Snapshot.CAFile) {
		if !strings.HasPrefix(path, root+"/") { // beside a configuration that is outside
			continue
		}
		if err := state.Within(root, path); err != nil {
			if path == r.Settings.MetricsFile {
				r.Settings.MetricsFile = "" // a run that fails writes it, too
			}
			problems = append(problems, fmt.Errorf("%s: %w", path, err))
		}
	}
	return errors.Join(problems...)
}

// acceptance divides NAME@DIGEST at the last @ before twelve hex digits. A source of the whole name comes first.
func acceptance(word string, names []string) (name, digest string) {
	at := len(word) - guard.DigestDigits - len("@")
	if slices.Contains(names, word) || at < 0 || word[at] != '@' || strings.Trim(word[at+1:], "0123456789abcdef") != "" {
		return word, ""
	}
	return word[:at], word[at+1:]
}

// Duration is how long the run has taken, in whole milliseconds.
func (r *Request) Duration() time.Duration { return time.Since(r.Started).Round(time.Millisecond) }

// Close says what holds at the end of the run: what became of its product, and how many sources have each status but fresh. It
// adds attrs, the duration and these numbers to the last record of a log. list is nil if the sources were not resolved.
func (r *Request) Close(t *terminal.Terminal, list *List, product string, attrs ...slog.Attr) {
	if list != nil {
		product = list.Holds(product)
		counts := list.Counts()
		var sources []slog.Attr
		for _, status := range guard.Statuses() {
			sources = append(sources, slog.Int(string(status), counts[status]))
		}
		attrs = append(attrs, slog.GroupAttrs("sources", sources...))
	}
	t.Close(product, append(attrs, slog.Float64("duration_seconds", r.Duration().Seconds()))...)
}
