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
	Hosts     int // in a list, those of each MX included: there are two answers about each
	Exchanges int // hosts in one MX: receivers look at ten (RFC 7208 section 4.6.4)
	Addresses int // of one host: a message over UDP holds fewer than a hundred
	// NoIPv4 and NoIPv6 leave out the question for addresses of the family.
	NoIPv4, NoIPv6 bool
}

// DefaultLimits gives the limits of a list that sets none. They are several times as large as those of any list in use.
func DefaultLimits() Limits { return Limits{Hosts: 200, Exchanges: 50, Addresses: 250} }

func (l Limits) orDefault() Limits {
	def := DefaultLimits()
	l.Hosts, l.Exchanges, l.Addresses = cmp.Or(l.Hosts, def.Hosts), cmp.Or(l.Exchanges, def.Exchanges), cmp.Or(l.Addresses, def.Addresses)
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
	Path  *provenance.Path // the name as ParseName reads it, for an MX with the host below it, in printable ASCII
	Addrs []netip.Addr     // IPv4 first, ascending
	Err   error            // why it has no address that could be used, or that this is unknown

	name string
}

// LookUp finds the hosts of all names, then the addresses of all hosts; the resolver bounds the number of questions at a time.
// The hosts are in the order of the names and of their MX. Each has an address or an error.
func LookUp(ctx context.Context, r Resolver, names []Name, lim Limits) ([]Host, error) {
	lim = lim.orDefault()
	if len(names) > lim.Hosts {
		return nil, fmt.Errorf("%d names, and a list may have %d", len(names), lim.Hosts)
	}
	found := make([][]Host, len(names))
	each(names, func(i int) { found[i] = names[i].hosts(ctx, r, lim) })
	hosts := slices.Concat(found...)
	if len(hosts) > lim.Hosts {
		return nil, fmt.Errorf("the names lead to %d hosts, and a list may have %d", len(hosts), lim.Hosts)
	}
	each(hosts, func(i int) { hosts[i].lookUp(ctx, r, lim) })
	return hosts, nil
}

// each calls do for each number of an item, for all at the same time.
func each[T any](items []T, do func(i int)) {
	var wait sync.WaitGroup
	for i := range items {
		wait.Go(func() { do(i) })
	}
	wait.Wait()
}

// hosts gives the host that the name is, or those of its MX, without their addresses.
func (n Name) hosts(ctx context.Context, r Resolver, lim Limits) []Host {
	path := provenance.Of(n.String())
	if !n.MX {
		return []Host{{Path: path, name: n.Domain}}
	}
	exchanges, err := r.MX(ctx, n.Domain)
	switch {
	case err != nil:
	case len(exchanges) == 0:
		err = fmt.Errorf("%s has no MX: write %[1]s alone for its own address", n.Domain)
	case len(exchanges) > lim.Exchanges:
		err = fmt.Errorf("its MX has %d hosts, and it may have %d", len(exchanges), lim.Exchanges)
	}
	if err != nil {
		return []Host{{Path: path, Err: fmt.Errorf("%s: %w", n, err)}}
	}
	all := make([]Host, len(exchanges))
	for i, exchange := range exchanges {
		all[i] = Host{Path: path.Then(shown(exchange)), name: exchange}
	}
	return all
}

// lookUp asks for the addresses of the host. Of two unknown answers it reports one, since most often both have one cause.
func (h *Host) lookUp(ctx context.Context, r Resolver, lim Limits) {
	if h.Err != nil {
		return
	}
	var a, aaaa []netip.Addr
	var errA, errAAAA error
	var types []string
	var wait sync.WaitGroup
	if !lim.NoIPv4 {
		types = append(types, "no A")
		wait.Go(func() { a, errA = r.A(ctx, h.name) })
	}
	if !lim.NoIPv6 {
		types = append(types, "no AAAA")
		wait.Go(func() { aaaa, errAAAA = r.AAAA(ctx, h.name) })
	}
	wait.Wait()
	addrs := slices.Concat(a, aaaa)
	switch n := len(addrs); {
	case errA != nil || errAAAA != nil:
		h.Err = cmp.Or(errA, errAAAA)
	case n == 0:
		h.Err = fmt.Errorf("%s has no address: %s", shown(h.name), strings.Join(types, " and "))
	case n > lim.Addresses:
		h.Err = fmt.Errorf("%s has %d addresses, and a host may have %d", shown(h.name), n, lim.Addresses)
	default:
		h.Addrs = addrs
	}
	if above := h.Path.Above(); h.Err != nil && above != nil {
		h.Err = fmt.Errorf("%s: %w", above, h.Err)
	}
}

// shown gives a name that may come from the DNS as errors and paths show it.
func shown(name string) string { return ascii.Printable(name, maxShown) }

// maxShown is the longest name, in bytes (RFC 1035 section 2.3.4).
const maxShown = 253
