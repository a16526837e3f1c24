package main

import (
	"mailallow/accessmap"

	"github.com/urfave/cli/v2"
)

const updateText = `Brings every target to what the sources say now: the text is replaced, the map
rebuilt beside it and swapped in, both or neither, and on_change commands run when
something changed. Where nothing changes nothing is written.

A source that cannot be fetched, or that the guard does not believe, goes on with
its last good ranges and does not stop the others (exit 3 or 4 says so).`

func update(t *terminal, c *cli.Context) error {
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
	plans, report, err := r.install(c.Context, list, plans)
	if err != nil {
		return r.failed(t, list, plans, report, err)
	}
	r.tellSources(t, list)
	tellTargets(t, plans, true)
	tellReport(t, report)
	if t.json {
		if err := t.document(r.document(list, plans, report, nil)); err != nil {
			return err
		}
	}
	return outcome(list.codes()...)
}

// failed tells all there is to tell of a run that did not install, and passes
// its error on.
func (r *request) failed(t *terminal, list *resolved, plans []accessmap.TargetPlan, report accessmap.Report, err error) error {
	r.tellSources(t, list)
	tellReport(t, report)
	if t.json {
		if err := t.document(r.document(list, plans, report, err)); err != nil {
			return err
		}
	}
	return err
}

func (r *request) document(list *resolved, plans []accessmap.TargetPlan, report accessmap.Report, err error) runDocument {
	doc := runDocument{
		Version: documentVersion, Changed: report.Changed, Installed: report.Installed,
		Targets: targetDocuments(plans), Sources: r.sourceDocuments(list), Problems: []runProblem{},
	}
	if err != nil {
		doc.Problems = append(doc.Problems, runProblem{Kind: "error", Text: err.Error()})
	}
	for _, w := range report.Warnings {
		doc.Problems = append(doc.Problems, runProblem{Kind: "warning", Text: w})
	}
	return doc
}

func tellReport(t *terminal, report accessmap.Report) {
	for _, w := range report.Warnings {
		t.warn("%s", w)
	}
	for _, c := range report.Commands {
		t.note("ran %q", c.Argv)
		if c.Output != "" {
			t.detail("%s", c.Output)
		}
	}
}
