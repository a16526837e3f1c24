package run

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"mailallow/accessmap/plan"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Tell writes a line about each source, and warns of its problems.
func (l *List) Tell(t *terminal.Terminal) {
	rows := [][]string{{"SOURCE", "ACTION", "STATUS", "RANGES", "IPV4 ADDRESSES", "IPV6 RANGES", "AGE"}}
	for _, d := range l.Documents() {
		rows = append(rows, []string{d.Name, d.Action, string(d.Status),
			fmt.Sprint(d.Ranges), terminal.Grouped(d.IPv4Addresses), fmt.Sprint(d.IPv6Ranges), d.AgeText()})
	}
	for i, row := range terminal.Layout(t.Width(), rows) {
		style := terminal.Plain
		if i == 0 {
			style = terminal.Bold
		} else if l.Sources[i-1].Status != guard.Fresh {
			style = terminal.Yellow
		}
		t.Summary(style, "%s", row)
	}
	l.Warn(t)
	for _, s := range l.Sources {
		if s.Status == guard.Ended { // as its owner wants, and no reason for a warning
			s.topic(t).Note("source %q %s: %s", s.Source.Name, s.Standing(), l.Hint(s))
		}
		tellRefused(t, s)
	}
}

// Warn warns of the problems of the run and of each source, and of its status.
func (l *List) Warn(t *terminal.Terminal) {
	for _, p := range l.Problems {
		t.About(slog.String("kind", p.Kind)).Warn("%s", p.Text)
	}
	for _, s := range l.Sources {
		for _, p := range s.Problems {
			t.About(slog.String("source", s.Source.Name), slog.String("kind", p.Kind)).Warn("source %q: %s", s.Source.Name, p.Text)
		}
		if hint := l.Hint(s); hint != "" && s.Status != guard.Ended {
			s.topic(t).Warn("source %q %s: %s", s.Source.Name, s.Standing(), hint)
		}
	}
}

func (s Source) topic(t *terminal.Terminal) terminal.Topic {
	return t.About(slog.String("source", s.Source.Name), slog.String("status", string(s.Status)))
}

// Standing is the status of a source in a sentence, with what is written about the source.
func (s Source) Standing() string {
	text := "is " + string(s.Status)
	if s.Status == guard.Ended {
		text = "has ended"
	}
	if about := s.Life.String(); about != "" {
		text += " (" + about + ")"
	}
	return text
}

// Hint explains the status of a source: its effect on the list, or on the snapshot, and
// the command to run. It is empty for a source that is fresh.
func (l *List) Hint(s Source) string {
	kept := "it has no last good ranges, so nothing of it is in the list"
	switch {
	case s.Ranges.Len() > 0:
		kept = "its last good ranges stay, of " + s.Time.Format(time.DateOnly)
	case l.options.ForSnapshot: // the host that installs the snapshot may have last good ranges
		kept = "nothing of it is in the snapshot"
	}
	switch {
	case s.Status == guard.Ended:
		return "nothing of it is in the list; take it out of " + l.config + ", or give it a later day"
	case s.Status == guard.Held && s.There:
		if s.Lasting() {
			return kept + "; it is held where the snapshot is made, and mended there"
		}
		return kept + "; it is held where the snapshot is made, and accepted there: " + acceptThere(s.Source.Name, s.Proposed)
	case s.Status == guard.Held && s.NamesRemedy():
		return kept // the problem names the remedy
	case s.Status == guard.Held && len(s.Raise) > 0:
		return fmt.Sprintf("%s; if its networks are right, raise %s under it in %s", kept, strings.Join(s.Raise, " and "), l.config)
	case s.Status == guard.Held && s.Proposed == nil:
		return kept
	case s.Status == guard.Held:
		return kept + "; " + l.accepting(s)
	case s.Status == guard.Stale, s.Status == guard.Missing:
		return kept
	}
	return ""
}

// accepting gives the two commands that show the change of a held source and that accept it.
func (l *List) accepting(s Source) string {
	accept := " --accept " + quoted(s.Source.Name)
	look, do := "mailallow diff", "mailallow update"
	if l.options.ForSnapshot {
		do = "mailallow fetch -o FILE"
	}
	return fmt.Sprintf("look at the change with: %s%s%s; if it is right: %s%s%s@%s",
		look, l.options.flags(), accept, do, l.options.flags(), accept, s.Proposed.Digest)
}

// flags are the flags of the run that a command to paste needs, too. A snapshot below /run or from a pipe is gone by then.
func (o Options) flags() (text string) {
	if o.Config.Path != "" {
		text += " -c " + quoted(o.Config.Path)
	}
	if o.Config.Root != "" {
		text += " --root " + quoted(o.Config.Root)
	}
	if o.Signature != "" {
		text += " --signature " + quoted(o.Signature)
	}
	if o.Since != "" {
		text += " --since " + quoted(o.Since)
	}
	if s := o.Snapshot; s != "" && s != "-" && !strings.HasPrefix(s, "/run/") && !strings.HasPrefix(s, "/dev/") {
		text += " --snapshot " + quoted(s)
	}
	return text
}

// quoted gives a word as a shell reads it.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@%+:,/"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// tellTargets writes the changes of each target, in networks by source. It writes the
// networks once for targets in a row that change alike.
func (r *Result) tellTargets(t *terminal.Terminal, done bool) {
	plans := r.Plans
	differences := make([]plan.Difference, len(plans))
	for i, p := range plans {
		differences[i] = p.Difference
	}
	for i, p := range plans {
		line := TargetLine(p, done)
		t.Summary(terminal.Bold, "%s", line)
		if p.Changed() {
			t.About(slog.String("target", p.Path), slog.String("format", p.Format.Name), slog.Int("entries", p.Entries),
				slog.Int("added", len(differences[i].Added)), slog.Int("removed", len(differences[i].Removed))).Record("%s", line)
		}
		WarnTarget(t, p)
		if i+1 < len(plans) && differences[i].Equal(differences[i+1]) {
			continue
		}
		for _, g := range r.Changes(p) {
			t.Summary(terminal.Cyan, "  %s: %s", g.Title, g.Counts())
			if g.About != "" {
				t.Summary(terminal.Plain, "    %s", g.About)
			}
			tellChanges(t, terminal.Green, "+", g.Added)
			tellChanges(t, terminal.Red, "-", g.Removed)
		}
	}
}

// WarnTarget warns of the problems in the file of a target.
func WarnTarget(t *terminal.Terminal, p plan.Plan) {
	for _, problem := range p.Problems {
		t.About(slog.String("target", p.Path), slog.Int("line", problem.Line), slog.String("kind", problem.Kind)).
			Warn("%s: %s", terminal.Place(p.Path, problem.Line), problem.Text)
	}
}

// TargetLine says how many entries a target has, and whether it would change or, with
// done, has changed.
func TargetLine(p plan.Plan, done bool) string {
	entry := "line"
	if p.Format.Map {
		entry = "key"
	}
	state := "no change"
	switch {
	case p.Changed() && done:
		state = "changed"
	case p.Changed():
		state = "would change"
	}
	line := fmt.Sprintf("%s (%s): %s, %s", p.Path, p.Format.Name, terminal.Counted(uint64(p.Entries), entry, entry+"s"), state)
	if p.TextChanged() && len(p.Difference.Added)+len(p.Difference.Removed) == 0 {
		line += ", in its comments alone"
	}
	if p.MapType != "" {
		line += ", map " + p.MapType
		if p.Changed() && !p.TextChanged() {
			line += " to be rebuilt: it does not match this text"
		}
	}
	return line
}
