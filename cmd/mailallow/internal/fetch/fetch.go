// Package fetch is the command that resolves every source into a snapshot. It changes
// no target and no state.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/carrier"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Run    run.Options
	Since  string // a snapshot in place of the last good state; empty: that of the state directory
	Output string // the file of the snapshot; "-" is stdout
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
	if o.Run.NoGuard && o.Since != "" {
		return exit.Usagef("--no-guard compares with nothing: leave out --since")
	}
	o.Run.ForSnapshot, o.Run.Since = true, o.Since
	r, err := run.Load(ctx, t, o.Run)
	if err != nil {
		return err
	}
	if err := r.Settings.CheckOutput(o.Output); err != nil {
		return exit.Usagef("-o %s: %w", o.Output, err)
	}
	if r.Settings.Snapshot.URL != "" {
		return publish(ctx, t, r, o)
	}
	list, err := r.Resolve(ctx, t)
	if err != nil {
		return err
	}
	toStdout := o.Output == "-"
	if toStdout {
		err = list.Snapshot().Encode(t.Take())
	} else if err = outfile.Write(ctx, o.Output, list.Snapshot().Encode); err != nil {
		err = fmt.Errorf("-o %s: it cannot be written: %w", o.Output, exit.Reason(err))
	} else {
		err = unsign(t, o.Output)
	}
	if err != nil {
		return err
	}
	say.List(t, list)
	r.Close(t, list, "snapshot written")
	if t.JSON && !toStdout { // otherwise the snapshot is the one document
		if err := t.Document(document{Sources: list.Documents(), Problems: list.Problems}); err != nil {
			return err
		}
	}
	return exit.Outcome(list.Codes()...)
}

// unsign removes the signature of the file that was at path before: it does not fit the new one, and whoever checks it is refused.
func unsign(t *terminal.Terminal, path string) error {
	path += carrier.SignatureSuffix
	err := syscall.Unlink(path) // unlike os.Remove it leaves a folder
	if err == nil {
		t.Note("%s was removed: it was of the file before", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: it is not of this snapshot, and cannot be removed: %w", path, err)
	}
	return nil
}

// publish hands on the snapshot of the configuration, byte for byte, and its signature beside it.
func publish(ctx context.Context, t *terminal.Terminal, r *run.Request, o Options) error {
	if o.Output == "-" || len(o.Run.Accept) > 0 || o.Since != "" {
		return exit.Usagef("%s takes the list from [snapshot] url: fetch hands it on to -o FILE, and --accept and --since belong where it is made", r.Settings.Path)
	}
	r.Close(t, nil, "no snapshot written")
	got, told, err := r.Published(ctx, t)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		text []byte
	}{{o.Output + carrier.SignatureSuffix, got.Signature}, {o.Output, got.Text}} {
		if f.text == nil {
			continue
		}
		whole := func(w io.Writer) error { _, err := w.Write(f.text); return err }
		if err := outfile.Write(ctx, f.path, whole); err != nil {
			return fmt.Errorf("-o %s: it cannot be written: %w", f.path, exit.Reason(err))
		}
	}
	if got.Signature == nil {
		if err := unsign(t, o.Output); err != nil {
			return err
		}
	}
	t.Summary(terminal.Plain, "%s", told)
	t.About().Record("%s", told)
	r.Close(t, nil, "snapshot written")
	if t.JSON {
		return t.Document(Empty(nil))
	}
	return nil
}
