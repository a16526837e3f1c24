package main

import (
	"strings"

	"mailallow/accessmap"

	"github.com/urfave/cli/v2"
)

const diffText = `Goes the way of update up to the last step and shows what would change: by source,
in networks, with the path that put them there (summary), as a unified diff of each
file (unified), as Markdown for a review (markdown), or for scripts (json, or --json).

Nothing is written. Exit 1 when something differs, 0 when nothing does.`

// diffForms are the forms of a difference.
func diffForms() map[string]func(*terminal, *request, *resolved, []accessmap.TargetPlan) {
	return map[string]func(*terminal, *request, *resolved, []accessmap.TargetPlan){
		"summary":  tellSummary,
		"unified":  tellUnified,
		"markdown": tellMarkdown,
		"json":     tellSummary, // beside the document, what is wrong, on stderr
	}
}

func diff(t *terminal, c *cli.Context) error {
	tell, ok := diffForms()[c.String("format")]
	if !ok {
		return usageError("--format %q: one of summary, unified, markdown, json", c.String("format"))
	}
	t.json = t.json || c.String("format") == "json" // what fails is told in JSON, too
	r, err := loadRequest(t, c)
	if err != nil {
		return err
	}
	if err := r.needTargets(); err != nil {
		return err
	}
	list, err := r.resolve(c.Context, t)
	if err != nil {
		return err
	}
	plans, err := r.plan(c.Context, list)
	if err != nil {
		return r.failed(t, list, plans, accessmap.Report{}, err)
	}
	tell(t, r, list, plans)
	codes := list.codes()
	if anyChanged(plans) {
		codes = append(codes, exitFinding)
	}
	if t.json {
		doc := r.document(list, plans, accessmap.Report{Changed: anyChanged(plans)}, nil)
		if err := t.document(doc); err != nil {
			return err
		}
	}
	return outcome(codes...)
}

func tellSummary(t *terminal, r *request, list *resolved, plans []accessmap.TargetPlan) {
	r.tellSources(t, list)
	tellTargets(t, plans, false)
}

// tellUnified writes the diffs to stdout, and the state of the sources to stderr.
func tellUnified(t *terminal, r *request, list *resolved, plans []accessmap.TargetPlan) {
	r.warnSources(t, list)
	for _, p := range plans {
		warnTarget(t, p)
		for line := range strings.Lines(p.UnifiedDiff()) {
			line = strings.TrimSuffix(line, "\n")
			t.data(diffStyle(line), "%s", line)
		}
		if !p.TextChanged() && p.Changed() {
			t.note("%s: the text stays, its map would be rebuilt: it is not the one of this text", p.Path)
		}
	}
}

func diffStyle(line string) string {
	for _, s := range []struct{ prefix, style string }{
		{"---", bold}, {"+++", bold}, {"@@", cyan}, {"+", green}, {"-", red},
	} {
		if strings.HasPrefix(line, s.prefix) {
			return s.style
		}
	}
	return plain
}
