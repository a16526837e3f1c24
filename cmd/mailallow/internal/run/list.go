package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// List is the merged list, with the guard's verdict on each source.
type List struct {
	Sources  []Source // in the order of the configuration
	Set      *allowlist.Set
	Now      time.Time // ages are counted to here
	KeepsOut string    // a source of unknown with REJECT or EXCLUDE; empty: none

	Problems []allowlist.Problem // of the run, not of one source

	ClockWrong bool    // no age is known
	Options    Options // of the run, for commands to paste
	Config     string  // the file with the sources

	lastGood *snapshot.Snapshot // the new last good state
	lost     bool               // there was no last good state
	unread   bool               // the state could not be read
	unknown  []string           // sources without ranges, here and in the last good state
	memory   guard.Memory       // the guard's new memory
	pins     pins               // by which sources are pinned
}

// Source is a source with the guard's verdict on it.
type Source struct {
	allowlist.Source
	guard.Verdict
	There  string // the command that accepts it where the snapshot is made that the run was given; empty: it is not held there
	Pinned bool   // a rollback pinned its ranges, and what the status says is not of them
}

// Resolve fetches the sources, or takes them from the snapshot, has the guard judge each,
// and merges them.
func (r *Request) Resolve(ctx context.Context, t *terminal.Terminal) (*List, error) {
	return r.resolve(ctx, t, time.Now())
}

// resolve does what Resolve does. clock is the time that the computer shows.
func (r *Request) resolve(ctx context.Context, t *terminal.Terminal, clock time.Time) (*List, error) {
	k, err := r.known(ctx, t, clock)
	if err != nil {
		return nil, err
	}
	f, problems, err := r.gather(ctx, t, k)
	if err != nil {
		return nil, err
	}
	if why := context.Cause(ctx); why != nil {
		return nil, fmt.Errorf("nothing was changed: fetching the sources: %w", why)
	}
	judged, err := r.judgeAll(k, f)
	if err != nil {
		return nil, err
	}
	return r.merged(k, problems, judged), nil
}

// merged makes the list of the verdicts, with the state that the next run compares with. problems are those of gathering.
func (r *Request) merged(k *known, problems []allowlist.Problem, judged []judgement) *List {
	list := &List{Now: k.now, ClockWrong: k.wrong != "", Options: r.options, Config: r.Settings.Path,
		lost: k.lastGood == nil, unread: k.unread != nil, pins: k.pins}
	list.Problems = append(problems, r.circumstances(k)...)
	var good []allowlist.Resolved
	var forgotten []guard.Earlier
	for i := range judged {
		j := &judged[i]
		src, last := j.source, j.lastGood()
		list.Sources = append(list.Sources, j.carried())
		switch {
		case src.Inline():
			continue
		case last == nil:
			list.unknown = append(list.unknown, src.Name)
			if src.Action.KeepsOut() {
				list.KeepsOut = src.Name
			}
			continue
		}
		good = append(good, *last)
		after := j.guard.After(j.earlier, j.verdict)
		if !after.Whole(src.Limits.Window, k.now) {
			forgotten = append(forgotten, after)
		}
		list.memory.Remember(after)
	}
	list.Sources = r.withEnded(list.Sources)
	if len(forgotten) > 0 {
		list.Problems = append(list.Problems, r.incomplete(forgotten, k.memoryErr))
	}
	list.Problems = append(list.Problems, k.pins.problems...)
	if text := list.pinned(r.options.WritesState); text != "" {
		list.Problems = append(list.Problems, allowlist.Problem{Kind: KindPinned, Text: text})
	}
	list.Set = allowlist.Merge(list.Labelled())
	list.lastGood = snapshot.New(r.writtenNow(k, judged), good)
	return list
}

// circumstances are the problems that the run had from its beginning.
func (r *Request) circumstances(k *known) (problems []allowlist.Problem) {
	if k.unread != nil {
		problems = append(problems, *k.unread)
	}
	for _, w := range r.Settings.Warnings {
		problems = append(problems, allowlist.Problem{Kind: "no-effect", Text: w.Error()})
	}
	if r.Settings.Writable != nil {
		problems = append(problems, allowlist.Problem{Kind: "writable", Text: r.Settings.Writable.Error()})
	}
	if k.wrong != "" {
		problems = append(problems, allowlist.Problem{Kind: "clock", Text: k.wrong})
	}
	return problems
}

