// Package install brings files to a planned state, all of them or none: it stages and verifies everything beside the files,
// swaps text before map, asks Sendmail, and puts everything back when something fails. A journal lets the next run finish
// what a killed one began. It does not decide what the files are to hold.
package install

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/program"
	"mailallow/accessmap/state"
	"mailallow/allowlist/fault"
)

// Job is one target to be brought to a new state: a text file and, for Sendmail, the map made from it.
type Job struct {
	Path      string // of the text
	Old       []byte // what the plan read there
	OldExists bool
	New       []byte

	MapType    string // hash, btree or cdb; empty: no map
	Makemap    string // program, as FindMakemap takes it
	SendmailCF string // what makemap reads and Sendmail is asked with; empty: none

	// One generated key and its value, asked of Sendmail when the new map is in place; empty: none.
	ProbeKey, ProbeValue string

	OnChange []string // argv of a command to run when the target has changed; empty: none
}

// StateFile is a file of mailallow's own, 0600, that changes together with the targets: the last good snapshot, the guard's memory.
type StateFile struct {
	Path  string
	Bytes []byte
}

// Report is what an installation did.
type Report struct {
	Changed   bool // at least one target was replaced or created
	Installed bool // every target is as its job asks; with an error, only an on_change command failed
	Targets   []TargetReport
	Commands  []program.Report
	Warnings  []string
}

// TargetReport says which files of a target were replaced or created.
type TargetReport struct {
	Path      string
	Text, Map bool
}

// Lock is the lock of a state directory. A run takes it before it reads the last good state and holds it until all is
// done, so that no other run decides anything meanwhile.
type Lock struct {
	state   *state.Dir
	lockDir string // of the locks of targets' directories
	// Patience is how long Install waits for the lock of the directory of a target: zero is not at all.
	Patience time.Duration
}

// TakeLock creates the directory when it is missing, 0700, takes its lock, waiting for it no longer than patience (a
// *LockedError says who has it), and ends what a killed run has begun. A directory that others can write to is refused.
func TakeLock(ctx context.Context, stateDir string, patience time.Duration) (*Lock, error) {
	st, err := state.Open(ctx, stateDir, state.LockFile, patience, recordsFile, owedFile)
	if err != nil {
		return nil, advised(err)
	}
	if _, err := finishOwed(st); err != nil { // what is still due stays written down
		st.Close()
		return nil, advised(err)
	}
	return &Lock{state: st, lockDir: defaultLockDir()}, nil
}

// Release lets go of the lock.
func (l *Lock) Release() { l.state.Close() }

// Install brings every job to its new state and then replaces the state files, all of it or nothing.
//
// Everything is made and verified beside the target first (docs/facts.md 5, 6): text, map as makemap makes it, dumped and
// compared, and held against what sendmail.cf accepts. Then text before map, target after target; then one key is asked
// of Sendmail; then what was replaced is removed and on_change runs, once for each distinct argv. A target whose text
// and map are right already is not written to. A hand-written line that makemap refuses is a *MapTextError.
//
// On an error everything is as it was, unless Report.Installed says that only an on_change command failed: that one is
// run again by the next installation. ErrChanged asks for a new plan; a *LockedError says that the directory of a target
// was locked for longer than Patience. A context that is cancelled stops the work before the first swap, has
// everything put back while Sendmail is asked, and kills a running on_change command, which stays owed.
//
// The state directory holds the journal by which the next run finishes what a killed one began.
func (l *Lock) Install(ctx context.Context, jobs []Job, extra []StateFile) (Report, error) {
	return installer{exchange: exchange, lockDir: l.lockDir, patience: l.Patience}.install(ctx, l.state, jobs, extra)
}

