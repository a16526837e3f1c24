package main

import (
	"log/slog"
	"maps"
	"slices"

	"mailallow/accessmap"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const diffText = `Goes the way of update up to the last step and shows what would change: by source,
in networks, with the path that put them there (summary), as a unified diff of each
file (unified), as Markdown for a review (markdown), or for scripts (json, or --json).

Nothing is written. Exit 1 when something differs, 0 when nothing does.`

// diffForms are the forms of a difference.
func diffForms() map[string]func(*passage, *terminal.Terminal) {
	return map[string]func(*passage, *terminal.Terminal){
		"summary":  tellSummary,
		"unified":  tellUnified,
		"markdown": tellMarkdown,
		"json":     tellSummary, // beside the document, what is wrong, on stderr
	}
}

func diff(t *terminal.Terminal, c *cli.Context) error {
	form, forms := c.String("format"), diffForms()
	if err := exit.OneOf("format", form, slices.Sorted(maps.Keys(forms))); err != nil {
		return err
	}
	t.JSON = t.JSON || form == "json" // what fails is told in JSON, too
	r, err := loadRequest(t, c)
	if err != nil {
		return err
	}
	if err := r.needTargets(); err != nil {
		return err
	}
	p, err := r.planned(c.Context, t)
	defer func() { r.close(t, p.list, slog.Bool("changed", p.report.Changed)) }()
	if err != nil {
		return p.failed(t, err)
	}
	codes := p.list.codes()
	if slices.ContainsFunc(p.plans, accessmap.TargetPlan.Changed) {
		p.report.Changed = true
		codes = append(codes, exit.Finding)
	}
	forms[form](p, t)
	if err := p.document(t, nil); err != nil {
		return err
	}
	return exit.Outcome(codes...)
}

func tellSummary(p *passage, t *terminal.Terminal) { p.tell(t, false) }

// tellUnified writes the diffs to stdout, and the state of the sources to stderr.
func tellUnified(run *passage, t *terminal.Terminal) {
	run.warnSources(t, run.list)
	for _, p := range run.plans {
		warnTarget(t, p)
		t.Unified(p.UnifiedDiff())
		if !p.TextChanged() && p.Changed() {
			t.Note("%s: the text stays, its map would be rebuilt: it is not the one of this text", p.Path)
		}
	}
}
