package postfix

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mailallow/allowlist/pattern"
)

// errFilter says that smtpd ends because it cannot read a filter.
var errFilter = errors.New("a filter that Postfix cannot read")

// filter is the d.d.d.d of ZONE=d.d.d.d: the ranges of each octet.
type filter [4][][2]uint64

// filterFields matches a filter, each field of which is a number or [number;number..number] (ip_match.c in Postfix).
var filterFields = pattern.New(`^(\d+|\[[\d.;]+\])\.(\d+|\[[\d.;]+\])\.(\d+|\[[\d.;]+\])\.(\d+|\[[\d.;]+\])$`)

// parseFilter reads a filter, which may have brackets around the whole.
func parseFilter(text string) (f filter, err error) {
	inside := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") && filterFields().MatchString(text[1:len(text)-1]) {
		inside = text[1 : len(text)-1]
	}
	fields := filterFields().FindStringSubmatch(inside)
	if fields == nil {
		return f, fmt.Errorf("=%s: %w", text, errFilter)
	}
	for i, field := range fields[1:] {
		for member := range strings.SplitSeq(strings.Trim(field, "[]"), ";") {
			from, to, isRange := strings.Cut(member, "..")
			if !isRange {
				to = from
			}
			low, errLow := strconv.ParseUint(from, 10, 8)
			high, errHigh := strconv.ParseUint(to, 10, 8)
			if errLow != nil || errHigh != nil || low > high {
				return f, fmt.Errorf("=%s: %w", text, errFilter)
			}
			f[i] = append(f[i], [2]uint64{low, high})
		}
	}
	return f, nil
}

// TakesRefusal reports whether the filter of ZONE=FILTER takes 127.255.255.254 for a listing, with which a list does not
// answer this resolver (docs/facts.md 17).
func TakesRefusal(text string) bool {
	f, err := parseFilter(text)
	return err == nil && f.matches(netip.AddrFrom4([4]byte{127, 255, 255, 254}))
}

func (f filter) matches(code netip.Addr) bool {
	if !code.Is4() {
		return false
	}
	for i, octet := range code.As4() {
		if !slices.ContainsFunc(f[i], func(r [2]uint64) bool { return r[0] <= uint64(octet) && uint64(octet) <= r[1] }) {
			return false
		}
	}
	return true
}