// MapInStep reports whether the map of a job holds exactly what its new text says, without writing anything. It is cheap
// where the record of the last installation fits, and dumps the map elsewhere. A job without a map is in step.
func MapInStep(ctx context.Context, stateDir string, job Job) (bool, error) {
	if job.MapType == "" {
		return true, nil
	}
	if readRecords(stateDir).fit(job.MapType, job.Path, job.New) {
		return true, nil
	}
	program, err := makemap.Find(job.Makemap)
	if err != nil {
		return false, err
	}
	read := makemap.ReadText(job.New)
	if len(read.Problems) > 0 {
		return false, &makemap.TextError{Problems: read.Problems}
	}
	makemap := makemap.Program{Path: program, CF: job.SendmailCF}
	mapPath, err := makemap.File(ctx, job.MapType, job.Path)
	if err != nil {
		return false, err
	}
	return makemap.Holds(ctx, job.MapType, mapPath, read)
}

// installer is Install with the steps that tests make fail.
type installer struct {
	exchange func(temp, live string) error
	lockDir  string        // of the locks of the targets' directories; empty: none
	patience time.Duration // for each of them
}

func (in installer) install(ctx context.Context, st *state.Dir, jobs []Job, extra []StateFile) (Report, error) {
	due, err := finishOwed(st)
	if err != nil {
		return Report{}, fmt.Errorf("%w\nnothing was changed", advised(err))
	}
	r := &run{state: st, due: due, lockDir: in.lockDir, patience: in.patience, tx: transaction{exchange: in.exchange}}
	err = r.replace(ctx, jobs, extra)
	r.report.Installed = err == nil
	if err = advised(err); err != nil && !r.stuck {
		err = fmt.Errorf("%w\nnothing was changed", err)
	}
	commands := r.runCommands(ctx, jobs)
	if commands != nil && r.report.Installed {
		commands = fmt.Errorf("%w\nall files are installed", commands)
	}
	return r.report, errors.Join(err, commands)
}

// run is one installation under the lock of its state directory.
type run struct {
	state    *state.Dir
	lockDir  string
	patience time.Duration
	targets  []*target
	tx       transaction
	due      []owedCommand // on_change commands to run at the end
	stuck    bool          // something could not be put back
	report   Report
}

// replace does everything up to on_change. On an error everything is as it was before, or the error says what is not.
func (r *run) replace(ctx context.Context, jobs []Job, extra []StateFile) error {
	unlock, err := lockDirectories(ctx, r.lockDir, jobs, r.patience)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.prepare(ctx, jobs, extra); err != nil {
		return err
	}
	if len(r.tx.changes) == 0 {
		r.remember()
		return nil
	}
	if err := r.stage(ctx); err != nil {
		return errors.Join(err, r.abandon())
	}
	if err := r.swapIn(ctx); err != nil {
		return err
	}
	r.settle()
	r.remember()
	return nil
}

// prepare finds out what has to change, and everything that can be known to stand in the way. All problems of all
// targets are reported.
func (r *run) prepare(ctx context.Context, jobs []Job, extra []StateFile) error {
	var errs []error
	records := readRecords(r.state.Name)
	for _, job := range jobs {
		t, err := newTarget(ctx, records, job)
		if err != nil {
			errs = append(errs, fault.In(job.Path, err))
			continue
		}
		r.targets = append(r.targets, t)
		r.tx.changes = append(r.tx.changes, t.changes()...)
	}
	for _, file := range extra {
		c, err := newStateChange(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file.Path, err))
		} else if c != nil {
			r.tx.changes = append(r.tx.changes, c)
		}
	}
	errs = append(errs, r.sameFiles(), context.Cause(ctx))
	return errors.Join(errs...)
}

// sameFiles refuses two targets that are one file, by whatever names.
func (r *run) sameFiles() error {
	by := make(map[string]string)
	var errs []error
	for _, t := range r.targets {
		for _, f := range []struct{ live, path string }{{t.textLive, t.job.Path}, {t.mapLive, t.mapPath}} {
			if f.live == "" {
				continue
			}
			if other, taken := by[f.live]; taken {
				errs = append(errs, fmt.Errorf("%s and %s are the same file", other, f.path))
			}
			by[f.live] = f.path
		}
	}
	return errors.Join(errs...)
}

