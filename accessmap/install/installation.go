package install

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"mailallow/accessmap/state"
	"mailallow/allowlist/fault"
)

// installation is one call of Install under the lock of its state directory. Its methods are in the order in which replace
// calls them.
type installation struct {
	*Lock
	records mapRecords // of the last installation
	targets []*target
	tx      transaction
	pending []pendingCommand // on_change commands to run at the end
	report  Report
}

// replace brings the files to their new state. After an error everything is as it was before, or the error names the file that
// is not, and the lock is stuck.
func (i *installation) replace(ctx context.Context, jobs []Job, extra []StateFile) error {
	unlock, err := lockDirectories(ctx, i.lockDir, jobs, i.Patience)
	if err != nil {
		return err
	}
	defer unlock()
	if err := i.prepare(ctx, jobs, extra); err != nil {
		return err
	}
	if len(i.tx.changes) == 0 {
		i.remember()
		return nil
	}
	if err := i.stage(ctx); err != nil {
		return errors.Join(err, i.abandon())
	}
	if err := i.swap(ctx); err != nil {
		return err
	}
	i.settle()
	i.remember()
	return nil
}

// prepare finds the files that have to change. It reports every problem of every target that can be known beforehand.
func (i *installation) prepare(ctx context.Context, jobs []Job, extra []StateFile) error {
	var errs []error
	i.records = readRecords(i.state.Name)
	for _, job := range jobs {
		t, err := newTarget(ctx, i.records, job)
		if err != nil {
			errs = append(errs, fault.In(job.Path, err))
			continue
		}
		i.targets = append(i.targets, t)
		i.tx.changes = append(i.tx.changes, t.changes()...)
	}
	for _, file := range extra {
		c, err := newStateChange(file)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", file.Path, err))
		case c == nil:
		case file.First:
			i.tx.changes = append([]*change{c}, i.tx.changes...)
		default:
			i.tx.changes = append(i.tx.changes, c)
		}
	}
	errs = append(errs, i.checkDistinct(), context.Cause(ctx))
	return errors.Join(errs...)
}

// checkDistinct refuses targets whose paths lead to one file.
func (i *installation) checkDistinct() error {
	pathOf := make(map[string]string) // by the file itself
	var errs []error
	for _, t := range i.targets {
		for _, f := range []struct{ live, path string }{{t.textLive, t.job.Path}, {t.mapLive, t.mapPath}} {
			if f.live == "" {
				continue
			}
			if other, taken := pathOf[f.live]; taken {
				errs = append(errs, fmt.Errorf("%s and %s are the same file", other, f.path))
			}
			pathOf[f.live] = f.path
		}
	}
	return errors.Join(errs...)
}

// stage makes the new files beside those that they are to replace. It writes the journal before the first of them.
func (i *installation) stage(ctx context.Context) error {
	for _, c := range i.tx.changes {
		suffix := ""
		if c.kind == kindMap {
			suffix = filepath.Ext(c.path)
		}
		c.chooseTemp(suffix)
	}
	if err := newJournal(i.tx.changes, false, i.pending).write(i.state); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	mapping, stop := context.WithCancel(ctx)
	defer stop()
	maps := make(chan error, 1)
	go func() {
		maps <- i.eachTarget(func(t *target) error {
			err := t.makeMap(mapping)
			if ctx.Err() == nil && errors.Is(err, context.Canceled) {
				return nil // the write that failed says why
			}
			return err
		})
	}()
	err := i.write() // one file after another, because makemap leaves one processor free
	if err != nil {
		stop()
	}
	err = errors.Join(<-maps, err)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	return i.eachTarget((*target).finishMap)
}

// write makes the files that makemap does not make, and has the texts verified. It syncs the texts last: makemap begins with an
// fdatasync(2), which would wait for them.
func (i *installation) write() error {
	err := i.eachTarget((*target).writeText)
	if err == nil {
		err = errors.Join(i.eachTarget((*target).verify), i.stageState())
	}
	return errors.Join(err, i.eachTarget((*target).syncText))
}

// eachTarget calls do for each target, and names it in its error.
func (i *installation) eachTarget(do func(*target) error) error {
	var errs []error
	for _, t := range i.targets {
		if err := do(t); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.job.Path, err))
		}
	}
	return errors.Join(errs...)
}

func (i *installation) stageState() error {
	var errs []error
	for _, c := range i.tx.changes {
		if c.kind == kindState {
			if err := c.stage(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.path, err))
			}
		}
	}
	return errors.Join(errs...)
}

// swap replaces the files and asks Sendmail. It puts everything back if a step fails, or if ctx ends before Sendmail has
// answered.
func (i *installation) swap(ctx context.Context) error {
	if err := newJournal(i.tx.changes, true, addCommands(i.pending, i.targets, false)).write(i.state); err != nil {
		return errors.Join(fmt.Errorf("state directory: %w", err), i.abandon())
	}
	err := i.tx.commit()
	if err == nil {
		err = errors.Join(i.probe(ctx), i.tx.recheck())
	}
	if err == nil {
		return nil
	}
	if rollbackErr := i.tx.rollback(); rollbackErr != nil {
		// The journal stays: the next run removes the remaining files and plans from the files that it finds.
		i.stuck = true
		return errors.Join(err, rollbackErr, i.tx.discard())
	}
	return errors.Join(err, i.abandon())
}

// probe fails only for a wrong answer: a Sendmail that cannot be asked is a warning.
func (i *installation) probe(ctx context.Context) error {
	var errs []error
	for _, t := range i.targets {
		warning, err := t.probe(ctx)
		if warning != "" {
			i.warn("%s: %s", t.job.Path, warning)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.job.Path, err))
		}
	}
	return errors.Join(errs...)
}

// abandon removes the staged files and their journal. Commands of earlier runs stay pending.
func (i *installation) abandon() error {
	if err := i.tx.discard(); err != nil {
		return err
	}
	return newJournal(nil, false, i.pending).write(i.state)
}

// settle ends a successful transaction. A file that cannot be removed now stays in the journal for the next run.
func (i *installation) settle() {
	for _, t := range i.targets {
		for _, c := range t.changes() {
			i.report.Changed = true
			if warning := c.linkWarning(); warning != "" {
				i.warn("%s", warning)
			}
		}
	}
	i.pending = addCommands(i.pending, i.targets, true)
	after := newJournal(nil, false, i.pending)
	if err := i.tx.finish(); err != nil {
		i.warn("not everything could be removed, the next run tries again: %v", err)
		after = newJournal(i.tx.changes, true, i.pending)
	}
	if err := after.write(i.state); err != nil {
		i.warn("state directory: %v", err)
	}
}

// remember records which maps are in step, so that the next run need not dump them. It keeps the records of other texts.
func (i *installation) remember() {
	records := mapRecords{Version: 1}
	for _, r := range i.records.Maps {
		if !slices.ContainsFunc(i.targets, func(t *target) bool { return t.job.Path == r.Text }) {
			records.Maps = append(records.Maps, r)
		}
	}
	for _, t := range i.targets {
		if t.mapPath == "" {
			continue
		}
		record, err := t.record()
		if err != nil {
			i.warn("%s: %v", t.mapPath, err)
		} else if record != nil {
			records.Maps = append(records.Maps, *record)
		}
	}
	if i.records.read && slices.Equal(records.Maps, i.records.Maps) {
		return
	}
	if err := i.state.Write(state.MapsFile, records); err != nil {
		i.warn("state directory: %v", err)
	}
}

func (i *installation) warn(format string, args ...any) {
	i.report.Warnings = append(i.report.Warnings, fmt.Sprintf(format, args...))
}
