// Package diff is the command that shows what update would change, as a summary, as
// unified diffs, as Markdown for a review or as JSON. It changes nothing.
package diff

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"

	"mailallow/accessmap/plan"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Run    run.Options
	Format string   // one of Formats
	Logs   []string // say what the difference means for mail; - is stdin
}

// JSON is the format that is the JSON document, as with --json.
const JSON = "json"

// Formats are the names of the forms of a difference.
func Formats() []string { return slices.Sorted(maps.Keys(formats())) }

func formats() map[string]func(*terminal.Terminal, *run.Result) {
	return map[string]func(*terminal.Terminal, *run.Result){
		"summary":  tellSummary,
		"unified":  tellUnified,
		"markdown": tellMarkdown,
		JSON:       tellSummary, // with --json it writes the warnings alone
	}
}

// Run shows the difference. It ends with exit.Finding if there is one.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if err := exit.OneOf("format", o.Format, Formats()); err != nil {
		return err
	}
	if t.JSON && o.Format != JSON && o.Format != "summary" { // the default
		return exit.Usagef("--format %s: with --json the format is json", o.Format)
	}
	if err := refusals.NotTwice(o.Logs, o.Run.Snapshot); err != nil {
		return err
	}
	o.Run.NeedTargets, o.Run.LooksOnly = true, true
	r, err := run.Load(ctx, t, o.Run)
	if err != nil {
		return err
	}
	result, err := r.Planned(ctx, t)
	defer func() {
		r.Close(t, result.List, outcome(result.Plans, err), slog.Bool("changed", result.Report.Changed))
	}()
	if err != nil {
		return say.Failed(t, result, exit.BySignal(ctx, err))
	}
	codes := result.List.Codes()
	if result.Changes() {
		result.Report.Changed = true
		codes = append(codes, exit.Finding)
	}
	if len(o.Logs) > 0 {
		whole, err := addConsequences(ctx, t, o.Logs, result)
		if err != nil {
			return err
		}
		if !whole {
			codes = append(codes, exit.Usage)
		}
	}
	formats()[o.Format](t, result)
	return cmp.Or(result.Document(t, nil), exit.Outcome(codes...))
}

// outcome says how many targets differ. That is not known after a run that ended with err.
func outcome(plans []*plan.Plan, err error) string {
	if err != nil {
		return fault.NothingChanged
	}
	n := 0
	for _, p := range plans {
		if p.Changed() {
			n++
		}
	}
	if n == 0 {
		return "no target would change"
	}
	return terminal.Counted(uint64(n), "target", "targets") + " would change"
}

func tellSummary(t *terminal.Terminal, result *run.Result) {
	say.Result(t, result, false)
	tellConsequences(t, result.Consequences)
}

// tellUnified writes the diffs to stdout, and everything else to stderr.
func tellUnified(t *terminal.Terminal, result *run.Result) {
	say.Warn(t, result.List)
	if c := result.Consequences; c != nil {
		whole, _ := sentences(c)
		t.Note("%s", whole)
	}
	for _, p := range result.Plans {
		say.WarnTarget(t, p)
		t.Unified(p.UnifiedDiff())
		if !p.TextChanged() && p.Changed() {
			t.Note("%s: the text stays, its map would be rebuilt: it does not match this text", p.Path)
		}
	}
}
