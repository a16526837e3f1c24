// Package install brings files to a planned state, all of them or none. It stages and verifies every file beside the one
// to replace, swaps text before map, asks Sendmail for a key, and puts everything back if a step fails. A journal lets the
// next run finish the work of a killed one. The package does not decide what the files contain.
package install

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
	"mailallow/allowlist/fault"
)

// Lock is the lock of a state directory. A run takes it before it reads the last good state and keeps it until the end, so
// that no other run decides anything in between.
type Lock struct {
	// Patience is how long Install waits for the lock of a target's directory; zero: it does not wait.
	Patience time.Duration
	// Partly: the jobs of Install are not those of all targets. The commands that are owed to others stay owed.
	Partly bool

	state    *state.Dir
	lockDir  string                        // for the locks of the targets' directories; empty: no such locks
	exchange func(temp, live string) error // exchange, but in tests
	stuck    bool                          // an Install could not put back a file, and none has succeeded since
}

// TakeLock creates the state directory, 0700, if it is missing, takes its lock and finishes the work of a killed run. It
// waits for the lock no longer than patience; then a *state.LockedError names the holder. It refuses a directory that
// others can write to.
func TakeLock(ctx context.Context, stateDir string, patience time.Duration) (*Lock, error) {
	st, err := state.Open(ctx, stateDir, state.LockFile, patience, state.MapsFile, state.OwedFile)
	if err != nil {
		return nil, withDiskAdvice(err)
	}
	if _, err := finishInterrupted(st, exchange); err != nil { // its pending commands stay in the journal
		st.Close()
		return nil, withDiskAdvice(err)
	}
	return &Lock{state: st, lockDir: defaultLockDir(), exchange: exchange}, nil
}

// Release gives the lock back.
func (l *Lock) Release() { l.state.Close() }

// Install brings every job to its new state and replaces the state files, all of them or none.
//
// It first makes and verifies every new file beside the target (docs/facts.md 5, 6): the text, and the map, which is
// dumped, compared, and checked against the rules of sendmail.cf. Then it swaps text before map, target after target, asks
// Sendmail for one key, removes the old files, and runs on_change, once for each distinct argv. It does not write to a
// target whose text and map are right already. A *makemap.TextError names hand-written lines that makemap refuses.
//
// After an error everything is as it was, with two exceptions that the error and the report name: a file that could not be
// put back, and an on_change command that failed (Report.Installed is true), which the next installation runs again. After
// ErrChanged the caller must plan again. A *state.LockedError names a target's directory that was locked for longer than
// Patience. If ctx ends before the first swap, nothing is changed; if it ends while Sendmail is asked, everything is put
// back; if it ends during an on_change command, the command is killed and run again by the next installation.
func (l *Lock) Install(ctx context.Context, jobs []Job, extra []StateFile) (Report, error) {
	i, err := l.installFiles(ctx, jobs, extra)
	err = l.failed(err)
	if i == nil {
		return Report{Stuck: l.stuck}, err
	}
	commands, commandErr := l.runCommands(ctx, i.pending, jobs)
	i.report.Commands = commands
	if commandErr != nil && i.report.Installed {
		commandErr = fmt.Errorf("%w\nall files are installed", commandErr)
	}
	return i.report, errors.Join(err, commandErr)
}

// installFiles is Install without on_change. The installation is nil if the work of a killed run could not be finished.
func (l *Lock) installFiles(ctx context.Context, jobs []Job, extra []StateFile) (*installation, error) {
	pending, err := finishInterrupted(l.state, exchange)
	if err != nil {
		return nil, err
	}
	i := &installation{Lock: l, pending: pending, tx: transaction{exchange: l.exchange}}
	err = i.replace(ctx, jobs, extra)
	if err == nil {
		l.stuck = false
	}
	i.report.Installed, i.report.Stuck = err == nil, l.stuck
	return i, err
}

// Stuck reports whether an Install could not put back a file, and none has succeeded since.
func (l *Lock) Stuck() bool { return l.stuck }

// failed adds to an error the advice for a disk, and that nothing was changed if that is so.
func (l *Lock) failed(err error) error {
	if err = withDiskAdvice(err); err != nil && !l.stuck {
		err = fault.Unchanged(err)
	}
	return err
}

// MapRecorded reports whether the last installation found text and map of a job in step, and neither has changed since. It starts
// no program. A job without a map is in step.
func MapRecorded(stateDir string, job Job) bool {
	return job.MapType == "" || readRecords(stateDir).inStep(job)
}

// MapInStep reports whether the map of a job holds exactly the entries of its new text. It writes nothing. It dumps the map
// only if the record of the last installation does not match the files. A job without a map is in step.
func MapInStep(ctx context.Context, stateDir string, job Job) (bool, error) {
	if MapRecorded(stateDir, job) {
		return true, nil
	}
	m, mapPath, text, err := job.readMap(ctx)
	if err != nil {
		return false, err
	}
	return m.Holds(ctx, job.MapType, mapPath, text)
}

// readMap finds makemap and the path of the map that it makes, and reads the new text as makemap does. It reports every reason
// why the map cannot be made.
func (job Job) readMap(ctx context.Context) (m makemap.Program, mapPath string, text *makemap.Text, err error) {
	job = job.Begun() // makemap answers meanwhile
	if m, err = makemap.New(job.Makemap, job.SendmailCF); err == nil {
		if mapPath = job.MapFile; mapPath == "" {
			mapPath, err = m.File(ctx, job.MapType, job.Path)
		}
	}
	if text = job.NewText(); len(text.Problems) > 0 {
		err = errors.Join(err, &makemap.TextError{Problems: text.Problems})
	}
	return m, mapPath, text, err
}
