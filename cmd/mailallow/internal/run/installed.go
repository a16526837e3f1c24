package run

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailallow/accessmap/install"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/program"
	"mailallow/accessmap/record"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/config"
)

// Removals gives the targets in which the list may be: those of the configuration, in its order, then those that are no longer
// in it and still hold what the record says. A target in the record keeps the format and the way of writing that it had.
func Removals(s *config.Settings, installed record.Record) (all []plan.Removal) {
	var known []string
	for _, t := range s.Targets {
		found, ok := t.Installed(installed)
		r := plan.Removal{Target: t, Never: !ok && installed.Targets != nil}
		if ok {
			known = append(known, found.Path)
			if then, err := plan.TargetOf(found, s.Root); err == nil {
				r.Target.Format, r.Target.WholeFile, r.Installed = then.Format, then.WholeFile, found
			}
		}
		all = append(all, r)
	}
	for _, found := range installed.Targets {
		t, err := plan.TargetOf(found, s.Root)
		if r := (plan.Removal{Target: t, Installed: found}); err == nil && !slices.Contains(known, found.Path) && r.Holds() {
			all = append(all, r)
		}
	}
	return all
}

// Taking makes a request that takes the list out of targets, and needs neither sources nor targets in the settings.
func Taking(s *config.Settings, reason string) *Request {
	return &Request{Settings: s, Started: time.Now(), options: Options{Reason: reason}}
}

// leftovers are the targets that are no longer in the configuration and still hold the list.
func (r *Request) leftovers(installed record.Record) []plan.Removal {
	return Removals(r.Settings, installed)[len(r.Settings.Targets):]
}

// left says what is still installed of targets and sources that are no longer in the configuration.
func (r *Request) left(result *Result) (problems []allowlist.Problem) {
	if result.List.unread {
		return nil // it says that the state cannot be read
	}
	add := func(kind, format string, args ...any) {
		problems = append(problems, allowlist.Problem{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	installed, err := result.installed()
	if err != nil {
		add("record", "%v; the next update writes it again", err)
	}
	if holds := func(t record.Target) bool { return len(t.Sources) > 0 }; result.List.lost && !r.RollsBack() && slices.ContainsFunc(installed.Targets, holds) {
		add("window", "there is no last good state %s, although a list is installed: the guard has nothing to compare this run with", r.lastGoodPath())
	}
	for _, left := range r.leftovers(installed) {
		list := "the list that was installed in it (" + strings.Join(left.Installed.Sources, ", ") + ")"
		if len(left.Installed.Sources) == 0 {
			list = "an empty list"
		}
		add("left", "%s is no target any more, and still holds %s: to take it out: %s", left.Path, list, r.removing(left.Path))
	}
	for _, p := range result.Plans {
		found, _ := p.Installed(installed)
		if !p.LeftAlone {
			continue
		}
		for _, name := range found.Sources {
			if !slices.ContainsFunc(result.List.Sources, func(s Source) bool { return s.Source.Name == name && s.Status != guard.Ended }) {
				add("left", "source %q is not in the list any more, and %s still holds it, since that is left alone: to take the whole list out of it: %s",
					name, p.Path, r.removing(p.Path))
			}
		}
	}
	return problems
}

// removing is the command that takes the list out of a target.
func (r *Request) removing(path string) string {
	return "mailallow remove" + r.options.Config.Typed() + " " + program.Quoted(path)
}

// stillInstalled is what a run that can do nothing says of the list that is in its targets; nil: there is none.
func (r *Request) stillInstalled() error {
	installed, _ := record.Read(r.Settings.StateDir)
	var commands []string
	for _, left := range Removals(r.Settings, installed) {
		if len(left.Installed.Texts) > 0 && left.Holds() {
			commands = append(commands, r.removing(left.Path))
		}
	}
	if len(commands) == 0 {
		return nil
	}
	return fmt.Errorf("the list that was installed stays in force: to take it out: %s", strings.Join(commands, "; "))
}

// RecordFile is the new record, as a file to install together with the plans. It changes before the targets: the lines of a run
// that is killed must be known as ours. There is none if the record stays as it is: it is as large as the targets, and most runs
// change nothing.
func (r *Request) RecordFile(result *Result) []install.StateFile {
	before, err := result.installed()
	next := record.Record{Version: 1}
	for _, p := range result.Plans {
		earlier, known := p.Installed(before)
		switch {
		case !p.LeftAlone && p.HasText():
			next.Targets = append(next.Targets, p.Recorded(earlier, result.List.in(p.Target)))
		case known:
			next.Targets = append(next.Targets, earlier)
		}
	}
	for _, left := range r.leftovers(before) {
		next.Targets = append(next.Targets, left.Installed)
	}
	if err == nil && next.Same(before) {
		return nil
	}
	return []install.StateFile{{Path: filepath.Join(r.Settings.StateDir, state.TargetsFile), Write: next.Write, First: true}}
}

// in names the sources of which a target holds ranges.
func (l *List) in(t plan.Target) []string {
	names := []string{}
	for _, s := range l.Sources {
		if s.Ranges.Len() > 0 && t.Takes(s.Action) {
			names = append(names, s.Source.Name)
		}
	}
	return names
}

// NextUpdate says that the next update puts the list back into these targets, and what prevents that.
func NextUpdate(s *config.Settings, paths []string) string {
	var lines []string
	for i, t := range s.Targets {
		if slices.Contains(paths, t.Path) {
			lines = append(lines, fmt.Sprint(s.Line(fmt.Sprintf("target[%d]", i))))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	what := "the [[target]] of line"
	if len(lines) > 1 {
		what = "the [[target]]s of the lines"
	}
	return fmt.Sprintf("the next 'mailallow update' puts the list back: stop its timer (systemctl disable --now mailallow.timer), or take %s %s out of %s",
		what, strings.Join(lines, ", "), s.Path)
}
