package run

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
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

// pins are what a rollback pinned, an earlier one or that of this run.
type pins struct {
	file     *snapshot.Snapshot  // nil: there never was a rollback
	problems []allowlist.Problem // what the rollback of this run does not restore
	limited  bool                // it does not for a limit of today
}

// pinsPath is the file of the ranges that a rollback pinned, a snapshot: whoever reads it needs neither the history nor the last
// good state. So a rollback is one file, and a run that is killed behind it leaves the rest to the next update.
func (r *Request) pinsPath() string { return filepath.Join(r.Settings.StateDir, state.PinsFile) }

// RollsBack reports whether the run installs the list of an entry of the history.
func (r *Request) RollsBack() bool { return r.options.Rollback != nil }

// pins reads the pins, or makes those of a rollback. There are none if the run knows no state.
func (r *Request) pins(k *known) (p pins, err error) {
	switch {
	case r.options.Rollback != nil:
		return r.pinsOfRollback(k)
	case r.options.NoGuard || r.options.Since != "" || k.unread != nil:
		return p, nil
	}
	if p.file, err = loadSnapshot(r.pinsPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, fault.Hint("", "'"+r.options.releaseLine()+"' takes the pins away", "the pins of a rollback cannot be read: %w; nothing was changed", err)
	}
	return p, nil
}

// releaseLine is the command that takes the pins away.
func (o Options) releaseLine() string {
	return "mailallow rollback --release" + o.Config.Typed()
}

// pin puts pinned ranges in the place of those that the guard let through, whatever it said of these. The restored ranges are
// the last good ones, and the window begins anew with them.
func (r *Request) pin(j *judgement, pinned allowlist.Resolved) error {
	name, v := j.source.Name, &j.verdict
	if !j.pinned {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: KindPinned, Text: "it is defined otherwise now: that ends its pin"})
		return nil
	}
	if r.accepted[name].Given {
		return fmt.Errorf("--accept %q: it is pinned by a rollback: '%s' comes first", name, r.options.releaseLine())
	}
	pinned.Name = name
	if text := wouldChange(pinned, *v); text != "" && r.options.Rollback == nil {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: KindPinned, Text: text})
	}
	before := j.earlier.Last
	restored := before == nil || !prefixes.Equal(before.Ranges.Fewest(), pinned.Ranges.Fewest())
	v.Resolved, v.Taken, v.Accepted = pinned, restored, restored
	if v.Status == guard.Missing {
		v.Status = guard.Stale
	}
	return nil
}

