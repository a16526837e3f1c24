package run

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"mailallow/accessmap/install"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/history"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// KindPinned is the kind of the problems that tell of pins.
const KindPinned = "pinned"

// pinning is the pins of a run.
type pinning struct {
	file     *snapshot.Snapshot   // the pins of an earlier rollback, or of this one; nil: there never was one
	held     []allowlist.Resolved // those that hold, by the sources of today
	problems []allowlist.Problem  // what a rollback does not restore
	limited  bool                 // it does not for a limit of today
	undone   bool                 // the rollback has failed, and its pins do not hold
}

// pinsPath is the file of the ranges that a rollback pinned, a snapshot: whoever reads it needs neither the history nor the last
// good state. So a rollback is one file, and a run that is killed behind it leaves the rest to the next update.
func (r *Request) pinsPath() string { return filepath.Join(r.Settings.StateDir, state.PinsFile) }

// RollsBack reports whether the run installs the list of an entry of the history.
func (r *Request) RollsBack() bool { return r.options.Rollback != nil }

// readPins reads the pins, or makes those of a rollback; nil if there are none, or the run knows no state.
func (r *Request) readPins(last *snapshot.Snapshot) (err error) {
	if r.options.Rollback != nil {
		return r.pinsOfRollback(last)
	}
	if r.options.NoGuard || r.options.Since != "" || r.stateless != nil {
		return nil
	}
	r.pinning.file, err = loadSnapshot(r.pinsPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.Hint("", "'"+r.options.releaseLine()+"' takes the pins away", "the pins of a rollback cannot be read: %w; nothing was changed", err)
	}
	return nil
}

// releaseLine is the command that takes the pins away.
func (o Options) releaseLine() string {
	return "mailallow rollback --release" + o.Config.Typed()
}

// pin puts the pinned ranges in the place of those that the guard let through, whatever it said of these. The restored ranges
// are the last good ones, and the window begins anew with them.
func (r *Request) pin(judged []judgement) error {
	r.pinning.held = nil
	var refused []error
	for i, last := range r.pinning.file.Match(r.sources) {
		src := r.sources[i]
		if last == nil {
			continue
		}
		v := &judged[i].verdict
		if !pins(src, last) {
			v.Problems = append(v.Problems, allowlist.Problem{Kind: KindPinned, Text: "it is defined otherwise now: that ends its pin"})
			continue
		}
		if r.accepted[src.Name].Given {
			refused = append(refused, fmt.Errorf("--accept %q: it is pinned by a rollback: '%s' comes first", src.Name, r.options.releaseLine()))
			continue
		}
		pinned := *last
		pinned.Name = src.Name
		r.pinning.held = append(r.pinning.held, pinned)
		if text := wouldChange(pinned, *v); text != "" && r.options.Rollback == nil {
			v.Problems = append(v.Problems, allowlist.Problem{Kind: KindPinned, Text: text})
		}
		before := judged[i].earlier.Last
		restored := before == nil || !prefixes.Equal(before.Ranges.Fewest(), pinned.Ranges.Fewest())
		v.Resolved, v.Taken, v.Accepted = pinned, restored, restored
		if v.Status == guard.Missing {
			v.Status = guard.Stale
		}
		judged[i].pinned = true
	}
	return exit.With(exit.Usage, errors.Join(refused...))
}

// pins reports whether a pin of the source, or nil, holds: a source that is defined otherwise now has none.
func pins(src allowlist.Source, pin *allowlist.Resolved) bool {
	return pin != nil && (pin.Definition == src.Definition() || src.FromSnapshot)
}

// wouldChange says what would come and go without the pin; empty for nothing, and if the ranges are not known.
func wouldChange(pinned allowlist.Resolved, v guard.Verdict) string {
	if !v.Taken {
		return ""
	}
	now, then := v.Ranges.Fewest(), pinned.Ranges.Fewest()
	came, gone := now.Minus(then).Len(), then.Minus(now).Len()
	if came+gone == 0 {
		return ""
	}
	return fmt.Sprintf("without its pin %s would come and %s would go", terminal.Counted(uint64(came), "network", "networks"), terminal.Counted(uint64(gone), "network", "networks"))
}

