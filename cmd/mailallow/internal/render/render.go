// Package render is the command that writes the list in one format to stdout. It
// needs no target and changes nothing.
package render

import (
	"context"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Run  run.Options
	Args []string // the name of one format
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return struct {
		Entries  []string            `json:"entries"`
		Problems []allowlist.Problem `json:"problems"`
	}{[]string{}, problems}
}

// Run writes the list.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if len(o.Args) != 1 {
		return exit.Usagef("render takes one FORMAT, and there are %d; 'mailallow render --help' lists them", len(o.Args))
	}
	form, err := format.ByName(o.Args[0])
	if err != nil {
		return err
	}
	r, err := run.Load(ctx, t, o.Run)
	if err != nil {
		return err
	}
	if t.JSON && !form.JSON {
		return exit.Usagef("render %s: with --json the format is json", form.Name)
	}
	list, err := r.Resolve(ctx, t)
	if err != nil {
		return err
	}
	say.Warn(t, list)
	t.Close(list.Holds("no list written"))
	if err := list.Refused(); err != nil {
		return err
	}
	if _, err := form.Write(t.Take(), list.Set.Spans(), format.Selection{}); err != nil {
		return err
	}
	t.Close(list.Holds("list written"))
	return exit.Outcome(list.Codes()...)
}
