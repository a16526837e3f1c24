package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist/guard"
	"mailallow/fixtures"
)

// TestSoakNetwork runs the program over three resolvers that fail at random and whose answers are forged at random, while the
// policies change in mid-run.
//
// A policy changes in one answer at a time, so that a run sees either the old or the new policy, and no mixture. After each
// run every source is fresh, with exactly the networks of the old or of the new policy, or stale, or held if the guard does
// not believe one of the two, with exactly its networks from before. The installed list is the sum of these, in all its
// files, and the report of the run agrees with it.
func TestSoakNetwork(t *testing.T) {
	t.Parallel()
	random := fixtures.Random(t)
	h := newHost(t, "one.test", "two.test", "three.test")
	weather := &changingPolicies{t: t}
	for i := range h.sources {
		var networks []netip.Prefix
		for range 20 {
			networks = append(networks, anyNetwork(random, i))
		}
		weather.after = append(weather.after, networks)
	}
	for i := range weather.resolvers {
		weather.resolvers[i] = fixtures.DNS(t)
	}
	statuses, changes := map[guard.Status]int{}, 0
	rounds := fixtures.Rounds(4, 200)
	for round := range rounds + 1 {
		weather.next(random, round == 0 || round == rounds) // no faults in the first round and in the last
		h.configure(weather.settings())
		accept := weather.accepted(h, round == rounds)
		r := h.update(accept...)
		for i, src := range h.sources {
			status := r.doc.Sources[i].Status
			statuses[status]++
			if status == guard.Fresh {
				weather.believed(h, r, i, slices.Contains(accept, src.name))
			}
			if status == guard.Held && !weather.held(src, i) {
				t.Errorf("%s is held, and every version is within the limits", src.name)
			}
		}
		h.consistent(r, 0)
		if r.doc.Changed {
			changes++
		}
	}
	for i, src := range h.sources {
		if want := setOf(t, weather.after[i]...); !src.good.Equal(want) {
			t.Errorf("%s in the end:\n%v\nwant:\n%v", src.name, src.good.Prefixes(), want.Prefixes())
		}
	}
	t.Logf("%d runs, %d of which changed the list; sources %v", rounds+1, changes, statuses)
}

// changingPolicies are the policies of a host's sources before and after a change, and the faults during it.
type changingPolicies struct {
	t             *testing.T
	before, after [][]netip.Prefix // by source
	restore       [][]netip.Prefix // the policies to which the next change goes back; nil: none
	resolvers     [3]*fixtures.DNSServer
	climate       *fixtures.Climate
	change        [3]int64 // by resolver, the number of the first question with the new answer
	turn          int
	liar          int // the resolver for which no policy exists; -1: none
}

// next draws the next change and, unless fair is set, the faults.
func (c *changingPolicies) next(random *rand.Rand, fair bool) {
	c.before, c.climate, c.liar = c.after, fixtures.NewClimate(random), -1
	for fair && !c.climate.Calm {
		c.climate = fixtures.NewClimate(random)
	}
	if c.restore != nil {
		c.after, c.restore = c.restore, nil
	} else if !fair {
		c.after = nil
		for i, networks := range c.before {
			networks, large := changedNetworks(random, i, networks)
			if c.after = append(c.after, networks); large {
				c.restore = c.before
			}
		}
	}
	if !fair && random.IntN(8) == 0 {
		c.liar = random.IntN(len(c.resolvers))
	}
	var zones [2]fixtures.Zone
	for v, version := range [][][]netip.Prefix{c.before, c.after} {
		text := ""
		for i, networks := range version {
			text += policyZone([]string{"one.test", "two.test", "three.test"}[i], networks)
		}
		zones[v] = fixtures.Zones(c.t, text)
	}
	climate, change, liar := c.climate, &c.change, c.liar
	for i, server := range c.resolvers {
		change[i] = random.Int64N(40)
		from := change[i]
		server.Weather(func(question string, n int) fixtures.Conditions {
			today, count := climate.Over(i, question, n)
			if today.Zone = zones[0]; fair || count >= from {
				today.Zone = zones[1]
			}
			if i == liar && strings.Contains(question, " TXT ") {
				today.Fault = fixtures.NXDomain
			}
			return today
		})
	}
}

// changedNetworks gives a policy with one network more or fewer or, rarely, without one of its records.
func changedNetworks(random *rand.Rand, source int, networks []netip.Prefix) (_ []netip.Prefix, large bool) {
	networks = slices.Clone(networks)
	at := random.IntN(len(networks))
	switch n := random.IntN(20); {
	case n < 6:
		return append(networks, anyNetwork(random, source)), false
	case n < 11 && len(networks) > 10:
		return slices.Delete(networks, at, at+1), false
	case n == 11:
		record := placeOf(networks[at])
		return slices.DeleteFunc(networks, func(p netip.Prefix) bool { return placeOf(p) == record }), true
	}
	return networks, false
}

// anyNetwork gives a network in the space of a provider.
func anyNetwork(random *rand.Rand, source int) netip.Prefix {
	if random.IntN(4) == 0 {
		addr := [16]byte{0x2a, byte(source), 0, byte(random.IntN(256)), 0, byte(random.IntN(256)), 15: byte(random.IntN(256))}
		return netip.PrefixFrom(netip.AddrFrom16(addr), []int{44, 48, 64, 128}[random.IntN(4)]).Masked()
	}
	addr := [4]byte{byte(23 + 20*source), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))}
	return netip.PrefixFrom(netip.AddrFrom4(addr), []int{20, 22, 24, 29, 32, 32}[random.IntN(6)]).Masked()
}

func (c *changingPolicies) settings() string {
	var addrs []string
	for _, server := range c.resolvers {
		addrs = append(addrs, fmt.Sprintf("%q", server.Addr()))
	}
	return fmt.Sprintf("resolvers = [%s]\ntimeout = %q\nattempts = %d", strings.Join(addrs, ", "), c.climate.Patience, c.climate.Attempts)
}

// believed takes the state that the program keeps of a fresh source as its good state, if it is one of the versions.
func (c *changingPolicies) believed(h *soakHost, r ran, i int, accepted bool) {
	h.t.Helper()
	src, kept := h.sources[i], h.kept(h.sources[i].name)
	before, after := setOf(c.t, c.before[i]...), setOf(c.t, c.after[i]...)
	if !kept.Equal(before) && !kept.Equal(after) {
		h.t.Fatalf("%s, %s: fresh, with\n%v\nbefore:\n%v\nafter:\n%v\n%s", c.climate, src.name, kept.Prefixes(), before.Prefixes(), after.Prefixes(), r.said)
	}
	why := src.beyond(c.t, kept, 0)
	if why != "" && !accepted {
		h.t.Errorf("%s is fresh, and should be held: %s", src.name, why)
	}
	src.believes(kept, 0, why != "")
}

// accepted gives the arguments that accept held sources whose policy is old enough: every second time, or always.
func (c *changingPolicies) accepted(h *soakHost, always bool) (args []string) {
	for i, src := range h.sources {
		if c.turn++; src.beyond(c.t, setOf(c.t, c.before[i]...), 0) != "" && (always || c.turn%2 == 0) {
			args = append(args, "--accept", src.name)
		}
	}
	return args
}

// held reports whether the guard should hold a version.
func (c *changingPolicies) held(src *known, i int) bool {
	return src.beyond(c.t, setOf(c.t, c.before[i]...), 0) != "" || src.beyond(c.t, setOf(c.t, c.after[i]...), 0) != ""
}