// pinProblems says which sources are pinned, and how that ends.
func (r *Request) pinProblems() []allowlist.Problem {
	if len(r.pinning.held) == 0 {
		return r.pinning.problems
	}
	var names []string
	for _, s := range r.pinning.held {
		names = append(names, fmt.Sprintf("%q", s.Name))
	}
	be := [...]string{"is", "are"}
	if r.options.Rollback != nil && (!r.options.WritesState || r.pinning.undone) {
		be = [...]string{"would be", "would be"}
	}
	whose := fmt.Sprintf("source %s %s", names[0], be[0])
	if len(names) > 1 {
		whose = fmt.Sprintf("%d sources %s", len(names), be[1])
	}
	first := r.pinning.file.Sources[0].Reasons
	text := fmt.Sprintf("%s pinned by a rollback", whose)
	if len(first) > 0 {
		text = fmt.Sprintf("%s pinned by %s", whose, first[0].Text)
	}
	if len(names) > 1 {
		text += " (" + strings.Join(names, ", ") + ")"
	}
	return append(r.pinning.problems, allowlist.Problem{Kind: KindPinned, Text: text + "; updates leave that as it is until '" + r.options.releaseLine() + "'"})
}

// PinnedNothing has the list of a rollback that failed say what would be pinned.
func (r *Request) PinnedNothing(list *List) {
	r.pinning.undone = true
	told := r.pinProblems()
	for i, p := range list.Problems {
		if p.Kind == KindPinned { // there is one at most, the last that pinProblems gives
			list.Problems[i] = told[len(told)-1]
		}
	}
}

// pinFiles is the file of the pins, to be installed before the list. There is none if there never was one.
func (r *Request) pinFiles() []install.StateFile {
	if r.pinning.file == nil {
		return nil
	}
	pins := snapshot.Of(r.pinning.file.Written, nil)
	for _, s := range r.pinning.held {
		kept := snapshot.Source{Resolved: s}
		if len(r.pinning.file.Sources) > 0 {
			kept.Reasons = r.pinning.file.Sources[0].Reasons
		}
		pins.Sources = append(pins.Sources, kept)
	}
	return []install.StateFile{{Path: r.pinsPath(), Write: snapshot.Of(pins.Written, pins.Sources).Encode, First: true}}
}

// Release gives the files that take all pins away, with the entry of the history; released is how many sources were pinned.
// Pins that cannot be read are taken away, too.
func (r *Request) Release() (files []install.StateFile, released int, err error) {
	r.pinning.file, err = loadSnapshot(r.pinsPath())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(r.pinning.file.Sources) == 0 {
		return nil, 0, nil
	}
	if released = 1; err == nil {
		released = len(r.pinning.file.Sources)
	}
	r.pinning.file, r.pinning.held = &snapshot.Snapshot{}, nil
	files = r.pinFiles()
	p := readPast(r.Settings.StateDir)
	if p.err != nil {
		return nil, 0, p.err
	}
	if p.before.Known {
		entry, err := r.record(p, history.Entry{Command: history.Release, Reason: r.options.Reason}, p.before.Sources)
		return append(files, entry...), released, err
	}
	return files, released, nil
}