// incomplete says of sources that states of the window are lost. err is why the memory cannot be used; nil: it can.
func (r *Request) incomplete(sources []guard.Earlier, err error) allowlist.Problem {
	whose := fmt.Sprintf("source %q", sources[0].Last.Name)
	if len(sources) > 1 {
		whose = fmt.Sprintf("%d sources", len(sources))
	}
	since := slices.MaxFunc(sources, func(a, b guard.Earlier) int { return a.Lost.Compare(b.Lost) }).Lost
	text := fmt.Sprintf("the guard knows no states of %s from before %s: until a whole window has passed it compares with fewer",
		whose, since.Format(time.DateOnly))
	if err != nil {
		text = fmt.Sprintf("the guard compares %s with the last good state alone: %v", whose, err)
	}
	return allowlist.Problem{Kind: "window", Text: text}
}

// Labelled gives the ranges of every source with its action.
func (l *List) Labelled() (sources []allowlist.Labelled) {
	for _, s := range l.Sources {
		sources = append(sources, allowlist.Labelled{Source: s.Source.Name, Action: s.Action, Ranges: s.Ranges})
	}
	return sources
}

// writtenNow is the time of the last good state of this run: that of before, if the run took nothing. A snapshot that was
// accepted though it is older sets none back.
func (r *Request) writtenNow(k *known, judged []judgement) time.Time {
	took := false
	for _, j := range judged {
		took = took || j.verdict.Taken && !j.source.Inline() && !j.pinned
	}
	switch {
	case !took, !r.Fetches() && k.given.Snapshot == nil:
		return k.inForce()
	case r.Fetches():
		return k.now
	}
	at := k.given.Written
	if at.Before(k.inForce()) || !at.Before(k.now.Add(clockSlack)) {
		return k.inForce()
	}
	return at
}

// Snapshot makes a snapshot of every source that has ranges, or was held, with its status.
func (l *List) Snapshot() *snapshot.Snapshot {
	var all []snapshot.Source
	for _, s := range l.Sources {
		if s.Time.IsZero() && s.Status != guard.Held {
			continue
		}
		one := snapshot.Source{Resolved: s.Resolved, Status: s.Status, Reasons: snapshot.Reasons(s.Status, s.Problems), Refused: s.Proposed}
		if s.Pinned { // the status is not of these ranges: where the snapshot is used, nobody could accept them
			one.Status, one.Reasons, one.Refused = guard.Fresh, nil, nil
		}
		if one.Name = s.Source.Name; one.Time.IsZero() {
			one.Validator = nil
		}
		all = append(all, one)
	}
	return snapshot.Of(l.Now, all)
}

// Refused is the error of a list that must not be written, else nil. Without the ranges of
// KeepsOut the list would let in the addresses that this source keeps out.
func (l *List) Refused() error {
	if l.KeepsOut == "" {
		return nil
	}
	return exit.Worst(fmt.Errorf("nothing is written: nothing is known of source %q, which takes addresses away", l.KeepsOut), l.Codes()...)
}

// Counts gives the number of sources with each status.
func (l *List) Counts() map[guard.Status]int {
	counts := map[guard.Status]int{}
	for _, s := range l.Sources {
		counts[s.Status]++
	}
	return counts
}

// Holds adds to what became of the product of a run how many sources are held, stale and missing.
func (l *List) Holds(product string) string {
	parts := []string{product}
	counts := map[guard.Status]int{}
	for _, s := range l.Sources {
		if !s.Pinned {
			counts[s.Status]++
		}
	}
	for _, status := range []guard.Status{guard.Held, guard.Stale, guard.Missing} {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", terminal.Counted(uint64(n), "source", "sources"), status))
		}
	}
	return strings.Join(parts, "; ")
}

// Codes gives the exit codes for the statuses of the sources.
func (l *List) Codes() (codes []int) {
	of := map[guard.Status]int{guard.Fresh: exit.Done, guard.Held: exit.Held, guard.Stale: exit.Stale, guard.Missing: exit.Stale, guard.Ended: exit.Done}
	for _, s := range l.Sources {
		if !s.Pinned {
			codes = append(codes, of[s.Status])
		}
	}
	if l.pins.limited {
		codes = append(codes, exit.Held)
	}
	return codes
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
