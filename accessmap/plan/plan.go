// Package plan works out what is to be in each target: what is there, which map is made, the new text around the lines that
// people wrote, and the difference. It changes no file.
package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"mailallow/accessmap/format"
	"mailallow/accessmap/install"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
)

// Target is a file that is to hold the list.
type Target struct {
	Format     format.Format
	Path       string
	WholeFile  bool   // nothing in the file is written by hand, though the format would allow it
	Map        string // "auto", "none" or a type of makemap's; for formats with a map
	Makemap    string // a name or path of the program; empty: the usual places
	SendmailCF string // where "auto" and the checks look
	CFOptional bool   // it may be absent, and says nothing then
	Root       string // what stands before Path and SendmailCF, and not before the paths inside sendmail.cf
	Want       format.Selection
	OnChange   []string // argv to run once the target changed
}

// Plan is a target with the file as it is and as it is to be: what the stages of planning found, each in its turn.
type Plan struct {
	Target
	Standing
	MapChoice
	Content
	MapInStep bool  // the map there is already the one of New
	LeftAlone bool  // it stays as it is, since too little is known
	Err       error // why there is no plan
}

// Changed tells whether installing would touch the file or its map.
func (p Plan) Changed() bool { return p.TextChanged() || p.MapType != "" && !p.MapInStep }

// TextChanged tells whether the text itself would change.
func (p Plan) TextChanged() bool {
	return p.Exists != (p.New != nil) || !bytes.Equal(p.Old, p.New)
}

// Planner makes plans. Its fields hold for all targets of a run.
type Planner struct {
	StateDir string // where the record of maps is; it may be absent
	// Unknown are sources that have no ranges because they could not be fetched, or
	// are held, and of which no last good state is known. A target that may hold
	// ranges of one is left as it is: its state was lost, and not its addresses.
	Unknown []string
	// Lost tells that there is no last good state of any source.
	Lost bool
	// Barred is one of Unknown that takes addresses away, or empty: without it the
	// list would let in what it is there to keep out, so no target is touched.
	Barred string
}

// All works out every target, in their order. It changes nothing. The error
// holds those of all targets that cannot be planned, each with its path.
func (pl Planner) All(ctx context.Context, targets []Target, set *allowlist.Set) ([]Plan, error) {
	plans := make([]Plan, len(targets))
	var failed []error
	by := map[string]string{}
	for i, t := range targets {
		p, err := pl.plan(ctx, t, set)
		if other, taken := by[p.live]; taken && err == nil {
			err = fmt.Errorf("it is the same file as %s", other)
		}
		if p.live != "" {
			by[p.live] = t.Path
		}
		if err != nil {
			p = Plan{Target: t, Err: err}
			failed = append(failed, fault.In(t.Path, err))
		}
		plans[i] = p
	}
	return plans, errors.Join(failed...)
}

// Refused gives why there is no plan, each line of the file by itself.
func (p Plan) Refused() []Problem {
	problems := []Problem{}
	var refused *makemap.TextError
	if errors.As(p.Err, &refused) {
		for _, line := range refused.Problems {
			problems = append(problems, Problem{Kind: "error", Line: line.Line, Text: line.Reason})
		}
		return problems
	}
	for _, err := range fault.Each(p.Err) {
		problems = append(problems, Problem{Kind: "error", Line: fault.LineOf(err), Text: err.Error()})
	}
	return problems
}

// plan takes a target through the stages: what is there, which map is made, what is to be there, what is to be done.
func (pl Planner) plan(ctx context.Context, t Target, set *allowlist.Set) (Plan, error) {
	p := Plan{Target: t}
	var err error
	if p.Standing, err = readTarget(t); err != nil {
		return p, err
	}
	if p.MapChoice, err = chooseMap(t); err != nil {
		return p, err
	}
	if p.Content, err = render(t, p.Standing, p.MapChoice, set); err != nil {
		return p, err
	}
	return pl.decide(ctx, p)
}

// decide leaves the target alone where too little is known of it, and tells whether its map is in step.
func (pl Planner) decide(ctx context.Context, p Plan) (Plan, error) {
	if source, ok := pl.mayHold(p); ok {
		return p.untouched(source), nil
	}
	if len(pl.Unknown) > 0 && len(p.Before) == 0 && len(p.After) == 0 {
		p.New, p.MapType = p.Old, "" // nothing of ours there, and nothing to begin with
		return p, nil
	}
	if p.MapType == "" {
		return p, nil
	}
	if p.TextChanged() {
		if err := makemap.CanMake(ctx, p.Makemap, p.MapType); ctx.Err() != nil {
			return p, context.Cause(ctx)
		} else if err != nil {
			p.Problems = append(p.Problems, Problem{Kind: "makemap", Text: "the map could not be built here: " + err.Error()})
		}
		return p, nil
	}
	var err error
	p.MapInStep, err = install.MapInStep(ctx, pl.StateDir, p.Job())
	return p, err
}

// mayHold finds a source of which nothing is known and the target may hold
// ranges. A file that names no sources may hold any, if all state was lost.
func (pl Planner) mayHold(p Plan) (source string, ok bool) {
	switch {
	case len(pl.Unknown) == 0 || !p.TextChanged():
		return "", false
	case pl.Barred != "":
		return pl.Barred, true
	}
	for _, s := range p.Before {
		owners := s.Entry().Owners
		if len(owners) == 0 && pl.Lost {
			return pl.Unknown[0], true
		}
		for _, o := range owners {
			if slices.Contains(pl.Unknown, o.Source) {
				return o.Source, true
			}
		}
	}
	return "", false
}

// untouched is the plan that changes nothing.
func (p Plan) untouched(source string) Plan {
	p.New, p.After, p.Entries, p.MapType, p.LeftAlone = p.Old, p.Before, p.before, "", true
	p.Problems = []Problem{{Kind: "unknown",
		Text: fmt.Sprintf("not touched: nothing is known of source %q, and there is no last good state of it", source)}}
	return p
}

// Job is what Install is to do.
func (p Plan) Job() install.Job {
	job := install.Job{
		Path: p.Path, Old: p.Old, OldExists: p.Exists, New: p.New,
		MapType: p.MapType, Makemap: p.Makemap, SendmailCF: p.reads, OnChange: p.OnChange,
	}
	if p.probe.Action != allowlist.None && p.MapType != "" {
		job.ProbeKey, job.ProbeValue = key.Connect+string(key.Append(nil, p.probe.Prefix)), p.probe.Action.String()
	}
	return job
}
