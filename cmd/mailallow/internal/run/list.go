package run

import (
	"context"
	"errors"
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
	unread   bool               // for it could not be read
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

// resolve does what Resolve does, at the time that the computer's clock shows.
func (r *Request) resolve(ctx context.Context, t *terminal.Terminal, clock time.Time) (*List, error) {
	k, err := r.known(ctx, t, clock)
	if err != nil {
		return nil, err
	}
	fetched, problems, err := r.gather(ctx, t, k)
	if err != nil {
		return nil, err
	}
	if why := context.Cause(ctx); why != nil {
		return nil, fmt.Errorf("nothing was changed: fetching the sources: %w", why)
	}
	judged, err := r.judgeAll(k, fetched)
	if err != nil {
		return nil, err
	}
	return r.merged(k, problems, judged), nil
}

// merged makes the list of the verdicts, and the state with which the next run compares. problems are those of fetching.
func (r *Request) merged(k known, problems []allowlist.Problem, judged []judgement) *List {
	list := &List{Now: k.now, ClockWrong: k.wrong != "", Options: r.options, Config: r.Settings.Path,
		lost: k.lastGood == nil, unread: k.unread != nil, pins: k.pins}
	list.Problems = append(problems, r.circumstances(k)...)
	var good []allowlist.Resolved
	var forgotten []guard.Earlier
	for _, j := range judged {
		src, last := j.source, j.lastGood()
		list.Sources = append(list.Sources, r.carried(j))
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
func (r *Request) circumstances(k known) (problems []allowlist.Problem) {
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

// gather gives what each source says now: by the network, by the snapshot, or for a rollback by the last good state.
func (r *Request) gather(ctx context.Context, t *terminal.Terminal, k known) ([]allowlist.Fetched, []allowlist.Problem, error) {
	switch {
	case r.asLeft():
		return r.fromLastGood(ctx, k), nil, nil
	case !r.Fetches():
		return r.fromSnapshot(ctx, k), r.carrierProblems(t), nil
	case !slices.ContainsFunc(k.sources, func(src allowlist.Source) bool { return !src.Static() }):
		static := allowlist.Fetcher{Now: k.now}
		return static.Fetch(ctx, k.sources), nil, nil
	}
	return Fetch(ctx, t, r.Settings, k.sources, k.lastGood, k.now)
}

// asLeft reports whether the run takes the sources as the last update left them.
func (r *Request) asLeft() bool { return r.options.Rollback != nil || r.options.Installed }

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

// judgement is the verdict on a source, and what the guard compared it with.
type judgement struct {
	source  allowlist.Source
	guard   guard.Guard
	earlier guard.Earlier
	verdict guard.Verdict
	pinned  bool // a rollback pinned the ranges of the verdict
}

// lastGood gives the state with which the next run compares the source: the ranges in the list, else those that have expired.
// nil: there is none.
func (j judgement) lastGood() *allowlist.Resolved {
	if !j.verdict.Time.IsZero() {
		return &j.verdict.Resolved
	}
	return j.earlier.Last
}

// judgeAll has the guard judge every source of the run, puts pinned ranges in their places, and then holds the sources that need
// too many access keys.
func (r *Request) judgeAll(k known, fetched []allowlist.Fetched) ([]judgement, error) {
	judged := make([]judgement, len(fetched))
	last, pinned := k.lastGood.Match(k.sources), k.pins.file.Match(k.sources)
	for i, src := range k.sources {
		earlier := k.memory.Earlier(last[i], k.now)
		if r.options.Since != "" {
			earlier.Lost = time.Time{} // the whole window is this one state
		}
		if last[i] != nil && last[i].Name != src.Name {
			renamed := *last[i]
			renamed.Name = src.Name
			earlier.Last = &renamed
		}
		judged[i] = r.judge(k, src, earlier, fetched[i], stillPinned(src, pinned[i]))
	}
	err := r.pin(judged, pinned)
	r.fitKeys(judged)
	return judged, err
}

// judge has the guard compare a fetched source with its earlier states.
func (r *Request) judge(k known, src allowlist.Source, earlier guard.Earlier, fetched allowlist.Fetched, pinned bool) judgement {
	limits := src.Limits
	if src.Action.KeepsOut() || pinned {
		limits.Expire = 0 // an old range must still keep its addresses out, and a pin holds until it is released
	}
	g := guard.Guard{
		Limits: limits, Static: src.Static(), Unbound: src.Inline() || r.options.NoGuard, ByName: src.Hosts != nil,
		Accept: r.accepted[src.Name], Now: k.now, ClockWrong: k.wrong != "",
	}
	if there, ok := r.taken[src.Name]; ok {
		g.Static = g.Static && r.signed || src.FromSnapshot
		g.Written = r.reviewed.Written
		if k.wrong == "" {
			g.Older = r.older(k, src, there, earlier.Last)
		}
	}
	if src.FromSnapshot && fetched.Err != nil && earlier.Last != nil {
		fetched.Definition = earlier.Last.Definition // no other is known
	}
	if r.asLeft() && !src.Inline() && fetched.Err == nil && g.Expired(earlier.Last) {
		fetched.Err = errors.New("no update has fetched it since")
	}
	v := g.Check(earlier, fetched)
	if src.Action == allowlist.Relay {
		v.Problems = append(v.Problems, sharedRelay(src)...)
	}
	return judgement{source: src, guard: g, earlier: earlier, verdict: v}
}

func sharedRelay(src allowlist.Source) []allowlist.Problem {
	shared, ok := src.OnSharedHosts()
	if !ok {
		return nil
	}
	return []allowlist.Problem{{Kind: "shared-relay", Text: fmt.Sprintf(
		"RELAY on %s: its hosts send for all its customers, and each of them may now relay through this server; OK lets their mail in without that", shared.Title)}}
}

// Labelled gives the ranges of every source with its action.
func (l *List) Labelled() (sources []allowlist.Labelled) {
	for _, s := range l.Sources {
		sources = append(sources, allowlist.Labelled{Source: s.Source.Name, Action: s.Action, Ranges: s.Ranges})
	}
	return sources
}

// carried gives a source with the verdict of the guard, and with that of the run which made the snapshot.
func (r *Request) carried(judged judgement) Source {
	src, v := judged.source, judged.verdict
	there, ok := r.taken[src.Name]
	if !ok || there.Status == "" || there.Status == guard.Fresh && len(there.Reasons) == 0 {
		return Source{Source: src, Verdict: v, Pinned: judged.pinned}
	}
	carried := Source{Source: src, Verdict: v.Carry(there.Status, there.Reasons, there.Refused), Pinned: judged.pinned}
	if there.Status == guard.Held {
		carried.There = acceptThere(there.Name, there.Refused)
	}
	return carried
}

// writtenNow is the time of the last good state of this run: that of before, if the run took nothing. A snapshot that was
// accepted though it is older sets none back.
func (r *Request) writtenNow(k known, judged []judgement) time.Time {
	took := slices.ContainsFunc(judged, func(j judgement) bool { return j.verdict.Taken && !j.source.Inline() && !j.pinned })
	switch {
	case !took, !r.Fetches() && r.reviewed == nil:
		return k.inForce()
	case r.Fetches():
		return k.now
	}
	at := r.reviewed.Written
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
