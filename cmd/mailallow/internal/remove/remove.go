// Package remove is the command that takes the list out of its targets again, through the same transaction as update. It asks no
// network and reads no source.
package remove

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/accessmap/install"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/record"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/apply"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/servers"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Config      config.Flags
	DryRun      bool     // show what would be done
	Reason      string   // why, for the history
	LockTimeout string   // how long to wait for another run, as config.ParseDuration reads it
	Paths       []string // of targets; empty: all
}

// removal is a run of the command.
type removal struct {
	*run.Request
	installed record.Record
	all       []plan.Removal // where the list may be
	removals  []plan.Removal // of them, those of this run
	run.Result
}

// Run takes the list out of the targets.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	s, err := config.Load(ctx, o.Config)
	if err != nil {
		return err
	}
	if !o.DryRun && s.Writable != nil {
		return exit.With(exit.Usage, s.Writable)
	}
	apply.SurviveClosedPipes()
	r := &removal{Request: run.Taking(s, o.Reason), Result: run.Result{List: &run.List{}}}
	if o.DryRun {
		err = r.plan(ctx, o)
	} else {
		err = r.carryOut(ctx, t, o)
	}
	if err = exit.BySignal(ctx, err); err != nil {
		err = r.fail(t, err)
	} else {
		r.Report.Changed = r.Report.Changed || o.DryRun && r.Changes()
		r.tell(t, !o.DryRun)
		err = r.Document(t, nil)
	}
	r.Close(t, nil, outcome(r.Report), slog.Bool("changed", r.Report.Changed), slog.Bool("installed", r.Report.Installed))
	return err
}

// outcome says what became of the list.
func outcome(report install.Report) string {
	switch {
	case report.Stuck:
		return "list taken out in part: a file could not be put back"
	case report.Installed && report.Changed:
		return "list taken out"
	}
	return fault.NothingChanged
}

// fail reports a run that ended with err, as far as it came, and gives err, or the error of writing the document.
func (r *removal) fail(t *terminal.Terminal, err error) error {
	if r.Plans == nil {
		return err
	}
	if r.Report.Installed {
		r.tell(t, true)
	} else {
		say.Warn(t, r.List)
	}
	return cmp.Or(r.Document(t, err), err)
}

// plan chooses the targets and plans their new files.
func (r *removal) plan(ctx context.Context, o Options) (err error) {
	if r.installed, err = record.Read(r.Settings.StateDir); err != nil {
		r.List.Problems = append(r.List.Problems, allowlist.Problem{Kind: "record", Text: err.Error() + "; lines of others among ours are told by how they read"})
	}
	if r.Settings.Writable != nil {
		r.List.Problems = append(r.List.Problems, allowlist.Problem{Kind: "writable", Text: r.Settings.Writable.Error()})
	}
	r.all = run.Removals(r.Settings, r.installed)
	if r.removals, err = named(r.all, o.Paths, r.Settings.Root); err != nil {
		return err
	}
	for i := range r.removals {
		if r.Settings.Writable != nil {
			r.removals[i].Makemap, _ = makemap.Own(r.removals[i].Makemap) // without one of Sendmail's, the usual one, which is not there
		}
		r.removals[i].Stays = servers.Naming(ctx, r.Settings.Root, r.removals[i].Target)
	}
	if err = r.again(ctx); err != nil {
		return fault.Unchanged(err)
	}
	return nil
}

// again plans from the files as they are now.
func (r *removal) again(ctx context.Context) (err error) {
	r.Plans, err = plan.Planner{StateDir: r.Settings.StateDir}.Removals(ctx, r.removals)
	return exit.With(exit.Install, err)
}

// named chooses the targets that the paths name; all of them if there is no path.
func named(all []plan.Removal, paths []string, root string) (chosen []plan.Removal, err error) {
	if len(paths) == 0 && len(all) > 0 {
		return all, nil
	}
	var targets []string
	for _, r := range all {
		targets = append(targets, r.Path)
	}
	there := "there is no target, neither in the configuration nor in the record of what was installed"
	if len(targets) > 0 {
		there = "the targets are " + strings.Join(targets, ", ")
	}
	if len(paths) == 0 {
		return nil, exit.Usagef("%s", there)
	}
	var problems []error
	for _, path := range paths {
		at := slices.IndexFunc(all, func(r plan.Removal) bool { return isPath(r.Path, path, root) })
		if at < 0 {
			problems = append(problems, fmt.Errorf("%s is no target: %s", path, there))
		} else if !slices.ContainsFunc(chosen, func(r plan.Removal) bool { return r.Path == all[at].Path }) {
			chosen = append(chosen, all[at])
		}
	}
	return chosen, exit.With(exit.Usage, errors.Join(problems...))
}

