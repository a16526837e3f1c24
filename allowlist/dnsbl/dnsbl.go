// Package dnsbl asks DNS blocklists about addresses and explains their answers, because an answer is a code and not a yes
// (RFC 5782, docs/facts.md 17 and 18). It knows the well-known zones and their codes, the dead zones, and the names of
// zones that need a key. It decides nothing about mail, looks up no host names and keeps no state.
//
// A Result is about one address in one zone and has one of four states. Listed and Clean are statements of a list that
// lists its test entry, and does not list everything, for the same resolver. Error is an answer that is no statement
// about the address; the next query will get the same. Unknown means that no answer came.
package dnsbl

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"mailallow/allowlist/ascii"
)

// State is the state of an address in a zone.
type State string

const (
	Listed  State = "listed"  // the list has the address; Meaning gives the reason
	Clean   State = "clean"   // the list does not have the address, or recommends it (a welcome list)
	Error   State = "error"   // an answer that is no statement about the address, or a zone that Check does not ask: see Meaning
	Unknown State = "unknown" // no answer: SERVFAIL, REFUSED or a time-out
)

// Bounds of the foreign text in a Result. No list has nearly as much.
const (
	maxCodes        = 32
	maxTexts        = 4
	maxTextSize     = 300 // bytes of one reason of a listing
	maxNoAnswerSize = 500 // bytes of the reason for no answer
)

// Resolver asks the DNS. An empty answer without an error means that there are no records. Addresses are sorted. The text
// of an error is printable; errors.Unwrap gives the reason without the name asked.
//
// If the reason itself begins with "no answer", the error has a method NoAnswer() bool that returns true.
type Resolver interface {
	A(ctx context.Context, name string) ([]netip.Addr, error)
	TXT(ctx context.Context, name string) ([]string, error)
}

// Result is the state of an address in a zone. All its text is printable ASCII of bounded length, without the zone's key.
type Result struct {
	Address netip.Addr
	Zone    Zone
	State   State
	Codes   []netip.Addr // the A records, ascending, at most 32; also those that are an error
	Meaning string       // never empty
	URL     string       // the page to look the address up and ask for removal, or ""
	Text    []string     // the list's own reasons for a listing (TXT), at most 4
	Policy  bool         // every listing is by policy, without evidence of spam
	// NoFamily means that the zone does not list the test entry of the address's family, so it most likely lists no such
	// addresses, or that it is not asked about this one. State is then Error, but the zone works.
	NoFamily bool

	by      int        // the resolver that answered
	sound   bool       // the zone's test entries are right for the address's family
	foreign netip.Addr // an answer outside of 127/8 of a zone that is not sound
}

// Check asks every zone about every address, all at the same time; the resolvers bound the number of queries on their
// way. It takes two round trips, the second for the reasons of listings. Results are by address, then by zone, in the
// order given. An IPv4-mapped address counts as IPv4. Check does not ask dead zones and zones of names, and no zone of the
// table about an IsLocal address.
//
// Each Result comes from one resolver, because a list may give an empty answer to a resolver that it has blocked. If the
// answer of one resolver is Unknown, Check asks the next one, also about the test entries.
func Check(ctx context.Context, resolvers []Resolver, addrs []netip.Addr, zones []Zone) []Result {
	results := make([]Result, len(addrs)*len(zones))
	var wait sync.WaitGroup
	for z, zone := range zones {
		wait.Go(func() {
			for a, res := range checkZone(ctx, resolvers, addrs, zone) {
				results[a*len(zones)+z] = res
			}
		})
	}
	wait.Wait()
	blameParked(results)
	return results
}

// blameParked finds zones whose answers are those of another server, while the same resolver gives right answers of other zones.
// Such a resolver rewrites nothing: the zone's name is parked, or has a new owner.
func blameParked(results []Result) {
	honest := map[int]bool{}
	for _, res := range results {
		honest[res.by] = honest[res.by] || res.sound
	}
	for i := range results {
		if res := &results[i]; res.foreign.IsValid() && honest[res.by] {
			res.Meaning = fmt.Sprintf("answered %s, which is not an answer of a DNSBL: the zone is parked, or its name has a new owner, because other lists answer well "+
				"through the same resolver; take it out of the configuration, and of the mail server's", res.foreign)
		}
	}
}

func checkZone(ctx context.Context, resolvers []Resolver, addrs []netip.Addr, zone Zone) []Result {
	results := askZone(ctx, resolvers[0], addrs, zone)
	for by, r := range resolvers[1:] {
		var unknown []int
		var again []netip.Addr
		for i, res := range results {
			if res.State == Unknown {
				unknown, again = append(unknown, i), append(again, res.Address)
			}
		}
		if len(unknown) == 0 {
			break
		}
		for i, res := range askZone(ctx, r, again, zone) {
			previous := &results[unknown[i]]
			res.by = by + 1
			if res.State == Unknown {
				res.Meaning = ascii.Cut(previous.Meaning+"; "+res.Meaning, maxNoAnswerSize)
			}
			*previous = res
		}
	}
	return results
}

