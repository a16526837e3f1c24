// Package rollback is the command that installs the list as it once was, and pins its sources until they are released.
package rollback

import (
	"context"
	"fmt"

	"mailallow/accessmap/install"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/apply"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Run     run.Options
	Apply   apply.Options
	Release bool     // take the pins away, and install nothing
	DryRun  bool     // show it, and change nothing
	Args    []string // an entry or a time; none: before the last update that changed the list
}

// Run installs the list of then, or takes the pins away.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	apply.SurviveClosedPipes()
	switch {
	case len(o.Args) > 1:
		return exit.Usagef("rollback takes one ENTRY or TIME, and there are %d", len(o.Args))
	case o.Release && len(o.Args) > 0:
		return exit.Usagef("rollback --release takes no ENTRY: it takes the pins of all sources away")
	}
	o.Run.NeedTargets, o.Run.WritesState = !o.Release, !o.DryRun
	to := ""
	if len(o.Args) == 1 {
		to = o.Args[0]
	}
	o.Run.Rollback = &to
	r, err := run.Load(ctx, t, o.Run)
	if err == nil {
		_, err = run.OpenHistory(r.Settings.StateDir) // who may not read it is told what to do, before the lock says less
	}
	switch {
	case err != nil:
		return err
	case o.Release:
		return release(ctx, t, r, o)
	case o.DryRun:
		return preview(ctx, t, r)
	}
	return apply.Run(ctx, t, r, o.Apply)
}

// preview shows what a rollback would change, as diff does.
func preview(ctx context.Context, t *terminal.Terminal, r *run.Request) error {
	result, err := r.Planned(ctx, t)
	defer func() { r.Close(t, result.List, fault.NothingChanged) }()
	if err != nil {
		return say.Failed(t, result, exit.BySignal(ctx, err))
	}
	for _, p := range result.Plans {
		result.Report.Changed = result.Report.Changed || p.Changed()
	}
	say.Result(t, result, false)
	return result.Document(t, nil)
}

// release takes the pins away. The next update goes forward, and the guard compares it with the list of now.
func release(ctx context.Context, t *terminal.Terminal, r *run.Request, o Options) error {
	var lock *install.Lock // nil: nothing is written
	if !o.DryRun {
		taken, err := run.TakeLock(ctx, t, r.Settings, r.Settings.StateDir, o.Apply.LockTimeout)
		if err != nil {
			return err
		}
		defer taken.Release()
		taken.Partly = true
		lock = taken
	}
	files, released, err := r.Release()
	if err != nil {
		return err
	}
	if lock != nil && released > 0 {
		if _, err := lock.Install(ctx, nil, files); err != nil {
			return exit.With(exit.Install, err)
		}
	}
	text := "no source is pinned"
	if released > 0 {
		text = fmt.Sprintf("%s no longer pinned: the next update goes forward", terminal.Counted(uint64(released), "source is", "sources are"))
		if o.DryRun {
			text = fmt.Sprintf("%s pinned, and would be no longer", terminal.Counted(uint64(released), "source is", "sources are"))
		}
	}
	t.Summary(terminal.Plain, "%s", text)
	t.About().Record("%s", text)
	r.Close(t, nil, fault.NothingChanged)
	if t.JSON {
		return t.Document(run.Empty([]allowlist.Problem{}))
	}
	return nil
}
