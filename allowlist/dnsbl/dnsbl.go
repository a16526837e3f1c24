// Package dnsbl asks DNS blocklists about addresses and says what their answers mean (RFC 5782, docs/facts.md 17, 18): an
// answer is a code and not a yes. It knows the well-known zones, their codes, which of them are dead, and how a keyed
// one is asked. It decides nothing about mail, looks up no host names and keeps no state.
//
// A row is an address in a zone, and in one of four states. Listed and clean are statements of a list that has shown,
// through the same resolver, that it lists its test entry and not everything. Error: something answered, and the answer
// is no statement on the address; asking again tomorrow gives the same. Unknown: nothing answered.
package dnsbl

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"mailallow/allowlist/ascii"
)

// State is what is known of an address in a zone.
type State string

const (
	Listed  State = "listed"  // the list has it, for whatever reason Meaning gives
	Clean   State = "clean"   // the list does not have it, or has good news of it (a welcome list)
	Error   State = "error"   // an answer that says nothing about the address, or a zone that is not asked: see Meaning
	Unknown State = "unknown" // no answer: SERVFAIL, REFUSED, a time-out
)

// Bounds of what is taken from the answers, which are other people's text. No list has near as many.
const (
	maxCodes    = 32
	maxTexts    = 4
	maxTextSize = 300 // bytes of one reason, as it is shown
	maxWhySize  = 500 // bytes of why there is no answer
)

// Resolver is the DNS: no records and no error is "there is nothing". Addresses come sorted, and errors are printable
// and wrap the reason behind the name.
type Resolver interface {
	A(ctx context.Context, name string) ([]netip.Addr, error)
	TXT(ctx context.Context, name string) ([]string, error)
}

// Result is a row. All text in it is printable ASCII without the zone's key, and bounded.
type Result struct {
	Address netip.Addr
	Zone    Zone
	State   State
	Codes   []netip.Addr // the A records, ascending, at most 32; with an error, what was answered instead
	Meaning string       // never empty
	URL     string       // where to look the address up and ask for removal; "" when not known
	Text    []string     // of a listing: the reasons the list gives (TXT), at most 4
	Policy  bool         // listed by policy alone, no evidence of spam
	// NoFamily: the zone does not list the test entry of the address's family, so that it most likely has no such
	// addresses at all. The state is Error, and nothing is broken.
	NoFamily bool
}

// Check asks every zone about every address, all at the same time: how many questions are under way is the resolver's
// to bound. It takes two round trips, the second for the reasons of listings. Results come by address, then by zone, in
// the order given. An IPv4-mapped address is the IPv4 one. A dead zone and a zone of names are not asked.
//
// Everything in a row comes through one resolver, since one that is shut out of a list may be told that nothing is in it:
// what the first does not know is asked anew of the next, test entries and all.
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
	return results
}

func checkZone(ctx context.Context, resolvers []Resolver, addrs []netip.Addr, zone Zone) []Result {
	results := askZone(ctx, resolvers[0], addrs, zone)
	for _, r := range resolvers[1:] {
		var left []int
		var again []netip.Addr
		for i, res := range results {
			if res.State == Unknown {
				left, again = append(left, i), append(again, res.Address)
			}
		}
		if len(left) == 0 {
			break
		}
		for i, res := range askZone(ctx, r, again, zone) {
			if res.State == Unknown {
				res.Meaning = ascii.Cut(results[left[i]].Meaning+"; "+res.Meaning, maxWhySize)
			}
			results[left[i]] = res
		}
	}
	return results
}

// reply is what a zone said of one name.
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
	if why := zone.notAsked(); why != "" {
		for i := range results {
			results[i].Meaning = why
		}
		return results
	}
	tests := testEntries(addrs)
	replies := make([]reply, len(tests)+len(addrs))
	var wait sync.WaitGroup
	for i := range replies {
		wait.Go(func() {
			name := ""
			if i < len(tests) {
				name = Reverse(tests[i].addr) // not unmapped: ::FFFF:7F00:2 is the IPv6 test entry
			} else {
				name = Reverse(results[i-len(tests)].Address)
			}
			replies[i].codes, replies[i].err = r.A(ctx, name+"."+zone.asked)
		})
	}
	wait.Wait()
	control := zone.control(tests, replies)
	for i := range results {
		res, said := &results[i], replies[len(tests)+i]
		zone.judge(res, said, control[res.Address.Is4()])
		if res.State == Listed {
			wait.Go(func() { res.Text = zone.reasons(ctx, r, res.Address) })
		}
	}
	wait.Wait()
	return results
}

// reasons are the TXT records of a listing. A list without any, or that does not tell now, gives none.
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

// judge settles a row by what the zone said of the address and of its test entries. The order is the border between the
// states: a zone that has shown that it cannot be believed is an error whatever it says; a missing answer is unknown;
// an answer that is an error by itself needs no test entry; and what is left is as good as the zone.
func (z Zone) judge(res *Result, said reply, control verdict) {
	codes := said.codes[:min(len(said.codes), maxCodes)]
	res.Codes = append(res.Codes, codes...)
	is := z.read(codes)
	set := func(state State, meaning string) { res.State, res.Meaning = state, meaning }
	switch {
	case control.broken != "":
		set(Error, control.broken)
	case said.err != nil:
		set(Unknown, z.why("", said.err))
	case is.state == Error:
		set(Error, is.meaning)
	case control.silent != "":
		set(Unknown, control.silent)
	case is.state == Clean && control.noFamily != "":
		set(Error, control.noFamily)
		res.NoFamily = true
	default:
		set(is.state, is.meaning)
		res.Policy = is.policy
	}
}

// why tells why there is no answer. The row says already what was asked, and lists that fail alike are told of together:
// the client's "A NAME: " is left out. What is left may contain names all the same, and so the key.
func (z Zone) why(about string, err error) string {
	if reason := errors.Unwrap(err); reason != nil {
		err = reason
	}
	why := "no answer" + about
	if reason := z.hide(err.Error()); about == "" && strings.HasPrefix(reason, why) {
		why = reason // "no answer in 2s"
	} else {
		why += ": " + reason
	}
	return ascii.Cut(why, maxWhySize)
}
