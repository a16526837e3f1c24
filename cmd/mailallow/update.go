package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const updateText = `Brings every target to what the sources say now: the text is replaced, the map
rebuilt beside it and swapped in, both or neither, and on_change commands run when
something changed. A target that is right already is not touched.

A source that cannot be fetched, or that the guard does not believe, goes on with
its last good ranges and does not stop the others (exit 3 or 4 says so).

While another run is at work this one ends with 5, and names it; --lock-timeout has
it wait. A run that SIGINT or SIGTERM ends leaves everything as it was or wholly new,
and says which.`

func update(t *terminal.Terminal, c *cli.Context) error {
	surviveClosedPipes()
	r, err := loadRequest(t, c)
	if r == nil {
		return err
	}
	p := &passage{request: r}
	if err == nil {
		p, err = r.carryOut(c.Context, t, c.String("lock-timeout"))
	}
	if err = exit.BySignal(c.Context, err); err != nil {
		err = p.failed(t, err)
	} else {
		p.tell(t, true)
		if err = p.document(t, nil); err == nil {
			err = exit.Outcome(p.list.codes()...)
		}
	}
	p.measure(t, err)
	r.close(t, p.list, slog.Bool("changed", p.report.Changed), slog.Bool("installed", p.report.Installed))
	return err
}

// carryOut goes the whole way, under the lock. There is a passage with every error.
func (r *request) carryOut(ctx context.Context, t *terminal.Terminal, lockTimeout string) (*passage, error) {
	p := &passage{request: r}
	if err := r.needTargets(); err != nil {
		return p, err
	}
	patience, err := time.ParseDuration(lockTimeout)
	if err != nil || patience < 0 {
		return p, exit.Usagef("--lock-timeout %q is no time to wait: write 500ms, 30s or 5m", lockTimeout)
	}
	lock, err := r.lock(ctx, t, patience)
	if err != nil {
		return p, exit.With(exit.Install, fmt.Errorf("%w\nnothing was changed", err))
	}
	defer lock.Release()
	if p, err = r.planned(ctx, t); err == nil {
		err = p.install(ctx, lock)
	}
	return p, err
}

// lock takes the lock of the state directory. What is found there and outside
// afterwards is of after the wait.
func (r *request) lock(ctx context.Context, t *terminal.Terminal, patience time.Duration) (*accessmap.Lock, error) {
	lock, err := accessmap.TakeLock(ctx, r.settings.StateDir, 0)
	var held *accessmap.LockedError
	if patience > 0 && errors.As(err, &held) {
		t.Note("%s: locked by %s: waiting, for %s at most", held.Path, held.Holder, patience)
		lock, err = accessmap.TakeLock(ctx, r.settings.StateDir, patience)
		r.now = time.Now()
	}
	if err != nil {
		return nil, err
	}
	lock.Patience = patience
	return lock, nil
}

// passage is one way through, as far as a run came.
type passage struct {
	*request
	list   *resolved // nil: the sources were not resolved
	plans  []accessmap.TargetPlan
	report accessmap.Report
}

// planned goes the way of update and diff up to the last step. With an error the
// passage holds what was found out until then.
func (r *request) planned(ctx context.Context, t *terminal.Terminal) (*passage, error) {
	p := &passage{request: r}
	var err error
	if p.list, err = r.resolve(ctx, t); err != nil {
		return p, err
	}
	p.plans, err = r.plan(ctx, p.list)
	return p, err
}

// plan works out the targets.
func (r *request) plan(ctx context.Context, list *resolved) ([]accessmap.TargetPlan, error) {
	planner := accessmap.Planner{StateDir: r.settings.StateDir, Unknown: list.unknown, Lost: list.lost, Barred: list.barred}
	plans, err := planner.Plan(ctx, r.settings.Targets, list.set)
	if err != nil {
		err = exit.With(exit.Install, fmt.Errorf("%w\nnothing was changed", err))
	}
	return plans, err
}

// editPauses are between the tries to install over somebody's edits: an editor or a script is soon done with a file, and
// a timer comes again.
var editPauses = [...]time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second}

// install brings the targets to what the plans say, and the last good state with
// them. A file that somebody edited meanwhile is planned again.
func (p *passage) install(ctx context.Context, lock *accessmap.Lock) error {
	for try := 0; ; try++ {
		var jobs []accessmap.Job
		leftAlone := false
		for _, plan := range p.plans {
			if leftAlone = leftAlone || plan.LeftAlone && plan.Format.Bare; plan.New != nil {
				jobs = append(jobs, plan.Job())
			}
		}
		var state []accessmap.StateFile
		var err error
		if !leftAlone { // a bare file does not name its sources: what is lost must stay known as lost
			if state, err = p.stateFiles(p.list); err != nil {
				return err
			}
		}
		p.report, err = lock.Install(ctx, jobs, state)
		if err == nil {
			return nil
		}
		if !errors.Is(err, accessmap.ErrChanged) || try == len(editPauses) {
			return exit.With(exit.Install, err)
		}
		select {
		case <-ctx.Done():
			return exit.With(exit.Install, err)
		case <-time.After(editPauses[try]):
		}
		if p.plans, err = p.plan(ctx, p.list); err != nil {
			return err
		}
	}
}

// failed tells all there is to tell of a run that came to an error, and passes
// the error on.
func (p *passage) failed(t *terminal.Terminal, err error) error {
	if p.list == nil {
		return err
	}
	if p.report.Installed {
		p.tell(t, true)
	} else {
		p.tellSources(t, p.list)
		tellReport(t, p.report)
	}
	if err := p.document(t, err); err != nil {
		return err
	}
	return err
}

// tell tells of a run that came to its end.
func (p *passage) tell(t *terminal.Terminal, done bool) {
	p.tellSources(t, p.list)
	tellTargets(t, p.plans, done)
	tellReport(t, p.report)
}

// document writes the JSON document, where one is asked for.
func (p *passage) document(t *terminal.Terminal, failed error) error {
	if !t.JSON {
		return nil
	}
	doc := runDocument{
		Version: terminal.DocumentVersion, Changed: p.report.Changed, Installed: p.report.Installed,
		Targets: targetDocuments(p.plans, failed == nil || p.report.Installed),
		Sources: p.sourceDocuments(p.list), Problems: []allowlist.Problem{},
	}
	if failed != nil {
		doc.Problems = append(doc.Problems, allowlist.Problem{Kind: "error", Text: failed.Error()})
	}
	for _, w := range p.report.Warnings {
		doc.Problems = append(doc.Problems, allowlist.Problem{Kind: "warning", Text: w})
	}
	return t.Document(doc)
}

func tellReport(t *terminal.Terminal, report accessmap.Report) {
	for _, w := range report.Warnings {
		t.Warn("%s", w)
	}
	for _, c := range report.Commands {
		t.About(slog.String("command", strings.Join(c.Argv, " "))).Note("ran %q", c.Argv)
		if c.Output != "" {
			t.Detail("%s", c.Output)
		}
	}
}

// surviveClosedPipes has the process go on when the reader of its output has gone
// away: writes fail, and SIGPIPE does not end it. Programs that it runs get SIGPIPE
// as ever.
func surviveClosedPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
