package run

import (
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
)

// wanted gives the sources whose last day is not over. A run treats the others as if they were not in the configuration. A
// clock that is not believed ends none.
func (r *Request) wanted(now time.Time, clockWrong bool) (wanted []allowlist.Source) {
	for _, s := range r.Settings.Sources {
		if clockWrong || !s.Ended(now) {
			wanted = append(wanted, s)
		}
	}
	return wanted
}

// withEnded adds the sources that are not wanted any more to the others, which are in the order of the configuration.
func (r *Request) withEnded(wanted []Source) (all []Source) {
	for _, src := range r.Settings.Sources {
		if len(wanted) > 0 && wanted[0].Source.Name == src.Name {
			all, wanted = append(all, wanted[0]), wanted[1:]
			continue
		}
		ended := Source{Source: src, Verdict: guard.Verdict{Status: guard.Ended}}
		if r.accepted[src.Name].Given {
			ended.Problems = []allowlist.Problem{{Kind: "accept", Text: "it has ended: --accept does nothing"}}
		}
		all = append(all, ended)
	}
	return all
}
