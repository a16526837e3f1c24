// Package apply carries out a run under the lock of the state directory: it plans, installs the plans with the state and the
// history, plans again where somebody has edited a file meanwhile, and writes the metrics. What the list is made of is the
// run's business.
package apply

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"mailallow/accessmap/install"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/notify"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags that concern the installation.
type Options struct {
	LockTimeout string // how long to wait for another run, as config.ParseDuration reads it
	Version     string // of the program, for the metrics
}

// Run installs the list of a request in every target.
func Run(ctx context.Context, t *terminal.Terminal, r *run.Request, o Options) error {
	result, err := carryOut(ctx, t, r, o.LockTimeout)
	if !r.RollsBack() { // a rollback asks no source, and so ends no hold
		err = notified(ctx, t, r, result, err)
	}
	return finish(ctx, t, r, result, o.Version, err)
}

// notified runs notify after a run that ended with failed, and gives the error of both.
func notified(ctx context.Context, t *terminal.Terminal, r *run.Request, result *run.Result, failed error) error {
	err := notify.Changes(ctx, t, r.Settings, result, failed)
	switch {
	case err == nil:
		return failed
	case failed != nil:
		result.Report.Warnings = append(result.Report.Warnings, err.Error())
		return failed
	}
	return fmt.Errorf("%w\nall files are installed", err)
}

// Fail ends an update that failed with err before it began.
func Fail(ctx context.Context, t *terminal.Terminal, r *run.Request, version string, err error) error {
	nothing := &run.Result{}
	return finish(ctx, t, r, nothing, version, notified(ctx, t, r, nothing, err))
}

// finish ends a run that may have changed files, or failed with err: it reports, and writes the metrics.
func finish(ctx context.Context, t *terminal.Terminal, r *run.Request, result *run.Result, version string, err error) error {
	if err = exit.BySignal(ctx, err); err != nil {
		if done := result.Report; r.RollsBack() && result.List != nil && !done.Installed && !done.Stuck {
			result.List.PinnedNothing()
		}
		err = say.Failed(t, result, err)
	} else {
		say.Result(t, result, true)
		err = cmp.Or(result.Document(t, nil), exit.Outcome(result.List.Codes()...))
	}
	measure(t, r, result, version, err)
	r.Close(t, result.List, outcome(result.Report, err), slog.Bool("changed", result.Report.Changed), slog.Bool("installed", result.Report.Installed))
	return err
}

// outcome says what became of the list in a run that ended with err.
func outcome(report install.Report, err error) string {
	list := "list unchanged"
	switch {
	case report.Stuck:
		return "list changed in part: a file could not be put back"
	case report.Installed && report.Changed:
		list = "list changed"
	}
	if report.Installed && exit.Code(err) == exit.Install {
		list += "; the command that failed is run again by the next update"
	}
	return list
}

// SurviveClosedPipes keeps SIGPIPE from ending the process when the reader of its output
// has gone away: writes fail, and the run continues. Programs that it runs get SIGPIPE as
// usual.
func SurviveClosedPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// carryOut plans and installs under the lock. It returns a result with an error, too.
func carryOut(ctx context.Context, t *terminal.Terminal, r *run.Request, lockTimeout string) (*run.Result, error) {
	nothing := &run.Result{}
	lock, err := run.TakeLock(ctx, t, r.Settings, r.Settings.StateDir, lockTimeout)
	if err != nil {
		return nothing, err
	}
	defer lock.Release()
	result, err := r.Planned(ctx, t)
	if err == nil {
		if !t.Silent() {
			result.Compare()
		}
		err = installPlans(ctx, r, lock, result)
	}
	if result.Report.Installed {
		for _, p := range result.Plans {
			p.Renumber() // people look into the files that stand now
		}
	}
	return result, err
}

// installPlans installs the plans and the last good state. It plans again when somebody
// has edited a file since.
func installPlans(ctx context.Context, r *run.Request, lock *install.Lock, result *run.Result) error {
	return run.Tries(ctx, &result.Report,
		func() error { return installOnce(ctx, r, lock, result) },
		func() (err error) {
			result.Plans, err = r.Plan(ctx, result)
			return err
		})
}

func installOnce(ctx context.Context, r *run.Request, lock *install.Lock, result *run.Result) error {
	var jobs []install.Job
	for _, plan := range result.Plans {
		if plan.HasText() {
			job := plan.Job()
			if plan.Changed() {
				job = job.Begun()
			}
			jobs = append(jobs, job)
		}
	}
	record := make(chan []install.StateFile, 1)
	go func() { record <- r.RecordFile(result) }()
	state, err := r.StateFiles(result)
	state = append(state, <-record...)
	if err != nil {
		return err
	}
	if result.Report, err = lock.Install(ctx, jobs, state); err != nil {
		return exit.With(exit.Install, err)
	}
	if err := r.PruneHistory(result.List); err != nil {
		result.Report.Warnings = append(result.Report.Warnings, err.Error())
	}
	return nil
}
