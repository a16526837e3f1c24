package allowlist

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/hosts"
)

// hostNames gives the host names of the source, each once, in alphabetical order.
func (s Source) hostNames() (names []hosts.Name) {
	for _, item := range s.Hosts {
		names = append(names, hosts.ParseName(item))
	}
	sort.Slice(names, func(i, j int) bool { return names[i].String() < names[j].String() })
	return slices.Compact(names)
}

// lookUp finds the addresses of host names. One name without an address is an error for all names of the source: the source
// must become stale, not smaller.
func (f *Fetcher) lookUp(ctx context.Context, src Source) (ranges Ranges, _ error) {
	found, err := hosts.LookUp(ctx, f.Resolver, src.hostNames(), hosts.Limits{NoIPv4: src.NoIPv4, NoIPv6: src.NoIPv6})
	var failed []error
	for _, host := range found {
		if host.Err != nil {
			failed = append(failed, host.Err)
		}
		for _, addr := range host.Addrs {
			ranges.Add(Range{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Path: host.Path})
		}
	}
	if more := len(failed) - maxFew; more > 0 {
		failed = append(failed[:maxFew], fmt.Errorf("and %s more names without an address", ascii.Count(more)))
	}
	return ranges, errors.Join(append(failed, err)...)
}
