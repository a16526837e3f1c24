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
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
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
	LeftAlone     bool  // it stays as it is, since too little is known
	Err           error // why there is no plan

	cf     *SendmailCF     // the one that names this file as its access map, or nil
	before int             // entries in Old
	probe  allowlist.Entry // the first key of ours in New; without an action: there is none
	live   string          // the file itself, symbolic links followed
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

// Plan works out every target, in their order. It changes nothing. The error
// holds those of all targets that cannot be planned, each with its path.
func (pl Planner) Plan(ctx context.Context, targets []Target, set *allowlist.Set) ([]TargetPlan, error) {
	plans := make([]TargetPlan, len(targets))
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
			p = TargetPlan{Target: t, Err: err}
			failed = append(failed, located(t.Path, err))
		}
		plans[i] = p
	}
	return plans, errors.Join(failed...)
}

// located puts the path before each of the errors that are joined in err.
func located(path string, err error) error {
	var each []error
	for _, e := range fault.Each(err) {
		each = append(each, fmt.Errorf("%s: %w", path, e))
	}
	return errors.Join(each...)
}

// Refused gives why there is no plan, each line of the file by itself.
func (p TargetPlan) Refused() []Problem {
	problems := []Problem{}
	var refused *MapTextError
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

func (pl Planner) plan(ctx context.Context, t Target, set *allowlist.Set) (TargetPlan, error) {
	p := TargetPlan{Target: t}
	if err := p.readOld(); err != nil {
		return p, err
	}
	spans := slices.Collect(t.Format.selected(set.Spans(), t.Want))
	if err := p.chooseMap(); err != nil {
		return p, err
	}
	if p.Root != "" && p.MapType != "" {
		if err := p.mapWithin(); err != nil {
			return p, err
		}
	}
	if err := p.render(set, spans); err != nil {
		return p, err
	}
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
		if err := canMake(ctx, p.Makemap, p.MapType); ctx.Err() != nil {
			return p, context.Cause(ctx)
		} else if err != nil {
			p.Problems = append(p.Problems, Problem{Kind: "makemap", Text: "the map could not be built here: " + err.Error()})
		}
		return p, nil
	}
	var err error
	p.MapInStep, err = MapInStep(ctx, pl.StateDir, p.Job())
	return p, err
}