// isPath reports whether a path on the command line is that of a target, with the root directory before it or without.
func isPath(target, path, root string) bool {
	absolute, err := filepath.Abs(path)
	return err == nil && (absolute == target || root != "" && filepath.Join(root, absolute) == target)
}

// carryOut plans and installs under the lock. It plans again when somebody has edited a file since.
func (r *removal) carryOut(ctx context.Context, t *terminal.Terminal, o Options) error {
	lock, err := run.TakeLock(ctx, t, r.Settings, r.Settings.StateDir, o.LockTimeout)
	if err != nil {
		return err
	}
	defer lock.Release()
	lock.Partly = true
	if err := r.plan(ctx, o); err != nil {
		return err
	}
	return run.Tries(ctx, &r.Report, func() error { return r.install(ctx, lock) }, func() error { return r.again(ctx) })
}

func (r *removal) install(ctx context.Context, lock *install.Lock) error {
	var jobs []install.Job
	for _, p := range r.Plans {
		if p.Changed() || p.Gone || p.Exists {
			jobs = append(jobs, p.Job())
		}
	}
	files, err := r.stateFiles()
	if err != nil {
		return err
	}
	r.Report, err = lock.Install(ctx, jobs, files)
	return exit.With(exit.Install, err)
}

// stateFiles are the history, and the record without the targets of this run. They change after the targets: what a killed run
// leaves must be found again.
func (r *removal) stateFiles() (files []install.StateFile, err error) {
	var changed []string
	for _, p := range r.Plans {
		if p.Changed() {
			changed = append(changed, p.Path)
		}
	}
	if len(changed) > 0 {
		files, err = r.RecordRemoval(changed, !slices.ContainsFunc(r.all, r.isLeft))
		if errors.Is(err, history.ErrTooLong) {
			r.List.Problems = append(r.List.Problems, allowlist.Problem{Kind: "history", Text: "this run is not in the history: " + err.Error()})
		} else if err != nil {
			return nil, err
		}
	}
	next := record.Record{Version: 1}
	if r.installed.Targets != nil { // else it still is not known what is in the targets that are left
		next.Targets = []record.Target{}
	}
	for _, t := range r.installed.Targets {
		if !slices.ContainsFunc(r.removals, func(removed plan.Removal) bool { return removed.Installed.Path == t.Path }) {
			next.Targets = append(next.Targets, t)
		}
	}
	return append(files, install.StateFile{Path: filepath.Join(r.Settings.StateDir, state.TargetsFile), Write: next.Write}), nil
}

// isLeft reports whether the list stays in a target.
func (r *removal) isLeft(one plan.Removal) bool {
	return len(one.Installed.Texts) > 0 && one.Holds() &&
		!slices.ContainsFunc(r.removals, func(removed plan.Removal) bool { return removed.Path == one.Path })
}

// tell writes what was done, or would be, and what is left to do.
func (r *removal) tell(t *terminal.Terminal, done bool) {
	say.Warn(t, r.List)
	say.Targets(t, &r.Result, done)
	var paths []string
	for i, p := range r.Plans {
		if !p.Changed() {
			continue
		}
		paths = append(paths, p.Path)
		about := t.About(slog.String("target", p.Path))
		if stays := r.removals[i].Stays; p.New != nil && len(p.New) == 0 && stays != "" {
			about.Note("%s: an empty file stays: %s", p.Path, stays)
		}
		if p.Format.Map && p.Map == makemap.None && !p.Gone {
			about.Warn("%s: map = \"none\": rebuild its map, which still has the list", p.Path)
		}
	}
	if next := run.NextUpdate(r.Settings, paths); next != "" {
		t.Note("%s", next)
	}
}
