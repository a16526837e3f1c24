package dnsbl

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// sense is the kind of statement that a code makes.
type sense int

const (
	listing  sense = iota // the list lists the address for its conduct
	policy                // the list lists this kind of address, without evidence of spam
	neutral               // the list knows the address and does not list it
	good                  // the list recommends the address
	refusal               // the list does not answer this resolver
	doubtful              // a refusal for an ordinary address, but a correct code for a test entry
)

// answer is the meaning of the codes of which each octet is between those of from and to; if to is empty, of from.
type answer struct {
	from, to  string
	sense     sense
	means     string
	low, high [4]byte // from and to, as table reads them
}

// parse reads from and to.
func (a *answer) parse() {
	a.low = netip.MustParseAddr(a.from).As4()
	if a.high = a.low; a.to != "" {
		a.high = netip.MustParseAddr(a.to).As4()
	}
}

func (a answer) fits(code [4]byte) bool {
	for i, octet := range code {
		if octet < a.low[i] || octet > a.high[i] {
			return false
		}
	}
	return true
}

// of puts the last octet of a code into the meaning, where it is a score.
func (a answer) of(code netip.Addr) answer {
	a.means = strings.ReplaceAll(a.means, "SCORE", strconv.Itoa(int(code.As4()[3])))
	return a
}

// bit is the meaning of a bit in the last octet of a code, for lists that combine several meanings in a code.
type bit struct {
	mask  byte
	sense sense
	means string
}

// reading is the combined meaning of the A records of a name.
type reading struct {
	state   State
	meaning string
	policy  bool // every listing is by policy
}

// NotListed is the Meaning of a clean Result without any code.
const NotListed = "not listed"

// read combines the codes, because one address can be in several lists of a zone. A listing takes precedence over an
// error, and an error over a recommendation.
func (z Zone) read(codes []netip.Addr) reading {
	if len(codes) == 0 {
		switch z.kind {
		case welcome:
			return reading{state: Clean, meaning: "not on this welcome list, which is not a blocklist"}
		case score:
			return reading{state: Clean, meaning: "no score, which is not a listing"}
		}
		return reading{state: Clean, meaning: NotListed}
	}
	found := map[State][]string{}
	byPolicy := true
	for _, code := range codes {
		for _, a := range z.meanings(code) {
			state := Error
			switch a.sense {
			case listing, policy:
				state = Listed
				byPolicy = byPolicy && a.sense == policy
			case neutral, good:
				state = Clean
			}
			if !slices.Contains(found[state], a.means) {
				found[state] = append(found[state], a.means)
			}
		}
	}
	for _, state := range []State{Listed, Error, Clean} {
		if len(found[state]) > 0 {
			return reading{state, strings.Join(found[state], "; "), state == Listed && byPolicy}
		}
	}
	return reading{state: Error, meaning: "an answer without a meaning"} // a bit mask without a bit
}

// meanings reads one code. Rules for all lists take precedence over the list's own: only 127.0.0.0/8 counts, an address in
// 127.255.255.0/24 is an error, and 127.0.0.1 is never a listing, although some lists use it for a recommendation (RFC
// 5782 section 2.1, docs/facts.md 17).
func (z Zone) meanings(code netip.Addr) []answer {
	octets := code.As4()
	own := slices.IndexFunc(z.answers, func(a answer) bool { return a.fits(octets) })
	errorNet := octets[0] == 127 && octets[1] == 255 && octets[2] == 255
	switch {
	case octets[0] != 127:
		return []answer{{sense: refusal, means: fmt.Sprintf("answered %s, which is not an answer of a DNSBL: a resolver on the way rewrites answers for names that do not exist; ask through one that does not", code)}}
	case own >= 0 && (!errorNet || z.answers[own].sense == refusal):
		return []answer{z.answers[own].of(code)}
	case errorNet:
		return []answer{{sense: refusal, means: fmt.Sprintf("answered %s, an error and not a listing: the list does not answer this resolver, or not now", code)}}
	case octets == [4]byte{127, 0, 0, 1} && z.kind != welcome && z.kind != score && !slices.ContainsFunc(z.bits, func(b bit) bool { return b.mask == 1 }):
		return []answer{{sense: refusal, means: "answered 127.0.0.1, which is never a listing (RFC 5782)"}}
	case z.bits != nil:
		return z.maskMeanings(octets[3])
	case z.kind == welcome:
		return []answer{{sense: good, means: fmt.Sprintf("on this welcome list, unknown code %s", code)}}
	case z.kind == score:
		return []answer{{sense: neutral, means: fmt.Sprintf("a reputation, no listing; unknown code %s", code)}}
	}
	return []answer{{sense: listing, means: fmt.Sprintf("unknown code %s: the list's own pages say what it means", code)}}
}

func (z Zone) maskMeanings(octet byte) (all []answer) {
	known := byte(0)
	for _, b := range z.bits {
		known |= b.mask
		if octet&b.mask != 0 {
			all = append(all, answer{sense: b.sense, means: b.means})
		}
	}
	if rest := octet &^ known; rest != 0 {
		all = append(all, answer{sense: listing, means: fmt.Sprintf("unknown bits %d: the list's own pages say what they mean", rest)})
	}
	return all
}
