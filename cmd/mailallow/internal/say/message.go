// Package say has what a run says of its list and its targets, to people and in a log: a table, what came and went, and one
// message for one cause, with what to do. It decides nothing.
package say

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"mailallow/accessmap/program"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/spf"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Message is what a run says of its sources: a warning, a line of a review, or a record of a log. One cause has one message,
// however many sources it concerns.
type Message struct {
	Source   string        // empty: it is about the run, or about several sources
	Status   guard.Status  // empty: it is about no status
	Standing string        // the status of the source in a sentence
	Kind     string        // of a problem; empty: it is about a status
	Text     string        // behind what the fields above say
	Change   *SourceChange // what a held source would take
	Whole    string        // what to say of the rest of a Change that is too long; it may be empty
	Steps    []string      // what to do, each with a command to paste or a key to write
}

// list is a list of which the messages tell.
type list struct{ *run.List }

// Messages gives what is to be told of the run, then of each source. A source that is fresh has a message for each problem,
// any other has one, and those that one cause has left stale have one together.
func Messages(l *run.List) (all []Message) {
	says := list{l}
	for _, p := range l.Problems {
		all = append(all, Message{Kind: p.Kind, Text: p.Text})
	}
	alike := says.alike()
	for i, s := range l.Sources {
		reasons, facts := divided(s)
		for _, p := range facts {
			all = append(all, Message{Source: s.Source.Name, Kind: p.Kind, Text: p.Text})
		}
		switch group := alike[i]; {
		case s.Status == guard.Fresh:
		case len(group) == 0:
			all = append(all, says.ofSource(s, reasons))
		case group[0] == i:
			all = append(all, says.ofGroup(group, reasons))
		}
	}
	return all
}

// divided gives the problems of a source that are reasons for its status, and those that every run tells. The error of a policy
// names the terms that end it.
func divided(s run.Source) (reasons, facts []allowlist.Problem) {
	failed := slices.ContainsFunc(s.Problems, func(p allowlist.Problem) bool { return p.Kind == "fetch" })
	for _, p := range s.Problems {
		switch {
		case s.Status == guard.Fresh || s.Status == guard.Ended || IsFact(p.Kind):
			facts = append(facts, p)
		case !failed || !spf.EndsPolicy(p.Kind):
			reasons = append(reasons, p)
		}
	}
	return reasons, facts
}

// IsFact reports whether a problem of this kind says nothing about the status of a source.
func IsFact(kind string) bool {
	return slices.Contains([]string{"special", "skipped", "canonicalised", "shared-relay", "embedded", "more", run.KindPinned, spf.KindUnlistable, spf.KindUncertain, spf.KindMapped, spf.KindModifier,
		spf.KindLookupLimit, spf.KindVoidLimit, spf.KindMXLimit}, kind)
}

// alike gives for each source the sources that have its status for the same reasons, itself among them; none if it is the only
// one, or held: each change is another.
func (l list) alike() [][]int {
	groups := map[string][]int{}
	of := make([]string, len(l.Sources))
	for i, s := range l.Sources {
		if s.Status != guard.Stale && s.Status != guard.Missing || s.Life.String() != "" {
			continue
		}
		of[i] = fmt.Sprint(s.Status, s.Pinned)
		reasons, _ := divided(s)
		for _, p := range reasons {
			if p.Kind != guard.KindAge { // the message tells each age
				of[i] += "\n" + p.Text
			}
		}
		groups[of[i]] = append(groups[of[i]], i)
	}
	all := make([][]int, len(l.Sources))
	for i, key := range of {
		if len(groups[key]) > 1 {
			all[i] = groups[key]
		}
	}
	return all
}

// maxNamed bounds the sources that one message names. A configuration with as many providers as the catalogue has names fewer.
const maxNamed = 100

// ofGroup is the message of sources that one cause has left stale or missing, with their ages.
func (l list) ofGroup(group []int, reasons []allowlist.Problem) Message {
	first := l.Sources[group[0]]
	var names []string
	old := 0
	for _, i := range group {
		s := l.Sources[i]
		name := s.Source.Name
		if age := l.ageOf(s); age != "" {
			name += " (" + age + ")"
		}
		if slices.ContainsFunc(s.Problems, func(p allowlist.Problem) bool { return p.Kind == guard.KindAge }) {
			old++
		}
		names = append(names, name)
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], "and "+ascii.Count(more)+" more")
	}
	kept := "nothing of them is in the " + l.product()
	switch {
	case first.Pinned:
		kept = "their pinned ranges stay"
	case first.Status == guard.Stale:
		kept = "their last good ranges stay"
	}
	text := fmt.Sprintf("%d sources are %s: %s", len(group), first.Status, kept)
	if why := texts(reasons, guard.KindAge); why != "" {
		text += ": " + why
	}
	if old > 0 {
		text += fmt.Sprintf("; the ranges of %d are older than max_age", old)
	}
	return Message{Status: first.Status, Text: text + ": " + strings.Join(names, ", ")}
}