// reply is the answer of a zone for one name.
type reply struct {
	codes []netip.Addr
	err   error
}

// askZone asks one resolver.
func askZone(ctx context.Context, r Resolver, addrs []netip.Addr, zone Zone) []Result {
	results := make([]Result, len(addrs))
	for i, addr := range addrs {
		results[i] = Result{Address: addr.Unmap(), Zone: zone, State: Error, Codes: []netip.Addr{}, URL: zone.lookup(addr.Unmap())}
	}
	if reason := zone.notAsked(); reason != "" {
		for i := range results {
			results[i].Meaning = reason
		}
		return results
	}
	tests := testEntries(addrs)
	replies := make([]reply, len(tests)+len(addrs))
	withheld := func(addr netip.Addr) bool { return zone.name != "" && IsLocal(addr) }
	var wait sync.WaitGroup
	for i := range replies {
		if i >= len(tests) && withheld(results[i-len(tests)].Address) {
			continue
		}
		wait.Go(func() {
			name := ""
			if i < len(tests) {
				name = Reverse(tests[i].addr) // mapped: ::FFFF:7F00:2 is the IPv6 test entry
			} else {
				name = Reverse(results[i-len(tests)].Address)
			}
			replies[i].codes, replies[i].err = r.A(ctx, name+"."+zone.asked)
		})
	}
	wait.Wait()
	families := zone.health(tests, replies)
	for i := range results {
		res := &results[i]
		if withheld(res.Address) {
			res.Meaning, res.URL, res.NoFamily = "not asked: the list is of addresses that other networks see", "", true
			continue
		}
		own, health := replies[len(tests)+i], families[res.Address.Is4()]
		zone.judge(res, own, health)
		res.sound = health.sound()
		if !res.sound && res.State == Error {
			res.foreign = foreignIn(append(replies[:len(tests):len(tests)], own))
		}
		if res.State == Listed {
			wait.Go(func() { res.Text = zone.reasons(ctx, r, res.Address) })
		}
	}
	wait.Wait()
	return results
}

// foreignIn gives the first answer outside of 127/8, where every answer of a list is.
func foreignIn(replies []reply) netip.Addr {
	for _, got := range replies {
		for _, code := range got.codes {
			if !code.IsLoopback() {
				return code
			}
		}
	}
	return netip.Addr{}
}

// reasons gives the TXT records of a listing, or nothing if there are none or the query fails.
func (z Zone) reasons(ctx context.Context, r Resolver, addr netip.Addr) []string {
	texts, err := r.TXT(ctx, Reverse(addr)+"."+z.asked)
	if err != nil {
		return nil
	}
	var shown []string
	for _, text := range texts[:min(len(texts), maxTexts)] {
		if text = ascii.Printable(z.hide(text), maxTextSize); text != "" && !slices.Contains(shown, text) {
			shown = append(shown, text)
		}
	}
	return shown
}

// judge sets the state of res by the reply about its address and by the zone's health. The order of the cases matters: a
// broken zone is an error whatever the reply; a missing reply is unknown; a reply with an error code is an error without
// any test entry; and every other reply counts only if the test entries are right.
func (z Zone) judge(res *Result, got reply, health health) {
	codes := got.codes[:min(len(got.codes), maxCodes)]
	res.Codes = append(res.Codes, codes...)
	r := z.read(codes)
	set := func(state State, meaning string) { res.State, res.Meaning = state, meaning }
	switch {
	case health.broken != "":
		set(Error, health.broken)
	case got.err != nil:
		set(Unknown, z.noAnswer("", got.err))
	case r.state == Error:
		set(Error, r.meaning)
	case health.silent != "":
		set(Unknown, health.silent)
	case r.state == Clean && health.noFamily != "":
		set(Error, health.noFamily)
		res.NoFamily = true
	default:
		set(r.state, r.meaning)
		res.Policy = r.policy
	}
}

// noAnswer gives the Meaning for an error of the resolver. It leaves out the name asked: the Result has it, and a report
// joins lists with equal meanings. The rest may still hold names, and so the key.
func (z Zone) noAnswer(about string, err error) string {
	if reason := errors.Unwrap(err); reason != nil {
		err = reason
	}
	text := z.hide(err.Error())
	silence, ok := errors.AsType[interface {
		error
		NoAnswer() bool
	}](err)
	if about != "" || !ok || !silence.NoAnswer() {
		text = "no answer" + about + ": " + text
	}
	return ascii.Cut(text, maxNoAnswerSize)
}
