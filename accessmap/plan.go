package accessmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/allowlist"
)

// Target is a file that is to hold the list.
type Target struct {
	Format     Format
	Path       string
	WholeFile  bool   // nothing in the file is written by hand, though the format would allow it
	Map        string // "auto", "none" or a type of makemap's; for formats with a map
	Makemap    string // a name or path of the program; empty: the usual places
	SendmailCF string // where "auto" and the checks look
	CFOptional bool   // it may be absent, and says nothing then
	Root       string // what stands before Path and SendmailCF, and not before the paths inside sendmail.cf
	Want       Selection
	OnChange   []string // argv to run once the target changed
}

// MapAuto and MapNone are the words of Target.Map that are no types.
const (
	MapAuto = "auto"
	MapNone = "none"

	defaultMapType = "hash"
)

// MapTypes are the words that Target.Map may be.
func MapTypes() []string { return []string{MapAuto, "hash", "btree", "cdb", MapNone} }

// TargetPlan is a target with what stands there and what is to stand there.
type TargetPlan struct {
	Target
	Exists        bool
	Old, New      []byte
	Before, After []allowlist.Span // what our part of the file says, and what it will say
	Entries       int              // keys or lines of ours in New
	MapType       string           // empty: no map is built
	MapInStep     bool             // the map there is already the one of New
	Problems      []Problem
}

// Changed tells whether installing would touch the file or its map.
func (p TargetPlan) Changed() bool { return p.TextChanged() || p.MapType != "" && !p.MapInStep }

// TextChanged tells whether the text itself would change.
func (p TargetPlan) TextChanged() bool {
	return p.Exists != (p.New != nil) || !bytes.Equal(p.Old, p.New)
}

// Planner makes plans. Its fields hold for all targets of a run.
type Planner struct {
	StateDir string // where the record of maps is; it may be absent
	// Unknown tells that a source is missing and that there is no last good state
	// either, so that an empty list may come from not knowing: a target is left as
	// it is then, rather than emptied or begun.
	Unknown bool
}

// Plan works out every target. It changes nothing. The error holds those of all
// targets that cannot be planned, each with its path; their plans are left out.
func (pl Planner) Plan(ctx context.Context, targets []Target, set *allowlist.Set) ([]TargetPlan, error) {
	var plans []TargetPlan
	var failed []error
	for _, t := range targets {
		p, err := pl.plan(ctx, t, set)
		if err != nil {
			failed = append(failed, located(t.Path, err))
			continue
		}
		plans = append(plans, p)
	}
	return plans, errors.Join(failed...)
}

// located puts the path before each of the errors that are joined in err.
func located(path string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", path, err)
	}
	var each []error
	for _, e := range joined.Unwrap() {
		each = append(each, located(path, e))
	}
	return errors.Join(each...)
}

func (pl Planner) plan(ctx context.Context, t Target, set *allowlist.Set) (TargetPlan, error) {
	p := TargetPlan{Target: t}
	if err := p.readOld(); err != nil {
		return p, err
	}
	spans := t.Format.selected(set, t.Want)
	if len(spans) == 0 && pl.Unknown {
		p.New = p.Old
		p.Problems = []Problem{{Kind: "unknown", Text: "not touched: no source could be fetched, and there is no last good state to go on with"}}
		return p, nil
	}
	if err := p.chooseMap(); err != nil {
		return p, err
	}
	if err := p.render(set, spans); err != nil {
		return p, err
	}
	if p.MapType == "" {
		return p, nil
	}
	if p.TextChanged() {
		if err := canMake(ctx, p.Makemap, p.MapType); err != nil {
			p.Problems = append(p.Problems, Problem{Kind: "makemap", Text: "the map could not be built here: " + err.Error()})
		}
		return p, nil
	}
	var err error
	p.MapInStep, err = MapInStep(ctx, pl.StateDir, p.Job())
	return p, err
}

// Job is what Install is to do.
func (p TargetPlan) Job() Job {
	job := Job{
		Path: p.Path, Old: p.Old, OldExists: p.Exists, New: p.New,
		MapType: p.MapType, Makemap: p.Makemap, SendmailCF: p.SendmailCF, OnChange: p.OnChange,
	}
	if len(p.After) > 0 && p.MapType != "" {
		e := p.After[0].Entry
		job.ProbeKey, job.ProbeValue = connectTag+string(appendKey(nil, e.Prefix)), e.Action.String()
	}
	return job
}

// chooseMap settles the type of the map: what the target names, else what
// sendmail.cf says of this very path, else hash.
func (p *TargetPlan) chooseMap() error {
	if !p.Format.Map || p.Map == MapNone {
		return nil
	}
	if _, err := os.Stat(p.SendmailCF); p.CFOptional && errors.Is(err, fs.ErrNotExist) {
		p.SendmailCF = ""
	}
	if p.MapType = p.Map; p.Map != MapAuto {
		return nil
	}
	p.MapType = defaultMapType
	if p.SendmailCF == "" {
		return nil
	}
	cf, err := ReadSendmailCF(p.SendmailCF)
	if err != nil {
		return err
	}
	if cf.Names(p.Path) || p.Root != "" && cf.AccessPath == strings.TrimPrefix(p.Path, filepath.Clean(p.Root)) {
		p.MapType = cf.AccessClass
	}
	return nil
}

func (p *TargetPlan) readOld() error {
	old, err := os.ReadFile(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(p.Path)); err != nil {
			return fmt.Errorf("its directory is not there, and mailallow makes none: %w", err)
		}
	case err != nil:
		return err
	default:
		p.Exists, p.Old = true, old
	}
	return nil
}

// render makes the new text, in a block or whole, and reads it back.
func (p *TargetPlan) render(set *allowlist.Set, spans []allowlist.Span) error {
	inBlock := p.Format.Block && !p.WholeFile
	file := managed{inside: p.Old}
	hand := map[netip.Prefix]bool{}
	var keys []handKey
	if inBlock {
		var err error
		if file, err = extract(p.Old); err != nil {
			return err
		}
		var refused []MapProblem
		if keys, refused = handKeys(file); len(refused) > 0 && p.MapType != "" {
			return &MapTextError{Problems: refused}
		}
		for _, h := range keys {
			hand[h.prefix] = true
		}
	}
	want := p.Want
	want.Taken = func(key netip.Prefix) bool { return hand[key] }
	var text bytes.Buffer
	written, err := p.Format.Write(&text, set, want)
	if err != nil {
		return err
	}
	entries, err := p.Format.Read(text.Bytes())
	if err != nil {
		return fmt.Errorf("what was written as %s does not read back: %w", p.Format.Name, err)
	}
	if err := p.Format.verify(slices.Concat(entries, written.Left), spans); err != nil {
		return err
	}
	p.Entries, p.After = written.Entries, allowlist.Nest(entries)
	p.Problems = overlaps(keys, written.Left, set, spans)
	p.readBefore(file.inside)
	p.New = append([]byte{}, text.Bytes()...) // never nil: an empty file is a file
	if inBlock {
		p.New = file.splice(p.New)
	}
	return nil
}

// readBefore reads what stands there now, for the difference that people see.
func (p *TargetPlan) readBefore(ours []byte) {
	entries, err := p.Format.Read(ours)
	if err != nil {
		p.Problems = append(p.Problems, Problem{Kind: "foreign",
			Text: "what stands there was not written by mailallow and will be replaced: " + err.Error()})
	}
	p.Before = allowlist.Nest(entries)
}
