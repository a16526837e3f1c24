package guard

import (
	"math/big"
	"slices"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
)

// maxFew bounds the addresses of a family up to which a source of host names is judged by its names. More addresses are a pool,
// of which nobody knows the single hosts.
const maxFew = 64

// few reports whether a source of host names is judged by its names, with so many addresses of a family before and now. The
// addresses of names move, those of a host with a dynamic address every day. So the states of a window do not say which
// addresses are right, only how many there were. A name without an address does not concern the guard, because the source is
// stale then.
func (g Guard) few(had, has *big.Int) bool {
	most := big.NewInt(maxFew)
	return g.ByName && had.Cmp(most) <= 0 && has.Cmp(most) <= 0
}

// fewer gives how many addresses are missing. A single one does not count, unless it was the last.
func fewer(had, has *big.Int) *big.Int {
	less := more(has, had)
	if has.Sign() > 0 && less.Cmp(big.NewInt(1)) == 0 {
		return new(big.Int)
	}
	return less
}

// more gives how many more addresses there are now; zero if there are fewer.
func more(had, has *big.Int) *big.Int {
	if has.Cmp(had) <= 0 {
		return new(big.Int)
	}
	return new(big.Int).Sub(has, had)
}

// moved gives how many of the names that had addresses of the family in the last good state have lost all of these. One host
// that is missing does not count: see oneHostMoved.
func (g Guard) moved(f family, last allowlist.Ranges, now prefixes.List) difference {
	before := state{networks: last.Fewest()}
	if !g.few(f.count(before.networks), f.count(now)) || f.oneHostMoved(slices.Values([]state{before}), now) {
		return difference{}
	}
	stays := map[string]bool{}
	for r := range last.All() {
		if f.has(r.Prefix) {
			name := r.Path.Step()
			stays[name] = stays[name] || now.Contains(r.Prefix.Addr())
		}
	}
	gone := 0
	for _, some := range stays {
		if !some {
			gone++
		}
	}
	return difference{big.NewInt(int64(gone)), big.NewInt(int64(len(stays))), "the last good state"}
}
