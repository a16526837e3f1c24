package run

import (
	"context"
	"errors"
	"time"

	"mailallow/accessmap/install"
	"mailallow/allowlist/fault"
)

// editPauses are the waits before each new try at a file that somebody edits. They are few
// and short: most edits end soon, and the timer starts the next run.
var editPauses = [...]time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second}

// Tries has try install the plans, and plan make new ones when somebody has edited a file
// meanwhile. try leaves its report in report, all under one lock. The error has what could
// not be put back, by whichever try.
func Tries(ctx context.Context, report *install.Report, try, plan func() error) error {
	var stuck error // of earlier tries
	for n := 0; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		again := errors.Is(err, install.ErrChanged) && n < len(editPauses)
		if err = errors.Join(stuck, err); report.Stuck {
			stuck = err
		}
		if !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(editPauses[n]):
		}
		switch err = plan(); {
		case err == nil:
		case stuck != nil:
			return errors.Join(stuck, err)
		default:
			return fault.Unchanged(err)
		}
	}
}
