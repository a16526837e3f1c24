// Package plan works out the new content of each target. It reads the present file, chooses the type of the map, writes the
// new text around the lines that people wrote, and gives the difference. It changes no file: package install does.
package plan

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"mailallow/accessmap/format"
	"mailallow/accessmap/install"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
)

// Target is a file that is to hold the list.
type Target struct {
	Format     format.Format
	Path       string // absolute; it begins with Root
	WholeFile  bool   // the file has no hand-written lines, though the format allows a block among them
	Map        string // "auto", "none" or a type of makemap's; only for formats with a map
	Makemap    string // a name or path of the program; empty: PATH, then the usual places
	SendmailCF string // the sendmail.cf that "auto" and the checks read; it begins with Root
	CFOptional bool   // SendmailCF may be absent
	Root       string // the root directory of another system; the paths inside its sendmail.cf do not have it. Empty: /
	Want       format.Selection
	OnChange   []string // argv of a command to run after the target changed
}

// Plan is a target with its present and its planned file. Each embedded value is the result of one stage.
type Plan struct {
	Target
	Current
	MapChoice
	Content
	MapInStep bool   // the installed map already matches New
	LeftAlone bool   // the target is not changed, because the state of a source is lost
	Gone      bool   // the file and its map are to be removed; New is nil
	Err       error  // why there is no plan; only Target is set then
	mapFile   string // that makemap makes of New; empty: it was not asked

	asked func() (path string, err error) // see ask; nil: not yet
}

// Changed reports whether an installation would replace the file or its map.
func (p *Plan) Changed() bool {
	return p.TextChanged() || p.MapType != "" && !p.MapInStep
}

// First reports whether an installation would put entries of mailallow where there are none.
func (p *Plan) First() bool {
	return p.HasText() && (!p.Exists || p.newBlock)
}

// TextChanged reports whether an installation would replace the file itself.
func (p *Plan) TextChanged() bool {
	return p.Exists != p.HasText() || p.Long == nil && !bytes.Equal(p.Old, p.New)
}

// Planner makes plans. Its fields hold for all targets of a run.
type Planner struct {
	StateDir  string        // it holds the record of installed maps; it may be absent
	Installed record.Record // what is in the targets now
	// Unknown are the sources without ranges: they were not fetched or are held, and they have no last good state. A target
	// that may hold ranges of such a source is left alone, because the state was lost and the addresses may still be good.
	Unknown []string
	// Lost is true if no source has a last good state.
	Lost bool
	// KeepsOut is a source of Unknown whose action is REJECT or EXCLUDE, or empty. Without its ranges the list would let in
	// addresses that it must keep out, so no target is changed.
	KeepsOut string
	// Installs: the plans are to be installed, and what that needs begins while they are made.
	Installs bool
	// LooksOnly is true for a command that starts no program that the configuration names: see makemap.Own.
	LooksOnly bool
}

// All makes a plan for each target, in their order, and changes nothing. The error joins those of all targets without a plan,
// each with its path; the plan of such a target has it in Err. Two targets must not be the same file.
func (pl Planner) All(ctx context.Context, targets []Target, set *allowlist.Set) ([]*Plan, error) {
	plans := make([]*Plan, len(targets))
	var failed []error
	paths := map[string]string{} // by resolved path
	for i, t := range targets {
		p, err := pl.plan(ctx, t, set)
		if other, taken := paths[p.resolved]; taken && err == nil {
			err = fmt.Errorf("it is the same file as %s", other)
		}
		if p.resolved != "" {
			paths[p.resolved] = t.Path
		}
		if err != nil {
			p = &Plan{Target: t, Err: err}
			failed = append(failed, fault.In(t.Path, err))
		}
		plans[i] = p
	}
	return plans, errors.Join(failed...)
}

