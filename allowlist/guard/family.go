package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"math/big"
	"net/netip"
	"strconv"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/prefixes"
)

// family is IPv4 or IPv6, as the guard counts in it.
type family struct {
	name, key string // for people; in the names of limits
	bits      int    // of an address
	host      int    // prefix length of the network that one host has
}

func families() [2]family {
	return [...]family{{"IPv4", "ipv4", 32, 32}, {"IPv6", "ipv6", 128, 64}}
}

func (f family) has(p netip.Prefix) bool { return p.Addr().BitLen() == f.bits }

// of goes through the networks of the family.
func (f family) of(l prefixes.List) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for p := range l.All() {
			if f.has(p) && !yield(p) {
				return
			}
		}
	}
}

// count is the number of addresses of the family in disjoint networks.
func (f family) count(l prefixes.List) *big.Int {
	count := new(big.Int)
	for bits, networks := range l.Lengths(f.bits == 32) {
		if networks > 0 {
			count.Add(count, new(big.Int).Lsh(big.NewInt(int64(networks)), uint(f.bits-bits)))
		}
	}
	return count
}

// without goes through the addresses of the family that had has and now has not, in runs: they can be a hundred times as many
// networks as both have.
func (f family) without(had, now prefixes.List) iter.Seq2[netip.Addr, netip.Addr] {
	return func(yield func(from, to netip.Addr) bool) {
		for from, to := range had.Without(now) {
			if from.BitLen() == f.bits && !yield(from, to) {
				return
			}
		}
	}
}

// countWithout is the number of these addresses.
func (f family) countWithout(had, now prefixes.List) *big.Int {
	n := new(big.Int)
	for from, to := range f.without(had, now) {
		n.Add(n, new(big.Int).SetBytes(to.AsSlice()))
		n.Sub(n, new(big.Int).SetBytes(from.AsSlice()))
		n.Add(n, big.NewInt(1))
	}
	return n
}

// gone is how many of the addresses that the source had are lost. For IPv6 a network counts only if nothing of it is left:
// providers narrow a /36 to the /56 that they use, and no sender is missing then.
func (f family) gone(had, now prefixes.List) *big.Int {
	if f.bits == 32 {
		return f.countWithout(had, now)
	}
	lost := new(big.Int)
	for p := range f.of(had) {
		if _, some := now.Overlap(p); !some {
			lost.Add(lost, power(f.bits-p.Bits()))
		}
	}
	return lost
}

// oneHostMoved reports whether no more than one host, an address or a /64, of all that the source had in the window is
// missing, and the family is not empty. A host that moves is no attack; one that moves daily leaves more behind.
func (f family) oneHostMoved(states iter.Seq[state], now prefixes.List) bool {
	var missing netip.Prefix
	for s := range states {
		for from, to := range f.without(s.networks, now) {
			host, err := from.Prefix(f.host)
			if err != nil || !host.Contains(to) || missing.IsValid() && missing != host {
				return false
			}
			missing = host
		}
	}
	for range f.of(now) {
		return true
	}
	return false
}

// difference is a share of the addresses of an earlier state. The zero value is none.
type difference struct {
	part, of *big.Int
	when     string // the state
}

func (d difference) larger(than difference) difference {
	if d.of == nil || new(big.Int).Mul(d.part, than.of).Cmp(new(big.Int).Mul(than.part, d.of)) <= 0 {
		return than
	}
	return d
}

// past reports whether the share is larger than a limit.
func (d difference) past(limit allowlist.Percent) bool {
	if d.of == nil {
		return false
	}
	return new(big.Int).Mul(d.part, big.NewInt(100)).Cmp(new(big.Int).Mul(d.of, big.NewInt(int64(limit)))) > 0
}

// percent gives the share for people: rounded up, so that it is never equal to a limit that it is past.
func (d difference) percent() string {
	const most = 10_000
	share := new(big.Int).Mul(d.part, big.NewInt(100))
	share.Add(share, new(big.Int).Sub(d.of, big.NewInt(1)))
	if share.Div(share, d.of); share.Cmp(big.NewInt(most)) > 0 {
		return "over " + ascii.Grouped(strconv.Itoa(most)) + "%"
	}
	return ascii.Grouped(share.String()) + "%"
}

func power(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits)) }

func addressesAre(n *big.Int) string {
	if n.IsUint64() && n.Uint64() == 1 {
		return "1 address is"
	}
	return addressCount(n) + " addresses are"
}

// addressCount gives a number of addresses as people read it: 458,752, or 2^80 if it is that large.
func addressCount(n *big.Int) string {
	const large = 48 // bits
	if n.BitLen() <= large {
		return ascii.Grouped(n.String())
	}
	if p := power(n.BitLen() - 1); p.Cmp(n) == 0 {
		return fmt.Sprintf("2^%d", n.BitLen()-1)
	}
	var mantissa big.Float
	exponent := new(big.Float).SetInt(n).MantExp(&mantissa)
	m, _ := mantissa.Float64()
	return "about 2^" + strings.TrimSuffix(strconv.FormatFloat(float64(exponent)+math.Log2(m), 'f', 1, 64), ".0")
}

// DigestDigits is the length of a digest of proposed ranges.
const DigestDigits = 12

// digestOf gives the name of a set of addresses: the first twelve hex digits of the SHA-256 of its fewest networks, IPv4
// first, in address order, each ending in LF.
func digestOf(fewest prefixes.List) string {
	h := sha256.New()
	var line []byte
	for p := range fewest.All() {
		line = append(p.AppendTo(line[:0]), '\n')
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil))[:DigestDigits]
}
