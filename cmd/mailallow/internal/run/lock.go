package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"mailallow/accessmap/install"
	"mailallow/accessmap/state"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Patience reads --lock-timeout; empty: the command does not have it.
func Patience(lockTimeout string) (time.Duration, error) {
	patience, err := config.ParseDuration(cmp.Or(lockTimeout, "0s"))
	if err != nil || patience < 0 {
		return 0, exit.Usagef("--lock-timeout %q is no duration: write 500ms, 30s or 5m", lockTimeout)
	}
	return patience, nil
}

// TakeLock takes the lock of a state directory, for a run that changes files by the settings. If another run
// has it, TakeLock names it and waits for at most the value of --lock-timeout.
func TakeLock(ctx context.Context, t *terminal.Terminal, s *config.Settings, stateDir, lockTimeout string) (*install.Lock, error) {
	patience, err := Patience(lockTimeout)
	if err != nil {
		return nil, err
	}
	lock, err := install.TakeLock(ctx, stateDir, 0)
	var held *state.LockedError
	if patience > 0 && errors.As(err, &held) {
		t.Note("%s: locked by %s: waiting, for %s at most", held.Path, held.Holder, ascii.Duration(patience))
		lock, err = install.TakeLock(ctx, stateDir, patience)
	}
	if err != nil {
		return nil, exit.With(exit.Install, fault.Unchanged(err))
	}
	if s.Edited() { // the run that it waited for may have been that of the new text
		lock.Release()
		return nil, exit.With(exit.Install, fault.Unchanged(fmt.Errorf("%s was edited while this run waited for another: run it again", s.Path)))
	}
	lock.Patience = patience
	return lock, nil
}