// stillPinned reports whether a pin, or nil, is one of the source as it is defined now.
func stillPinned(src allowlist.Source, pin *allowlist.Resolved) bool {
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

// pinned says which sources are pinned, and how that ends; empty: none is. written: the pins of a rollback are, or will be.
func (l *List) pinned(written bool) string {
	var names []string
	for _, s := range l.Sources {
		if s.Pinned {
			names = append(names, fmt.Sprintf("%q", s.Source.Name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	be := [...]string{"is", "are"}
	if l.Options.Rollback != nil && !written {
		be = [...]string{"would be", "would be"}
	}
	whose := fmt.Sprintf("source %s %s", names[0], be[0])
	if len(names) > 1 {
		whose = fmt.Sprintf("%d sources %s", len(names), be[1])
	}
	first := l.pins.file.Sources[0].Reasons
	text := fmt.Sprintf("%s pinned by a rollback", whose)
	if len(first) > 0 {
		text = fmt.Sprintf("%s pinned by %s", whose, first[0].Text)
	}
	if len(names) > 1 {
		text += " (" + strings.Join(names, ", ") + ")"
	}
	return text + "; updates leave that as it is until '" + l.Options.releaseLine() + "'"
}

// PinnedNothing has the list of a rollback that failed say what would be pinned.
func (l *List) PinnedNothing() {
	for i, p := range l.Problems {
		if p.Kind == KindPinned {
			l.Problems[i].Text = l.pinned(false)
		}
	}
}

// pinFiles is the file of the pins that a list leaves. There is none if there never was one.
func (r *Request) pinFiles(list *List) []install.StateFile {
	if list.pins.file == nil {
		return nil
	}
	var left []snapshot.Source
	for _, s := range list.Sources {
		if s.Pinned {
			left = append(left, snapshot.Source{Resolved: s.Resolved, Reasons: list.pins.file.Sources[0].Reasons})
		}
	}
	return []install.StateFile{r.pinFile(snapshot.Of(list.pins.file.Written, left))}
}

// pinFile is the file of the pins, to be installed before the list.
func (r *Request) pinFile(pins *snapshot.Snapshot) install.StateFile {
	return install.StateFile{Path: r.pinsPath(), Write: pins.Encode, First: true}
}

// Release gives the files that take all pins away, with the entry of the history; released is how many sources were pinned.
// Pins that cannot be read are taken away, too.
func (r *Request) Release() (files []install.StateFile, released int, err error) {
	pins, err := loadSnapshot(r.pinsPath())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(pins.Sources) == 0 {
		return nil, 0, nil
	}
	if released = 1; err == nil {
		released = len(pins.Sources)
	}
	files = []install.StateFile{r.pinFile(&snapshot.Snapshot{})}
	p := readPast(r.Settings.StateDir)
	if p.err != nil {
		return nil, 0, p.err
	}
	if p.before.Known {
		entry, err := r.record(p, history.Entry{Command: history.Release, Time: time.Now(), Reason: r.options.Reason}, p.before.Sources)
		return append(files, entry...), released, err
	}
	return files, released, nil
}

// pinsOfRollback makes the pins of a rollback: every source that had ranges then and is defined now as it was, but no inline
// list. The widths and totals of today bind.
func (r *Request) pinsOfRollback(k *known) (p pins, err error) {
	state, problems, err := r.rollbackState(k.now)
	if err != nil {
		return p, err
	}
	what := fmt.Sprintf("the rollback of %s to the list of %s", date(k.now), date(state.Time))
	if r.options.Reason != "" {
		what += ": " + history.OneLine(r.options.Reason)
	}
	then := &snapshot.Snapshot{}
	for _, s := range state.Sources {
		if s.Ranges.Len() > 0 {
			then.Sources = append(then.Sources, snapshot.Source{Resolved: allowlist.Resolved{Name: s.Name, Definition: s.Definition, Time: state.Time, Ranges: s.Ranges}})
		}
	}
	then = snapshot.Of(k.now, then.Sources)
	matched := then.Match(k.sources)
	p.problems = append(problems, k.ofConfiguration(state.Sources, matched)...)
	var pinned []snapshot.Source
	for i, found := range matched {
		src := k.sources[i]
		if found == nil || src.Inline() {
			continue
		}
		one := *found
		one.Name = src.Name
		why, limited := k.cannotPin(src, one)
		if why != "" {
			p.problems = append(p.problems, notRestored(src.Name, "stays as it is: "+why))
			p.limited = p.limited || limited
			continue
		}
		pinned = append(pinned, snapshot.Source{Resolved: one, Reasons: []allowlist.Problem{{Kind: KindPinned, Text: what}}})
	}
	if len(pinned) == 0 {
		return p, exit.With(exit.Usage, fault.Hint("", "name another entry or a time: 'mailallow history"+r.options.Config.Typed()+"' lists them",
			"nothing can be rolled back to the list of %s: no source of the configuration had ranges then under its definition of now; nothing was changed", date(state.Time)))
	}
	p.file = snapshot.Of(k.now, pinned)
	return p, nil
}

func notRestored(source, why string) allowlist.Problem {
	return allowlist.Problem{Kind: "not-restored", Text: fmt.Sprintf("source %q %s", source, why)}
}

// ofConfiguration says in what the list will not be that of then because the configuration is another one: a rollback to before such
// a change may change nothing. matched has for each source its last good state of then, or nil.
func (k *known) ofConfiguration(then []history.Installed, matched []*allowlist.Resolved) (problems []allowlist.Problem) {
	now, stays := k.lastGood.Match(k.sources), map[string]bool{}
	for i := range k.sources {
		src, was := &k.sources[i], &history.Installed{}
		name := src.Name
		if matched[i] != nil {
			name = matched[i].Name // before it was renamed
		}
		stays[name] = true
		for n := range then {
			if then[n].Name == name {
				was = &then[n]
			}
		}
		switch {
		case was.Ranges.Len() == 0 && (src.Inline() || now[i] != nil):
			problems = append(problems, notRestored(src.Name, "stays as it is: it had no ranges then"))
		case src.Inline() && was.Definition != src.Definition():
			problems = append(problems, notRestored(src.Name, "stays as it is: it was defined otherwise then"))
		case was.Name != "" && was.Action != src.Action:
			problems = append(problems, notRestored(src.Name,
				fmt.Sprintf("stays %s: it was %s then, and an action is that of the configuration", src.Action, was.Action)))
		}
	}
	for n := range then {
		if !stays[then[n].Name] && then[n].Ranges.Len() > 0 {
			problems = append(problems, notRestored(then[n].Name, "does not come back: it is not in the configuration any more, or has ended"))
		}
	}
	return problems
}

// cannotPin says why ranges of then are not restored; empty: they are. limited: a limit of today refuses them.
func (k *known) cannotPin(src allowlist.Source, then allowlist.Resolved) (why string, limited bool) {
	definition := src.Definition()
	if now, ok := k.lastGood.Find(src.Name); src.FromSnapshot && ok {
		definition = now.Definition
	}
	if then.Definition != definition {
		return "it was defined otherwise then", false
	}
	g := guard.Guard{Limits: src.Limits, Static: src.Static(), ByName: src.Hosts != nil, Now: k.now, ClockWrong: true}
	v := g.Check(guard.Earlier{}, allowlist.Fetched{Resolved: then})
	if v.Status == guard.Fresh {
		return "", false
	}
	var all []string
	for _, p := range v.Problems {
		all = append(all, p.Text)
	}
	return strings.Join(all, "; "), true
}

// rollbackState finds the list to go back to. The problems are those of the history.
func (r *Request) rollbackState(now time.Time) (state history.State, problems []allowlist.Problem, err error) {
	log, err := OpenHistory(r.Settings.StateDir)
	if err != nil {
		return state, nil, err
	}
	if len(log.Segments) == 0 {
		return state, nil, exit.Usagef("there is no history yet: it begins with the next update")
	}
	to := *r.options.Rollback
	var what string
	if to == "" {
		var id string
		if state, id, problems = log.BeforeChange(); id == "" {
			why := "no update in the history changed the list: name an entry or a time"
			for _, p := range problems {
				why += "\n" + p.Text
			}
			return state, nil, exit.Usagef("%s", why)
		}
		what = "before the entry " + id
	} else {
		state, what, problems, err = r.stateOf(log, to, now)
		if err != nil {
			return state, nil, err
		}
	}
	if !state.Known {
		return state, nil, exit.Usagef("the history does not know the list %s: it begins later, or that part of it is damaged; what left the history (history = %q, %d MiB) cannot be rolled back to",
			what, ascii.Duration(r.Settings.History), history.MaxBytes>>20)
	}
	return state, problems, nil
}

// stateOf gives the list after an entry, or at a time.
func (r *Request) stateOf(log history.Log, to string, now time.Time) (state history.State, what string, problems []allowlist.Problem, err error) {
	state, found, problems := log.After(to)
	if found {
		return state, "after the entry " + to, problems, nil
	}
	at, err := config.ParseTime(to, now)
	if err != nil {
		return state, "", nil, exit.Usagef("%q is no entry of the history and no time: 'mailallow history%s' lists the entries; what left the history cannot be rolled back to; a time is 2026-11-01 or 2026-11-01T22:00:00Z", to, r.options.Config.Typed())
	}
	if at.After(now) {
		return state, "", nil, exit.Usagef("%s is in the future: a rollback goes back", date(at))
	}
	state, problems = log.At(at)
	return state, "of " + date(at), problems, nil
}
