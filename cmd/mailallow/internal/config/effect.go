package config

import (
	"slices"
	"strconv"
	"strings"

	"mailallow/allowlist"
)

// effect says in which sources some limits have an effect. In another source its writer believes that they bind. allow_special
// is no limit: nobody relies on it.
type effect struct {
	keys []string
	has  func(allowlist.Source) bool
	why  string // they have none in a source
}

func effects() []effect {
	return []effect{
		{[]string{"widest_ipv4", "widest_ipv6", "max_shrink", "max_grow", "window", "max_age"},
			func(s allowlist.Source) bool { return !s.Inline() }, "a cidr list is its owner's word, and the guard does not judge it"},
		{[]string{"total_ipv4", "total_ipv6"},
			func(s allowlist.Source) bool { return !s.Static() && s.Action.LetsIn() }, "only what is fetched with OK or RELAY has a total"},
		{[]string{"expire"},
			func(s allowlist.Source) bool { return !s.Inline() && s.Action.LetsIn() }, "no cidr list expires, and nothing with REJECT or EXCLUDE"},
		{[]string{"deadline"},
			func(s allowlist.Source) bool { return !s.Static() && !s.FromSnapshot }, "only what is fetched has a deadline of its own"},
		{[]string{"max_keys"},
			func(s allowlist.Source) bool { return !s.Static() && s.Action != allowlist.Exclude }, "only what is fetched with OK, RELAY or REJECT is held for its keys"},
		{[]string{"widest_ipv4", "total_ipv4"}, func(s allowlist.Source) bool { return !s.NoIPv4 }, "families leaves out IPv4"},
		{[]string{"widest_ipv6", "total_ipv6"}, func(s allowlist.Source) bool { return !s.NoIPv6 }, "families leaves out IPv6"},
	}
}

// withoutEffect warns of limits that have no effect in their source or target, and of those of [guard] that have none in any source.
func (r *reader) withoutEffect() {
	for i, t := range r.Targets {
		at, f := item("target", i), t.Format
		if t.Want.MaxKeys > 0 && !f.Map {
			r.Warnings = append(r.Warnings, r.mistake(at+".max_keys", "%s target: max_keys without effect: there are no keys in its file", f.Name))
		}
		for n, action := range t.Want.Only {
			if !f.Takes(action, t.Want.Only) {
				r.Warnings = append(r.Warnings, r.mistake(item(at+".only", n), "%s target: %s in only without effect: its file never holds that", f.Name, action))
			}
		}
	}
	all := effects()
	if len(r.Sources) > 0 {
		r.withoutEffectIn("guard", "[guard]", r.Sources, all)
	}
	for i, src := range r.Sources {
		r.withoutEffectIn(item("source", i), "source "+strconv.Quote(src.Name), r.Sources[i:i+1], all)
	}
	byLine(r.Warnings)
}

// withoutEffectIn warns of the limits in one table, which are for these sources: once of all that have one cause.
func (r *reader) withoutEffectIn(at, title string, sources []allowlist.Source, all []effect) {
	var causes []string
	keys := map[string][]string{} // by cause
	for _, e := range all {
		for _, key := range e.keys {
			if r.lines[below(at, key)] == 0 { // most tables have none of them
				continue
			}
			cause := causeOf(all, key, sources)
			if cause == "" || slices.Contains(keys[cause], key) {
				continue
			}
			if keys[cause] = append(keys[cause], key); len(keys[cause]) == 1 {
				causes = append(causes, cause)
			}
		}
	}
	for _, cause := range causes {
		r.Warnings = append(r.Warnings, r.mistake(below(at, keys[cause][0]), "%s: %s without effect: %s", title, strings.Join(keys[cause], ", "), cause))
	}
}

// causeOf says why a limit has no effect in any of the sources; empty: in one of them it has.
func causeOf(all []effect, key string, sources []allowlist.Source) string {
	var causes []string
	for _, src := range sources {
		at := slices.IndexFunc(all, func(e effect) bool { return slices.Contains(e.keys, key) && !e.has(src) })
		if at < 0 {
			return ""
		}
		if why := all[at].why; !slices.Contains(causes, why) {
			causes = append(causes, why)
		}
	}
	return strings.Join(causes, "; ")
}
