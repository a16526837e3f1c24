package run

import (
	"fmt"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
)

// fitKeys holds sources until no target with a map needs more keys than it may have: first each source that is past its
// own bound, then the one whose change since the last good state costs most keys. So the other sources are installed.
func (r *Request) fitKeys(judged []judgement) {
	if r.options.NoGuard {
		return
	}
	for _, t := range r.Settings.Targets {
		f := keyFitter{Request: r, target: t, judged: judged}
		f.fitEach()
		f.fitTogether()
	}
}

// keyFitter fits the sources into one target.
type keyFitter struct {
	*Request
	target plan.Target
	judged []judgement // of each source in the settings
}

// fitEach holds each source that needs too many keys by itself.
func (f *keyFitter) fitEach() {
	for i, src := range f.Settings.Sources {
		if v := f.judged[i].verdict; v.Status != guard.Fresh || src.Static() {
			continue
		}
		if n, most := f.keysOf(i), src.KeyLimit(); n > most {
			f.judged[i].verdict = f.held(i, fmt.Sprintf(
				"it needs %d access keys for %s, and max_keys of a source is %d: raise it for this source, or leave out IPv6 in the target with families = [\"ipv4\"]",
				n, f.target.Path, most))
		}
	}
}

// fitTogether holds the source that gained most keys, one after another.
func (f *keyFitter) fitTogether() {
	most := f.target.Want.KeyLimit()
	if !f.mayNeed(most) {
		return
	}
	for {
		needed := f.keys()
		if needed <= most {
			return
		}
		worst, least, held := -1, needed, guard.Verdict{}
		for i, src := range f.Settings.Sources {
			before := f.judged[i].verdict
			if before.Status != guard.Fresh || src.Inline() {
				continue
			}
			f.judged[i].verdict = f.held(i, "")
			if n := f.keys(); n < least {
				worst, least, held = i, n, f.judged[i].verdict
			}
			f.judged[i].verdict = before
		}
		if worst < 0 {
			return // the plan of the target reports it
		}
		held.Problems[len(held.Problems)-1].Text = fmt.Sprintf(
			"the list needs %d access keys for %s, max_keys of the target is %d, and %d of them come from the change of this source: raise max_keys, or leave the source out",
			needed, f.target.Path, most, needed-least)
		f.judged[worst].verdict = held
	}
}

// mayNeed reports whether the list can need more keys than most. Without holes it needs no more than its sources do one by
// one.
func (f *keyFitter) mayNeed(most int) bool {
	n := 0
	for i, src := range f.Settings.Sources {
		if f.judged[i].verdict.Ranges.Len() > 0 && !f.target.Takes(src.Action) {
			return f.target.Format.Map
		}
		n += f.keysOf(i)
	}
	return n > most
}

func (f *keyFitter) keysOf(i int) int {
	return f.target.KeysOf(f.Settings.Sources[i].Action, f.judged[i].verdict.Ranges.Minimal())
}

func (f *keyFitter) keys() int { return f.target.Keys(allowlist.Merge(f.labelled())) }

func (f *keyFitter) labelled() (sources []allowlist.Labelled) {
	for i, src := range f.Settings.Sources {
		sources = append(sources, allowlist.Labelled{Source: src.Name, Action: src.Action, Ranges: f.judged[i].verdict.Ranges})
	}
	return sources
}

// held gives the verdict on a source that is held for its keys.
func (f *keyFitter) held(i int, reason string) guard.Verdict {
	j := f.judged[i]
	return j.guard.HoldForKeys(j.earlier, j.verdict, reason)
}