// Refused gives the reasons why there is no plan, one problem for each line of the file. It is empty for a plan without Err.
func (p *Plan) Refused() []Problem {
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

func (pl Planner) plan(ctx context.Context, t Target, set *allowlist.Set) (*Plan, error) {
	p := &Plan{Target: t}
	var err error
	if p.Current, err = readTarget(t); err != nil {
		return p, err
	}
	if p.MapChoice, err = chooseMap(t); err != nil {
		return p, err
	}
	if p.MapType != "" {
		p.digest = install.DigestOf(p.Old)
	}
	if pl.Installs && !p.Exists && p.MapType != "" && len(pl.Unknown) == 0 { // decide asks for it
		asking, stop := context.WithCancel(ctx)
		asked := p.ask(asking)
		go asked()
		defer asked() // makemap does not outlive a plan that fails, nor delays it
		defer stop()
		p.asked = asked
	}
	if p.Content, err = pl.render(t, p.Current, p.MapChoice, set); err != nil {
		return p, err
	}
	err = pl.decide(ctx, p)
	if p.verified != nil && !pl.Installs {
		err = cmp.Or(p.verified(), err)
	}
	return p, err
}

// decide leaves the target alone if the state of a source is lost, and finds out whether the map can be built or is in step.
func (pl Planner) decide(ctx context.Context, p *Plan) (err error) {
	if source, ok := pl.mayHold(p); ok {
		p.leave(source)
		return nil
	}
	if len(pl.Unknown) > 0 && p.empty {
		p.stay() // the managed part is empty, and no source has ranges for it
		return nil
	}
	if p.MapType == "" {
		return nil
	}
	if pl.LooksOnly {
		own, found := makemap.Own(p.Makemap)
		if !found {
			pl.withoutMakemap(p)
			return nil
		}
		p.Makemap = own
	}
	if p.TextChanged() {
		if p.asked == nil {
			p.asked = p.ask(ctx)
		}
		if p.mapFile, err = p.asked(); ctx.Err() != nil {
			return context.Cause(ctx)
		} else if err != nil {
			p.Problems = append(p.Problems, Problem{Kind: "makemap", Text: "the map could not be built here: " + err.Error()})
		}
		return nil
	}
	p.MapInStep, err = install.MapInStep(ctx, pl.StateDir, p.Job())
	return err
}

// ask gives a function that asks makemap, once, for the path of the map that it makes: see makemap.CanMake.
func (p *Plan) ask(ctx context.Context) func() (path string, err error) {
	program, mapType, path := p.Makemap, p.MapType, p.Path
	return sync.OnceValues(func() (string, error) { return makemap.CanMake(ctx, program, mapType, path) })
}

// withoutMakemap knows of the map what the last installation has recorded.
func (pl Planner) withoutMakemap(p *Plan) {
	p.MapInStep = hasMap(p.Path)
	if p.MapInStep && !p.TextChanged() && !install.MapRecorded(pl.StateDir, p.Job()) {
		p.Problems = append(p.Problems, Problem{Kind: "makemap", Text: fmt.Sprintf("whether its map matches the text is not known: "+
			"%s, which the configuration names, is not started to look, and Sendmail's makemap is neither in PATH nor where systems have it", p.Makemap)})
	}
}

// hasMap reports whether a map of any type is beside a text.
func hasMap(textPath string) bool {
	return slices.ContainsFunc(makemap.Suffixes(), func(suffix string) bool {
		_, err := os.Stat(textPath + suffix)
		return err == nil
	})
}

// mayHold finds a source of Unknown whose ranges the target may hold. A file that names no sources may hold those of any
// source, if the state of all is lost.
func (pl Planner) mayHold(p *Plan) (source string, ok bool) {
	switch {
	case len(pl.Unknown) == 0 || !p.TextChanged():
		return "", false
	case pl.KeepsOut != "":
		return pl.KeepsOut, true
	}
	if p.before.unnamed && pl.Lost {
		return pl.Unknown[0], true
	}
	for _, source := range pl.Unknown {
		if p.before.sources[source] {
			return source, true
		}
	}
	return "", false
}

// stay makes the file that is to be the one that is there.
func (p *Plan) stay() {
	p.New, p.Long, p.managed, p.read, p.verified, p.MapType = p.Old, nil, record.ManagedText(p.before.managed), nil, nil, ""
	p.moves = 0
}

// leave leaves the target alone for a source of which nothing is known.
func (p *Plan) leave(source string) {
	p.stay()
	p.Compare, p.Entries, p.LeftAlone = nil, p.before.entries, true
	p.Problems = []Problem{{Kind: "unknown",
		Text: fmt.Sprintf("not touched: nothing is known of source %q, and there is no last good state of it", source)}}
}

// Renumber gives the problems below the block the lines that they have once the plan is carried out.
func (p *Plan) Renumber() {
	for i := range p.Problems {
		if line := &p.Problems[i].Line; p.marker > 0 && *line > p.marker {
			*line += p.moves
		}
	}
	p.moves = 0
}

// Job gives the work of this plan to package install.
func (p *Plan) Job() install.Job {
	job := install.Job{
		Path: p.Path, Old: p.Old, OldExists: p.Exists, New: p.New, NewText: p.read, Verified: p.verified, Gone: p.Gone,
		MapType: p.MapType, MapFile: p.mapFile, Makemap: p.Makemap, SendmailCF: p.cfPath, OnChange: p.OnChange,
	}
	if p.Long != nil {
		job.Long = &p.Long.Long
	}
	if !p.TextChanged() {
		job.NewDigest = p.digest
	}
	if p.probe.Action != allowlist.None && p.MapType != "" {
		job.ProbeKey, job.ProbeValue = key.Connect+string(key.Append(nil, p.probe.Prefix)), p.probe.Action.String()
	}
	return job
}