// stage makes every new file beside the one it will replace.
func (r *run) stage(ctx context.Context) error {
	for _, c := range r.tx.changes {
		suffix := ""
		if c.kind == kindMap {
			suffix = filepath.Ext(c.path)
		}
		c.chooseTemp(suffix)
	}
	if err := r.tx.owes(false, r.due).keep(r.state); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	var errs []error
	for _, t := range r.targets {
		if err := t.stage(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.job.Path, err))
		}
	}
	for _, c := range r.tx.changes {
		if c.kind == kindState {
			if err := c.stage(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.path, err))
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// swapIn replaces the files and asks Sendmail; from here on the work is ended one way or the other. A context that is
// cancelled before Sendmail has answered has everything put back.
func (r *run) swapIn(ctx context.Context) error {
	if err := r.tx.owes(true, r.andOwed(false)).keep(r.state); err != nil {
		return errors.Join(fmt.Errorf("state directory: %w", err), r.abandon())
	}
	rolledBack, err := r.tx.commit()
	if err == nil {
		if err = errors.Join(r.probe(ctx), r.tx.displaced()); err == nil {
			return nil
		}
		back := r.tx.rollback()
		rolledBack, err = back == nil, errors.Join(err, back)
	}
	if r.stuck = !rolledBack; r.stuck {
		// The journal stays: the next run removes what is left and plans from what is there.
		return errors.Join(err, r.tx.discard())
	}
	return errors.Join(err, r.abandon())
}

// abandon removes what was staged and the journal of it; commands that were due before still are.
func (r *run) abandon() error {
	if err := r.tx.discard(); err != nil {
		return err
	}
	return journal{Version: 1, OnChange: r.due}.keep(r.state)
}

// settle ends a transaction that stands. What cannot be removed now stays in the journal for the next run.
func (r *run) settle() {
	for _, t := range r.targets {
		done := TargetReport{Path: t.job.Path, Text: t.text != nil, Map: t.mapFile != nil}
		r.report.Targets = append(r.report.Targets, done)
		r.report.Changed = r.report.Changed || done.Text || done.Map
		if t.text == nil {
			continue
		}
		if warning := t.text.linkWarning(); warning != "" {
			r.warn("%s", warning)
		}
	}
	r.due = r.andOwed(true)
	after := journal{Version: 1, OnChange: r.due}
	if err := r.tx.finish(); err != nil {
		r.warn("not everything could be removed, the next run tries again: %v", err)
		after = r.tx.owes(true, r.due)
	}
	if err := after.keep(r.state); err != nil {
		r.warn("state directory: %v", err)
	}
}

// remember records which maps are in step, so that the next run need not dump them.
func (r *run) remember() {
	records := mapRecords{Version: 1}
	for _, t := range r.targets {
		if t.mapPath == "" {
			continue
		}
		record, err := t.record()
		if err != nil {
			r.warn("%s: %v", t.mapPath, err)
		} else if record != nil {
			records.Maps = append(records.Maps, *record)
		}
	}
	if err := r.state.Write(recordsFile, records); err != nil {
		r.warn("state directory: %v", err)
	}
}

// probe asks Sendmail for one key of each new map. Only an answer counts: a Sendmail that cannot be asked is a warning.
func (r *run) probe(ctx context.Context) error {
	var errs []error
	for _, t := range r.targets {
		warning, err := t.probe(ctx)
		if warning != "" {
			r.warn("%s: %s", t.job.Path, warning)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.job.Path, err))
		}
	}
	return errors.Join(errs...)
}

func (r *run) warn(format string, args ...any) {
	r.report.Warnings = append(r.report.Warnings, fmt.Sprintf(format, args...))
}
