package run

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/prefixes"
)

// fitKeys holds sources until no target with a map needs more keys than it may have: first each source that is past its
// own bound, then those whose changes since the last good state cost most keys. So the other sources are installed.
func (r *Request) fitKeys(judged []judgement) {
	if r.options.NoGuard {
		return
	}
	f := keyFitter{judged: judged}
	for _, t := range r.Settings.Targets {
		f.fitEach(t)
	}
	for _, t := range r.Settings.Targets {
		if f.mayNeed(t) {
			f.targets = append(f.targets, t.BesideHandWritten())
		}
	}
	f.fitTogether()
}

// keyFitter fits the sources into the targets.
type keyFitter struct {
	judged  []judgement   // of each source of the run
	targets []plan.Target // those for which the list can be too long
}

// fitEach holds each source that needs too many keys by itself.
func (f *keyFitter) fitEach(t plan.Target) {
	for i, j := range f.judged {
		src := j.source
		if j.verdict.Status != guard.Fresh || src.Static() || j.pinned {
			continue
		}
		need := func(t plan.Target) int64 { return t.KeysOf(src.Action, j.verdict.Ranges.Minimal()) }
		n, most := need(t), int64(src.KeyLimit())
		if n <= most {
			continue
		}
		hint := ""
		t.Want.NoIPv6 = true
		if need(t) <= most {
			hint = ", or leave out IPv6 in the target with families = [\"ipv4\"]"
		}
		f.judged[i].verdict = f.held(i, fmt.Sprintf("it needs %s access keys for %s, and max_keys of a source is %s: raise it for this source%s",
			ascii.Count(n), t.Path, ascii.Count(most), hint))
	}
}

// fitTogether holds sources in the order of inOrder until every target fits, and then takes those back in that fit beside the
// others: one network of two sources needs the same key. If the last good states of all do not fit either, it holds none,
// and the plan of the target reports it.
func (f *keyFitter) fitTogether() {
	if f.tooLong() == nil {
		return
	}
	order := f.inOrder()
	fresh := make([]guard.Verdict, len(f.judged))
	fits := 0
	for ; fits < len(order) && f.tooLong() != nil; fits++ {
		i := order[fits]
		fresh[i] = f.judged[i].verdict
		f.judged[i].verdict = f.held(i, "")
	}
	if fits == len(order) && f.tooLong() != nil {
		for _, i := range order {
			f.judged[i].verdict = fresh[i]
		}
		return
	}
	held := slices.Clone(order[:fits])
	slices.Reverse(held)
	for before := -1; len(held) != before; { // one that takes addresses away may make room for others
		before = len(held)
		held = slices.DeleteFunc(held, func(i int) bool { return f.takeBack(i, fresh[i]) })
	}
}

// takeBack takes a held source back in if it fits beside the others, and else says what it costs.
func (f *keyFitter) takeBack(i int, fresh guard.Verdict) bool {
	without := f.keys()
	f.judged[i].verdict = fresh
	with := f.tooLong()
	if with == nil {
		return true
	}
	f.judged[i].verdict = f.held(i, fmt.Sprintf(
		"the list needs %s access keys for %s, max_keys of the target is %s, and %s of them come from the change of this source: raise max_keys, or leave the source out",
		ascii.Count(with.keys), with.target.Path, ascii.Count(with.target.Want.KeyLimit()), ascii.Count(with.keys-without[with.number])))
	return false
}

// inOrder gives the sources whose changes can be held: the one that gained most keys first. An unknown source that takes away
// comes last: while it is held, no target is written.
func (f *keyFitter) inOrder() (order []int) {
	all := f.keys()
	gain := make([]int64, len(f.judged))
	for i, j := range f.judged {
		last, v := j.earlier.Last, j.verdict
		if v.Status == guard.Fresh && !j.source.Inline() && !j.pinned && (last == nil || !prefixes.Equal(last.Ranges.Fewest(), v.Ranges.Fewest())) {
			order = append(order, i)
			gain[i] = f.gainOf(i, all)
		}
	}
	barring := func(i int) int {
		if f.judged[i].source.Action.KeepsOut() && f.judged[i].earlier.Last == nil {
			return 1
		}
		return 0
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := order[i], order[j]
		return cmp.Or(barring(a)-barring(b), cmp.Compare(gain[b], gain[a])) < 0
	})
	return order
}

// gainOf gives the number of keys that the change of a source costs. Where a target does not take its action, the source makes
// holes in the networks of others. all are the keys with the change.
func (f *keyFitter) gainOf(i int, all []int64) (gain int64) {
	action, fresh, held := f.judged[i].source.Action, f.judged[i].verdict, f.held(i, "")
	f.judged[i].verdict = held
	var without []int64
	for number, t := range f.targets {
		if t.Takes(action) {
			gain += t.KeysOf(action, fresh.Ranges.Minimal()) - t.KeysOf(action, held.Ranges.Minimal())
			continue
		}
		if without == nil {
			without = f.keys()
		}
		gain += all[number] - without[number]
	}
	f.judged[i].verdict = fresh
	return gain
}

// mayNeed reports whether the list can need more keys than the target may have, whichever sources are held. Without holes it
// needs no more than its sources do one by one.
func (f *keyFitter) mayNeed(t plan.Target) bool {
	n := int64(0)
	for _, j := range f.judged {
		most, eitherWay := int64(0), []allowlist.Ranges{j.verdict.Ranges}
		if last := j.earlier.Last; last != nil {
			eitherWay = append(eitherWay, last.Ranges) // which it has when it is held
		}
		for _, ranges := range eitherWay {
			if ranges.Len() > 0 && !t.Takes(j.source.Action) {
				return t.Format.Map
			}
			most = max(most, t.KeysOf(j.source.Action, ranges.Minimal()))
		}
		n += most
	}
	return n > int64(t.Want.KeyLimit())
}

// excess is a target that needs more keys than it may have.
type excess struct {
	number int // of the target
	target plan.Target
	keys   int64
}

// tooLong gives the first target that needs too many keys; nil: every one fits.
func (f *keyFitter) tooLong() *excess {
	for number, n := range f.keys() {
		if t := f.targets[number]; n > int64(t.Want.KeyLimit()) {
			return &excess{number, t, n}
		}
	}
	return nil
}

// keys gives the number of keys that each target needs.
func (f *keyFitter) keys() []int64 {
	if len(f.targets) == 0 {
		return nil
	}
	set := allowlist.Merge(f.labelled())
	keys := make([]int64, len(f.targets))
	for number, t := range f.targets {
		keys[number] = t.Keys(set)
	}
	return keys
}

func (f *keyFitter) labelled() (sources []allowlist.Labelled) {
	for _, j := range f.judged {
		sources = append(sources, allowlist.Labelled{Source: j.source.Name, Action: j.source.Action, Ranges: j.verdict.Ranges})
	}
	return sources
}

// held gives the verdict on a source that is held for its keys.
func (f *keyFitter) held(i int, reason string) guard.Verdict {
	j := f.judged[i]
	return j.guard.HoldForKeys(j.earlier, j.verdict, reason)
}