// ofSource is the message of a source that is not fresh: what its status means, why it has it, what to do.
func (l list) ofSource(s run.Source, reasons []allowlist.Problem) Message {
	text := l.kept(s)
	if why := texts(reasons); why != "" {
		text += ": " + why
	}
	m := Message{Source: s.Source.Name, Status: s.Status, Standing: s.Standing(), Text: text}
	if s.Status == guard.Held {
		m.Change = Refused(s)
		if l.Options.Since == "" { // diff compares with the state of this host alone
			m.Whole = "; 'mailallow diff" + l.Options.Typed() + " --format markdown' lists them"
		}
	}
	if s.Status == guard.Held && !s.Pinned {
		m.Steps = l.steps(s)
	}
	return m
}

func texts(problems []allowlist.Problem, without ...string) string {
	var all []string
	for _, p := range problems {
		if !slices.Contains(without, p.Kind) {
			all = append(all, p.Text)
		}
	}
	return strings.Join(all, "; ")
}

// kept is the effect of a status on the list, or on the snapshot that is made.
func (l list) kept(s run.Source) string {
	switch {
	case s.Status == guard.Ended:
		return "nothing of it is in the list; take it out of " + l.Config + ", or give it a later day"
	case s.Pinned:
		return "its pinned ranges stay, of " + s.Time.Format(time.DateOnly)
	case s.Ranges.Len() > 0:
		kept := "its last good ranges stay, of " + s.Time.Format(time.DateOnly)
		if age := l.ageOf(s); age != "" {
			kept += " (" + age + ")"
		}
		return kept
	case l.Options.ForSnapshot: // the host that installs the snapshot may have last good ranges
		return "nothing of it is in the snapshot"
	}
	return "it has no last good ranges, so nothing of it is in the list"
}

// product is what the run makes.
func (l list) product() string {
	if l.Options.ForSnapshot {
		return "snapshot"
	}
	return "list"
}

// ageOf is the age of the ranges of a source; empty: they are of now, it has none, or it is not known.
func (l list) ageOf(s run.Source) string {
	age := s.Age(l.Now)
	if s.Ranges.Len() == 0 || l.ClockWrong || age < time.Minute {
		return ""
	}
	return terminal.Age(age)
}

// steps are what ends the hold of a source.
func (l list) steps(s run.Source) []string {
	switch {
	case s.There != "" && s.Lasting():
		return []string{"it is held where the snapshot is made, and mended there"}
	case s.There != "":
		return []string{"it is held where the snapshot is made, and accepted there: " + s.There}
	case s.NamesRemedy(): // the problem does
		return nil
	case len(s.Raise) > 0:
		return []string{fmt.Sprintf("if its networks are right, raise %s under it in %s", strings.Join(s.Raise, " and "), l.Config)}
	case s.Proposed == nil:
		return nil
	}
	accept := l.Options.Typed() + " --accept " + program.Quoted(s.Source.Name)
	do := "mailallow update"
	if l.Options.ForSnapshot {
		do = "mailallow fetch -o FILE"
	}
	right := "if it is right: " + do + accept + "@" + s.Proposed.Digest
	if l.Options.Since != "" { // diff compares with the state of this host alone
		return []string{right}
	}
	return []string{"look at the change with: mailallow diff" + accept, right}
}

// Subject says what the text is about; empty: the text does.
func (m Message) Subject() string {
	switch {
	case m.Source == "":
		return ""
	case m.Status == "":
		return fmt.Sprintf("source %q: ", m.Source)
	}
	return fmt.Sprintf("source %q %s: ", m.Source, m.Standing)
}

// Warn writes the messages that somebody should look at on stderr, and gives them.
func Warn(t *terminal.Terminal, l *run.List) (warned []Message) {
	for _, m := range Messages(l) {
		if m.Status != guard.Ended { // that is as its owner wants
			m.topic(t).Warn("%s", m)
			warned = append(warned, m)
		}
	}
	return warned
}

// note writes the other messages.
func note(t *terminal.Terminal, l *run.List) {
	for _, m := range Messages(l) {
		if m.Status == guard.Ended {
			m.topic(t).Note("%s", m)
		}
	}
}

func (m Message) topic(t *terminal.Terminal) terminal.Topic {
	var attrs []slog.Attr
	for _, a := range []struct{ name, value string }{{"source", m.Source}, {"kind", m.Kind}, {"status", string(m.Status)}} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	return t.About(attrs...)
}

// String is the message for a terminal: what it is about, then below it what is at stake and what to do.
func (m Message) String() string {
	lines := []string{m.Subject() + m.Text}
	if m.Change != nil {
		lines = append(lines, m.Change.widest(m.Whole)...)
	}
	return strings.Join(append(lines, m.Steps...), terminal.Below)
}
