// Package fetch is the command that resolves every source into a snapshot. It changes
// no target and no state.
package fetch

import (
	"context"
	"fmt"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Run    run.Options // Run sets its ForSnapshot
	Output string      // the file of the snapshot; "-" is stdout
}

type document struct {
	Sources  []run.SourceDocument `json:"sources"`
	Problems []allowlist.Problem  `json:"problems,omitempty"` // of the run, not of a source
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Sources: []run.SourceDocument{}, Problems: problems}
}

// Run writes the snapshot.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if o.Output == "" {
		return exit.Usagef("fetch needs -o FILE for the snapshot; - is stdout")
	}
	o.Run.ForSnapshot = true
	r, err := run.Load(t, o.Run)
	if err != nil {
		return err
	}
	list, err := r.Resolve(ctx, t)
	if err != nil {
		return err
	}
	toStdout := o.Output == "-"
	if toStdout {
		err = list.Snapshot().Encode(t.Take())
	} else if err = outfile.Write(o.Output, list.Snapshot().Encode); err != nil {
		err = fmt.Errorf("-o %s: it cannot be written: %w", o.Output, exit.Reason(err))
	}
	if err != nil {
		return err
	}
	list.Tell(t)
	r.Close(t, list)
	if t.JSON && !toStdout { // otherwise the snapshot is the one document
		if err := t.Document(document{Sources: list.Documents(), Problems: list.Problems}); err != nil {
			return err
		}
	}
	return exit.Outcome(list.Codes()...)
}
