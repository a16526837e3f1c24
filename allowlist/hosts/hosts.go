// Package hosts finds the addresses of host names: of a name itself, or of the hosts in the MX of a domain. It says of each name
// whether it has an address, has none, or whether that is unknown, and leaves the consequence to its caller. It knows no DNS
// library; the resolver follows CNAMEs.
package hosts

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// Resolver answers DNS questions. An empty answer with a nil error means that there are no such records. An error means that
// the answer is unknown, and names the question.
type Resolver interface {
	A(ctx context.Context, name string) ([]netip.Addr, error)
	AAAA(ctx context.Context, name string) ([]netip.Addr, error)
	// MX returns the names of the exchanges, without a null MX (RFC 7505).
	MX(ctx context.Context, name string) ([]string, error)
}

// Limits bound what the names may cost. A field that is zero means its default.
type Limits struct {
	Names     int // in a list: each is asked for by itself, and one without an answer ends the use of all
	Exchanges int // hosts in one MX: receivers look at ten (RFC 7208 section 4.6.4)
	Addresses int // of one host: a message over UDP holds fewer than a hundred
	// NoIPv4 and NoIPv6 leave out the question for addresses of the family.
	NoIPv4, NoIPv6 bool
}

// DefaultLimits gives the limits of a list that sets none. They are several times as large as those of any list in use.
func DefaultLimits() Limits { return Limits{Names: 500, Exchanges: 100, Addresses: 250} }

func (l Limits) orDefault() Limits {
	def := DefaultLimits()
	for _, f := range []struct{ value, def *int }{{&l.Names, &def.Names}, {&l.Exchanges, &def.Exchanges}, {&l.Addresses, &def.Addresses}} {
		if *f.value <= 0 {
			*f.value = *f.def
		}
	}
	return l
}

// Name is an item of a list: a host, or a domain whose MX names the hosts.
type Name struct {
	Domain string // in lower case, without a final dot
	MX     bool
}

// mxPrefix is before a domain whose MX names the hosts.
const mxPrefix = "mx:"

// ParseName reads mail.example.org or mx:example.org. It does not check whether the name can be that of a host.
func ParseName(item string) Name {
	lower := strings.ToLower(strings.TrimSuffix(item, "."))
	domain, isMX := strings.CutPrefix(lower, mxPrefix)
	return Name{domain, isMX}
}

func (n Name) String() string {
	if n.MX {
		return mxPrefix + n.Domain
	}
	return n.Domain
}

// Host is a host that a name leads to.
type Host struct {
	Path  *provenance.Path // the name as ParseName reads it, for an MX with the host below it
	Addrs []netip.Addr     // IPv4 first, ascending
	Err   error            // why it has no address that could be used, or that this is unknown
}

// LookUp finds the hosts of all names and asks for their addresses at the same time; the resolver bounds the number of
// questions. The hosts are in the order of the names and of their MX. Each has an address or an error.
func LookUp(ctx context.Context, r Resolver, names []Name, lim Limits) ([]Host, error) {
	lim = lim.orDefault()
	if len(names) > lim.Names {
		return nil, fmt.Errorf("%d names, and a list may have %d", len(names), lim.Names)
	}
	found := make([][]Host, len(names))
	var wait sync.WaitGroup
	for i, n := range names {
		wait.Go(func() { found[i] = n.hosts(ctx, r, lim) })
	}
	wait.Wait()
	return slices.Concat(found...), nil
}

// hosts gives the host that the name is, or those of its MX, with their addresses.
func (n Name) hosts(ctx context.Context, r Resolver, lim Limits) []Host {
	path := provenance.Of(n.String())
	if !n.MX {
		return []Host{lookUp(ctx, r, n.Domain, path, lim)}
	}
	exchanges, err := r.MX(ctx, n.Domain)
	switch {
	case err != nil:
	case len(exchanges) == 0:
		err = fmt.Errorf("%s has no MX: for its own address, write it without mx:", n.Domain)
	case len(exchanges) > lim.Exchanges:
		err = fmt.Errorf("its MX has %d hosts, and it may have %d", len(exchanges), lim.Exchanges)
	}
	if err != nil {
		return []Host{{Path: path, Err: fmt.Errorf("%s: %w", n, err)}}
	}
	all := make([]Host, len(exchanges))
	var wait sync.WaitGroup
	for i, exchange := range exchanges {
		wait.Go(func() {
			all[i] = lookUp(ctx, r, exchange, path.Then(exchange), lim)
			if all[i].Err != nil {
				all[i].Err = fmt.Errorf("%s: %w", n, all[i].Err)
			}
		})
	}
	wait.Wait()
	return all
}

// shown gives a name that may come from the DNS as errors show it.
func shown(name string) string { return ascii.Printable(name, maxShown) }

// maxShown is the longest name, in bytes (RFC 1035 section 2.3.4).
const maxShown = 253

// lookUp asks for the addresses of one host. Of two unknown answers it reports one, since most often both have one cause.
func lookUp(ctx context.Context, r Resolver, host string, path *provenance.Path, lim Limits) Host {
	var a, aaaa []netip.Addr
	var errA, errAAAA error
	var types []string
	var wait sync.WaitGroup
	if !lim.NoIPv4 {
		types = append(types, "no A")
		wait.Go(func() { a, errA = r.A(ctx, host) })
	}
	if !lim.NoIPv6 {
		types = append(types, "no AAAA")
		wait.Go(func() { aaaa, errAAAA = r.AAAA(ctx, host) })
	}
	wait.Wait()
	addrs := slices.Concat(a, aaaa)
	err := cmp.Or(errA, errAAAA)
	switch n := len(addrs); {
	case err != nil:
	case n == 0:
		err = fmt.Errorf("%s has no address: %s", shown(host), strings.Join(types, " and "))
	case n > lim.Addresses:
		err = fmt.Errorf("%s has %d addresses, and a host may have %d", shown(host), n, lim.Addresses)
	default:
		return Host{Path: path, Addrs: addrs}
	}
	return Host{Path: path, Err: err}
}