// mayHold finds a source of which nothing is known and the target may hold
// ranges. A file that names no sources may hold any, if all state was lost.
func (pl Planner) mayHold(p TargetPlan) (source string, ok bool) {
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
func (p TargetPlan) untouched(source string) TargetPlan {
	p.New, p.After, p.Entries, p.MapType, p.LeftAlone = p.Old, p.Before, p.before, "", true
	p.Problems = []Problem{{Kind: "unknown",
		Text: fmt.Sprintf("not touched: nothing is known of source %q, and there is no last good state of it", source)}}
	return p
}

// CF is the sendmail.cf that names this file as its access map, or nil: there is none, or it names another one.
func (p TargetPlan) CF() *SendmailCF { return p.cf }

// Job is what Install is to do.
func (p TargetPlan) Job() Job {
	job := Job{
		Path: p.Path, Old: p.Old, OldExists: p.Exists, New: p.New,
		MapType: p.MapType, Makemap: p.Makemap, SendmailCF: p.SendmailCF, OnChange: p.OnChange,
	}
	if p.probe.Action != allowlist.None && p.MapType != "" {
		job.ProbeKey, job.ProbeValue = connectTag+string(appendKey(nil, p.probe.Prefix)), p.probe.Action.String()
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
	if p.MapType = p.Map; p.Map == MapAuto {
		p.MapType = defaultMapType
	}
	if p.SendmailCF == "" {
		return nil
	}
	cf, err := ReadSendmailCF(p.SendmailCF)
	if err != nil {
		return err
	}
	named := cf.Names(p.Path) || p.Root != "" && cf.AccessPath == strings.TrimPrefix(p.Path, filepath.Clean(p.Root))
	if !named {
		return nil
	}
	p.cf = &cf
	if p.Map == MapAuto {
		p.MapType = cf.AccessClass
	}
	return nil
}

// mapWithin is within for the map.
func (p *TargetPlan) mapWithin() error {
	usual, err := MapFile(p.MapType, p.Path)
	if err != nil {
		return err
	}
	for _, suffix := range mapSuffixes() { // makemap says later which one it is
		live, _, err := resolve(p.Path + suffix)
		if err == nil {
			err = within(p.Root, live)
		} else if p.Path+suffix != usual {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxTarget bounds the file of a target, in bytes: ten million keys with their comments are below.
const maxTarget = 1 << 30

// readOld reads what stands there, after a look at what kind of file it is.
func (p *TargetPlan) readOld() error {
	live, was, err := resolve(p.Path)
	if err == nil && p.Root != "" {
		err = within(p.Root, live)
	}
	p.live = live
	if err != nil || was == nil {
		return err
	}
	if _, err := otherNames(live, was); err != nil {
		return err
	}
	p.Exists = true
	awaitWriter(live)
	p.Old, err = bounded.File(p.Path, maxTarget)
	return err
}

// within is an error when a file that was to lie below root does not: a symbolic
// link below another root means a file there and not the host's own.
func within(root, live string) error {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(real, live); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("a symbolic link leads to %s, out of --root %s", live, root)
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
	if len(hand) > 0 {
		want.Taken = func(key netip.Prefix) bool { return hand[key] }
	}
	var text bytes.Buffer
	text.Grow(len(p.Old)) // what it is most of the time
	written, err := p.Format.Write(&text, slices.Values(spans), want)
	if err != nil {
		return err
	}
	p.Entries, p.probe = written.Entries, written.First
	if p.cf != nil && p.cf.CompressedIPv6 && written.Last.IsValid() && written.Last.Addr().Is6() {
		return fmt.Errorf("%s has UseCompressedIPv6Addresses on, and no exact IPv6 keys exist then: turn it off, or set families = [\"ipv4\"]", p.SendmailCF)
	}
	same := bytes.Equal(file.inside, text.Bytes())
	var entries []allowlist.Entry
	// What stands there was read back before it was put there, and by far the most runs change nothing.
	if !same || slices.ContainsFunc(keys, func(h handKey) bool { return len(h.within(spans)) > 0 }) {
		if entries, err = p.readBack(text.Bytes(), spans, keys); err != nil {
			return err
		}
	}
	p.Problems = overlaps(keys, entries, written.Left, set, spans)
	switch {
	case p.Format.Bare, same && written.Entries > 0: // the spans know more than a bare file
		p.After = spans
	default:
		p.After = allowlist.Nest(entries)
	}
	p.readBefore(file.inside, same)
	p.New = append([]byte{}, text.Bytes()...) // never nil: an empty file is a file
	if inBlock {
		p.New = file.splice(p.New)
	}
	return nil
}

// readBack gives the entries of a text that is to be installed, which say exactly what the list says.
func (p *TargetPlan) readBack(text []byte, spans []allowlist.Span, hand []handKey) ([]allowlist.Entry, error) {
	entries, err := p.Format.Read(text)
	if err != nil {
		return nil, fmt.Errorf("what was written as %s does not read back: %w", p.Format.Name, err)
	}
	return entries, p.Format.verify(entries, spans, hand)
}

// readBefore reads what stands there now, for the difference that people see.
func (p *TargetPlan) readBefore(ours []byte, same bool) {
	if same {
		p.before, p.Before = p.Entries, p.After
		return
	}
	entries, err := p.Format.Read(ours)
	if err != nil {
		p.Problems = append(p.Problems, Problem{Kind: "foreign",
			Text: "what stands there was not written by mailallow and will be replaced: " + err.Error()})
	}
	p.before, p.Before = len(entries), allowlist.Nest(entries)
}
