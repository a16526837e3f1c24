// Package fetch is the command that resolves every source into a snapshot. It touches
// no target and no state.
package fetch

import (
	"context"
	"fmt"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Config  config.Flags
	Accept  []string // as run.Options have it
	NoGuard bool     // likewise
	Output  string   // the file of the snapshot; "-" is stdout
}

type document struct {
	Version  int                  `json:"version"`
	Sources  []run.SourceDocument `json:"sources"`
	Problems []allowlist.Problem  `json:"problems,omitempty"` // of the run, not of a source
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Version: terminal.DocumentVersion, Sources: []run.SourceDocument{}, Problems: problems}
}

// Run writes the snapshot.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if o.Output == "" {
		return exit.Usagef("fetch: -o FILE says where the snapshot goes; - is stdout")
	}
	r, err := run.Load(t, run.Options{Config: o.Config, Accept: o.Accept, ForSnapshot: true, NoGuard: o.NoGuard})
	if err != nil {
		return err
	}
	list, err := r.Resolve(ctx, t)
	if err != nil {
		return err
	}
	if err := write(t, o.Output, list.Snapshot()); err != nil {
		return err
	}
	list.Tell(t)
	r.Close(t, list)
	if t.JSON && o.Output != toStdout { // there the snapshot is the one document
		if err := t.Document(document{Version: terminal.DocumentVersion, Sources: list.Documents(), Problems: list.Problems}); err != nil {
			return err
		}
	}
	return exit.Outcome(list.Codes()...)
}

const toStdout = "-"

func write(t *terminal.Terminal, output string, snapshot *allowlist.Snapshot) error {
	text := snapshot.Encode()
	if err := snapshot.CheckSize(text); err != nil {
		return err
	}
	if output == toStdout {
		_, err := t.Take().Write(text)
		return err
	}
	if err := outfile.Write(output, text); err != nil {
		return fmt.Errorf("-o %s: it cannot be written: %w", output, exit.Reason(err))
	}
	return nil
}