// pinsOfRollback makes the pins of a rollback: every source that had ranges then and is defined now as it was, but no inline
// list. The widths and totals of today bind.
func (r *Request) pinsOfRollback(last *snapshot.Snapshot) error {
	state, err := r.rollbackState()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("the rollback of %s to the list of %s", date(r.Now), date(state.Time))
	if r.options.Reason != "" {
		what += ": " + history.OneLine(r.options.Reason)
	}
	then := &snapshot.Snapshot{}
	for _, s := range state.Sources {
		if s.Ranges.Len() > 0 {
			then.Sources = append(then.Sources, snapshot.Source{Resolved: allowlist.Resolved{Name: s.Name, Definition: s.Definition, Time: state.Time, Ranges: s.Ranges}})
		}
	}
	then = snapshot.Of(r.Now, then.Sources)
	r.pinning.file = snapshot.Of(r.Now, nil)
	for i, found := range then.Match(r.sources) {
		src := r.sources[i]
		if found == nil || src.Inline() {
			continue
		}
		pinned := *found
		pinned.Name = src.Name
		if why := r.cannotPin(src, pinned, last); why != "" {
			r.pinning.problems = append(r.pinning.problems, allowlist.Problem{Kind: "not-restored", Text: fmt.Sprintf("source %q stays as it is: %s", src.Name, why)})
			continue
		}
		r.pinning.file.Sources = append(r.pinning.file.Sources, snapshot.Source{Resolved: pinned, Reasons: []allowlist.Problem{{Kind: KindPinned, Text: what}}})
	}
	if len(r.pinning.file.Sources) == 0 {
		return exit.With(exit.Usage, fault.Hint("", "name another entry or a time: 'mailallow history' lists them",
			"nothing can be rolled back to the list of %s: no source of the configuration had ranges then under its definition of now; nothing was changed", date(state.Time)))
	}
	pinned := r.pinning.file.Sources
	sort.Slice(pinned, func(i, j int) bool { return pinned[i].Name < pinned[j].Name })
	return nil
}

// cannotPin says why ranges of then are not restored; empty: they are.
func (r *Request) cannotPin(src allowlist.Source, then allowlist.Resolved, last *snapshot.Snapshot) string {
	definition := src.Definition()
	if now, ok := last.Find(src.Name); src.FromSnapshot && ok {
		definition = now.Definition
	}
	if then.Definition != definition {
		return "it was defined otherwise then"
	}
	g := guard.Guard{Limits: src.Limits, Static: src.Static(), ByName: src.Hosts != nil, Now: r.Now, ClockWrong: true}
	v := g.Check(guard.Earlier{}, allowlist.Fetched{Resolved: then})
	if v.Status == guard.Fresh {
		return ""
	}
	r.pinning.limited = true
	var why []string
	for _, p := range v.Problems {
		why = append(why, p.Text)
	}
	return strings.Join(why, "; ")
}

// rollbackState finds the list to go back to.
func (r *Request) rollbackState() (history.State, error) {
	log, err := OpenHistory(r.Settings.StateDir)
	if err != nil {
		return history.State{}, err
	}
	if len(log.Segments) == 0 {
		return history.State{}, exit.Usagef("there is no history yet: it begins with the next update")
	}
	to := *r.options.Rollback
	var state history.State
	var problems []allowlist.Problem
	var what string
	if to == "" {
		var id string
		if state, id, problems = log.BeforeChange(); id == "" {
			why := "no update in the history changed the list: name an entry or a time"
			for _, p := range problems {
				why += "\n" + p.Text
			}
			return state, exit.Usagef("%s", why)
		}
		what = "before the entry " + id
	} else {
		state, what, problems, err = stateOf(log, to, r.Now)
		if err != nil {
			return state, err
		}
	}
	r.pinning.problems = append(r.pinning.problems, problems...)
	if !state.Known {
		return state, exit.Usagef("the history does not know the list %s: it begins later, or that part of it is damaged; what left the history (history = %q, %d MiB) cannot be rolled back to",
			what, ascii.Duration(r.Settings.History), history.MaxBytes>>20)
	}
	return state, nil
}

// stateOf gives the list after an entry, or at a time.
func stateOf(log history.Log, to string, now time.Time) (state history.State, what string, problems []allowlist.Problem, err error) {
	state, found, problems := log.After(to)
	if found {
		return state, "after the entry " + to, problems, nil
	}
	at, err := config.ParseTime(to, now)
	if err != nil {
		return state, "", nil, exit.Usagef("%q is no entry of the history and no time: 'mailallow history' lists the entries; what left the history cannot be rolled back to; a time is 2026-11-01 or 2026-11-01T22:00:00Z", to)
	}
	if at.After(now) {
		return state, "", nil, exit.Usagef("%s is in the future: a rollback goes back", date(at))
	}
	state, problems = log.At(at)
	return state, "of " + date(at), problems, nil
}
