// Package update is the command that installs the list.
package update

import (
	"context"

	"mailallow/cmd/mailallow/internal/apply"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Run   run.Options
	Apply apply.Options
}

// Run installs the list in every target.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	apply.SurviveClosedPipes()
	o.Run.NeedTargets, o.Run.WritesState = true, true
	r, err := run.Load(ctx, t, o.Run)
	if r == nil {
		return err
	}
	if err != nil {
		return apply.Fail(ctx, t, r, o.Apply.Version, err)
	}
	return apply.Run(ctx, t, r, o.Apply)
}
