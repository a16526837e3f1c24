package run

import (
	"errors"
	"fmt"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/exit"
)

// judgement is the verdict on a source, and what the guard compared it with.
type judgement struct {
	source  allowlist.Source
	there   *snapshot.Source // what the given snapshot says of the source; nil: it was not taken from there
	pinned  bool             // a rollback pinned the ranges of the verdict
	earlier guard.Earlier
	guard   guard.Guard
	verdict guard.Verdict
}

// judgeAll has the guard judge every source of the run, puts pinned ranges in their places, and then holds the sources that need
// too many access keys.
func (r *Request) judgeAll(k *known, f fetched) ([]judgement, error) {
	judged := make([]judgement, len(k.sources))
	var refused []error
	last, pins := k.lastGood.Match(k.sources), k.pins.file.Match(k.sources)
	for i, src := range k.sources {
		j := &judged[i]
		*j = judgement{source: src, there: f.taken[src.Name], pinned: stillPinned(src, pins[i]), earlier: r.earlier(k, src, last[i])}
		j.guard = r.guard(k, j)
		j.verdict = r.verdict(j, f.sources[i])
		if pins[i] != nil {
			refused = append(refused, r.pin(j, *pins[i]))
		}
	}
	if err := errors.Join(refused...); err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	r.fitKeys(judged)
	return judged, nil
}

// earlier gives the states of a source with which the guard compares it. last is the last one, or nil.
func (r *Request) earlier(k *known, src allowlist.Source, last *allowlist.Resolved) guard.Earlier {
	e := k.memory.Earlier(last, k.now)
	if r.options.Since != "" {
		e.Lost = time.Time{} // the whole window is this one state
	}
	if last != nil && last.Name != src.Name {
		renamed := *last
		renamed.Name = src.Name
		e.Last = &renamed
	}
	return e
}

// guard gives the guard of a source.
func (r *Request) guard(k *known, j *judgement) guard.Guard {
	src, limits := j.source, j.source.Limits
	if src.Action.KeepsOut() || j.pinned {
		limits.Expire = 0 // an old range must still keep its addresses out, and a pin holds until it is released
	}
	g := guard.Guard{
		Limits: limits, Static: src.Static(), Unbound: src.Inline() || r.options.NoGuard, ByName: src.Hosts != nil,
		Accept: r.accepted[src.Name], Now: k.now, ClockWrong: k.wrong != "",
	}
	if j.there != nil {
		g.Static = g.Static && k.given.signed || src.FromSnapshot
		g.Written = k.given.Written
		if k.wrong == "" {
			g.Older = k.older(j)
		}
	}
	return g
}

// verdict has the guard compare what a source says with its earlier states.
func (r *Request) verdict(j *judgement, says allowlist.Fetched) guard.Verdict {
	src, last := j.source, j.earlier.Last
	if src.FromSnapshot && says.Err != nil && last != nil {
		says.Definition = last.Definition // no other is known
	}
	if r.asLeft() && !src.Inline() && says.Err == nil && j.guard.Expired(last) {
		says.Err = errors.New("no update has fetched it since")
	}
	v := j.guard.Check(j.earlier, says)
	if src.Action == allowlist.Relay {
		v.Problems = append(v.Problems, sharedRelay(src)...)
	}
	return v
}

func sharedRelay(src allowlist.Source) []allowlist.Problem {
	shared, ok := src.OnSharedHosts()
	if !ok {
		return nil
	}
	return []allowlist.Problem{{Kind: "shared-relay", Text: fmt.Sprintf(
		"RELAY on %s: its hosts send for all its customers, and each of them may now relay through this server; OK lets their mail in without that", shared.Title)}}
}

// older says why the ranges of a source in the given snapshot are from before those in force here; empty: they are not. Who signs
// a snapshot may publish an earlier list again.
func (k *known) older(j *judgement) string {
	there, last, slack := j.there, j.earlier.Last, k.now.Add(clockSlack)
	switch {
	case last == nil || k.inForce().After(slack) || last.Time.After(slack): // a clock was wrong, and nobody knows when
		return ""
	case last.Definition != there.Definition && !j.source.FromSnapshot:
		return ""
	case k.given.Written.Before(k.inForce()):
		return fmt.Sprintf("the snapshot was written at %s, before the list here, which is of %s", date(k.given.Written), date(k.inForce()))
	case there.Time.Before(last.Time) && !k.given.signed:
		return fmt.Sprintf("its ranges in the snapshot are of %s, and those here of %s", date(there.Time), date(last.Time))
	}
	return ""
}

// lastGood gives the state with which the next run compares the source: the ranges in the list, else those that have expired.
// nil: there is none.
func (j *judgement) lastGood() *allowlist.Resolved {
	if !j.verdict.Time.IsZero() {
		return &j.verdict.Resolved
	}
	return j.earlier.Last
}

// carried gives the source with the verdict of the guard, and with that of the run which made the given snapshot.
func (j *judgement) carried() Source {
	s, there := Source{Source: j.source, Verdict: j.verdict, Pinned: j.pinned}, j.there
	if there == nil || there.Status == "" || there.Status == guard.Fresh && len(there.Reasons) == 0 {
		return s
	}
	s.Verdict = s.Carry(there.Status, there.Reasons, there.Refused)
	if there.Status == guard.Held {
		s.There = acceptThere(there.Name, there.Refused)
	}
	return s
}
