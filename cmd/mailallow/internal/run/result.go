package run

import (
	"context"
	"slices"
	"strings"
	"sync"

	"mailallow/accessmap/install"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/servers"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Result is the list, the plans and the report of a run, as far as it has come.
type Result struct {
	List   *List // nil: the sources were not resolved
	Plans  []*plan.Plan
	Report install.Report // of the installation; zero: there was none
	// Consequences of the plans for mail, by logs; nil: none was read.
	Consequences *Consequences

	// Both are read while the list is made.
	installed func() (record.Record, error) // the record of what is installed in the targets
	past      func() past                   // see readAhead; nil: the run writes no state
}

// LeavesAlone reports whether a target stays as it is because too little is known of the sources; bare: one whose file names none.
func (r *Result) LeavesAlone(bare bool) bool {
	for _, p := range r.Plans {
		if p.LeftAlone && (p.Format.Bare || !bare) {
			return true
		}
	}
	return false
}

// Changes reports whether an installation of the plans would change a target.
func (r *Result) Changes() bool {
	return slices.ContainsFunc(r.Plans, (*plan.Plan).Changed)
}

// Compare begins to work out what the plans change, beside other work.
func (r *Result) Compare() {
	for _, p := range r.Plans {
		go p.Difference()
	}
}

// Planned resolves the sources and plans the targets. It returns a result with an error,
// too.
func (r *Request) Planned(ctx context.Context, t *terminal.Terminal) (*Result, error) {
	result := &Result{installed: sync.OnceValues(func() (record.Record, error) { return record.Read(r.Settings.StateDir) })}
	go result.installed() // it is as large as the targets
	if r.options.WritesState {
		result.past = readAhead(r.Settings.StateDir) // it is as long as the list
	}
	var err error
	if result.List, err = r.Resolve(ctx, t); err != nil {
		return result, err
	}
	if result.Plans, err = r.Plan(ctx, result); err != nil {
		err = fault.Unchanged(err)
	}
	result.List.Problems = append(result.List.Problems, r.left(result)...)
	return result, err
}

// Plan plans the new files of the targets for the list of a result. With an error it
// returns the plans of the targets without a mistake.
func (r *Request) Plan(ctx context.Context, result *Result) ([]*plan.Plan, error) {
	list := result.List
	installed, _ := result.installed() // left says why it cannot be used
	planner := plan.Planner{StateDir: r.Settings.StateDir, Installed: installed, Unknown: list.unknown, Lost: list.lost, KeepsOut: list.KeepsOut,
		Installs: r.options.WritesState, LooksOnly: r.options.LooksOnly || r.Settings.Writable != nil}
	plans, err := planner.All(ctx, r.Settings.Targets, list.Set)
	if err != nil {
		err = exit.With(exit.Install, err)
	}
	for _, p := range plans {
		if p.Err != nil || !p.First() {
			continue
		}
		for _, f := range servers.NotRead(ctx, r.options.Config.Root, p) {
			p.Problems = append(p.Problems, plan.Problem{Kind: "not-read", Text: f.Text + "; " + strings.ReplaceAll(f.Fix, "\n", terminal.Below)})
		}
	}
	return plans, err
}

// Document writes the JSON document, if one is asked for. failed is the error of the
// run; nil: there is none.
func (r *Result) Document(t *terminal.Terminal, failed error) error {
	if !t.JSON {
		return nil
	}
	doc := Document{
		Changed: r.Report.Changed, Installed: r.Report.Installed,
		Targets: targetDocuments(r.Plans, failed == nil || r.Report.Installed),
		Sources: []SourceDocument{}, Problems: []allowlist.Problem{},
		Consequences: r.Consequences,
	}
	if r.List != nil {
		doc.Sources, doc.Problems = r.List.Documents(), append(doc.Problems, r.List.Problems...)
	}
	if failed != nil {
		doc.Problems = append(doc.Problems, allowlist.Problem{Kind: "error", Text: failed.Error()})
	}
	for _, w := range r.Report.Warnings {
		doc.Problems = append(doc.Problems, allowlist.Problem{Kind: "warning", Text: w})
	}
	return t.Document(doc)
}
