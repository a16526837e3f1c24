// Package notify reports what is wrong with a list to the command that the configuration names: once when it begins and once
// when it ends, and not at every run of a timer. It decides nothing about the list, and does not know how the report is sent.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"mailallow/accessmap/program"
	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// memory is the file that a run keeps for the next.
type memory struct {
	Version  int      `json:"version"`
	Standing []string `json:"standing"` // what was reported and has not ended, sorted
}

// Changes runs the command with a report on its stdin, if something is wrong now that was not reported, or has ended since. failed
// is the error that ended the run, or nil. A run that was ended by a signal, kept out by a lock, made in a directory of --root or
// mistyped reports nothing. If the command fails, the error says so, and the next run reports the same again.
func Changes(ctx context.Context, t *terminal.Terminal, s *config.Settings, result *run.Result, failed error) error {
	if len(s.Notify) == 0 || s.Root != "" || ctx.Err() != nil || errors.As(failed, new(*state.LockedError)) || exit.IsUsage(failed) {
		return nil
	}
	kept, err := state.Open(ctx, s.StateDir, state.NotifyLock, 0, state.NotifyFile)
	var before []string
	switch lost := err != nil && result.List == nil; { // the run failed in this directory: nothing is kept there, and each one reports
	case errors.As(err, new(*state.LockedError)), lost && errors.Is(err, fs.ErrPermission):
		return nil // another run reports, or that of root does
	case err != nil && !lost:
		return fmt.Errorf("notify: %w", err)
	case err == nil:
		defer kept.Close()
		before = reported(kept)
	}
	now := standing(result.List, failed, before)
	if slices.Equal(before, now) {
		return nil
	}
	done := program.Command(ctx, s.Notify, report(result.List, before, now, failed))
	if done.Err != nil {
		return exit.With(exit.Install, fmt.Errorf("notify: %w (it is run again by the next update)", done.Err))
	}
	t.Detail("ran %q", done.Argv)
	if kept == nil {
		return nil
	}
	if err := kept.Write(state.NotifyFile, memory{Version: 1, Standing: now}); err != nil {
		return fmt.Errorf("notify: what was reported could not be kept, and the next run reports it again: %w", err)
	}
	return nil
}

// reported gives what was reported last; nothing, if the file cannot be read: then it is reported again.
func reported(kept *state.Dir) []string {
	var m memory
	text, err := bounded.File(kept.Path(state.NotifyFile), state.MaxFile)
	if err != nil || json.Unmarshal(text, &m) != nil || m.Version != 1 {
		return nil
	}
	return m.Standing
}

// standing says what a person should know of, each in a sentence that stays the same from run to run. A source that is merely
// stale is not among it until its ranges are past max_age; nor does it end a hold that was reported, because nothing is known
// of it. Without a list all that was reported of its sources stays.
func standing(list *run.List, failed error, before []string) (all []string) {
	if list == nil {
		list, all = &run.List{}, append(all, before...)
	}
	for _, s := range list.Sources {
		if s.Status == guard.Missing {
			all = append(all, fmt.Sprintf("source %q is missing", s.Source.Name))
		}
		held := fmt.Sprintf("source %q is held", s.Source.Name)
		if s.Status == guard.Held || s.Status == guard.Stale && slices.Contains(before, held) {
			all = append(all, held)
		}
		for _, p := range s.Problems {
			if p.Kind == guard.KindAge {
				all = append(all, fmt.Sprintf("source %q is past its max_age", s.Source.Name))
			}
		}
	}
	switch {
	case exit.Code(failed) == exit.Install:
		all = append(all, "the installation fails")
	case failed != nil:
		all = append(all, "the update fails")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// report says what has begun and what has ended, and then all that the run warns of.
func report(list *run.List, before, now []string, failed error) []byte {
	var text bytes.Buffer
	for _, sentence := range now {
		if !slices.Contains(before, sentence) {
			fmt.Fprintf(&text, "now: %s\n", terminal.Clean(sentence))
		}
	}
	for _, sentence := range before {
		if !slices.Contains(now, sentence) {
			fmt.Fprintf(&text, "no longer: %s\n", terminal.Clean(sentence))
		}
	}
	fmt.Fprintln(&text)
	if list != nil {
		say.Warn(terminal.New(nil, nil, io.Discard, &text), list)
	}
	if failed != nil {
		fmt.Fprintf(&text, "%s\n", terminal.Clean(failed.Error()))
	}
	return text.Bytes()
}
