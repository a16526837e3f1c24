package dnsbl

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// testEntry is an address that every list must list, or must not list (RFC 5782 section 5).
type testEntry struct {
	addr   netip.Addr
	listed bool
	text   string // the address as the RFC writes it
}

// sharedSpace is that of the customers behind a provider's translation (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// IsLocal reports whether no other network sees an address, so that no public list has it, and to ask one tells it about this
// network. 127.0.0.0/8 does not count: lists have their test entries there.
func IsLocal(addr netip.Addr) bool {
	test := addr.Is4() && addr.IsLoopback()
	return addr.IsPrivate() || sharedSpace.Contains(addr) || !addr.IsGlobalUnicast() && !test
}

func (e testEntry) is4() bool { return e.addr.Is4() }

// testEntries gives the test entries of the families of addrs.
func testEntries(addrs []netip.Addr) (tests []testEntry) {
	for _, e := range []testEntry{
		{netip.MustParseAddr("127.0.0.2"), true, "127.0.0.2"},
		{netip.MustParseAddr("127.0.0.1"), false, "127.0.0.1"},
		{netip.MustParseAddr("::ffff:127.0.0.2"), true, "::FFFF:7F00:2"},
		{netip.MustParseAddr("::ffff:127.0.0.1"), false, "::FFFF:7F00:1"},
	} {
		if slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap().Is4() == e.is4() }) {
			tests = append(tests, e)
		}
	}
	return tests
}

// health is the state of a zone for one family, by its test entries. Each field is a Meaning, or empty.
type health struct {
	broken   string // all answers of the zone are unreliable
	silent   string // there was no answer about a test entry
	noFamily string // the zone does not list its IPv6 test entry, so it may list no IPv6 addresses at all
}

func (h health) sound() bool { return h == health{} }

// health reads the replies to the test entries, by family; true is IPv4.
//
// The RFC wants test entries in IPv6 lists too, but many lists are older than this rule. If ::FFFF:7F00:2 is missing,
// "not listed" means nothing for an IPv6 address, but a listing still counts. If the IPv4 test entries are wrong too, no
// answer of the zone counts.
func (z Zone) health(tests []testEntry, replies []reply) map[bool]health {
	families := map[bool]health{}
	for i, test := range tests {
		h, got := families[test.is4()], replies[i]
		switch {
		case got.err != nil:
			if h.silent == "" {
				h.silent = z.noAnswer(" about its test entry "+test.text, got.err)
			}
		case test.listed && len(got.codes) == 0 && !test.is4():
			h.noFamily = "it does not list the IPv6 test entry ::FFFF:7F00:2: most likely it has no IPv6 addresses, and \"not listed\" says nothing"
		case test.listed && len(got.codes) == 0:
			h.broken = "it does not list its test entry 127.0.0.2: it is dead, or its name is wrong, or it does not answer this resolver"
		case test.listed:
			if meaning := z.testError(test, got.codes); meaning != "" {
				h.broken = meaning
			}
		case len(got.codes) > 0 && h.broken == "":
			h.broken = cmp.Or(z.testError(test, got.codes),
				fmt.Sprintf("it lists %s, which no list may list: it lists everything, or another server answers in its place", test.text))
		}
		families[test.is4()] = h
	}
	if v6 := families[false]; v6.noFamily != "" && v6.broken == "" {
		v6.broken = families[true].broken
		families[false] = v6
	}
	return families
}

// testError gives the meaning of the codes of a test entry if they are an error, else "".
func (z Zone) testError(test testEntry, codes []netip.Addr) string {
	got := z.read(codes)
	if got.state != Error || z.mayBeTest(codes) {
		return ""
	}
	return "its test entry " + test.text + ": " + got.meaning
}

// mayBeTest reports whether codes that mean nothing for an ordinary address are correct for a test entry.
func (z Zone) mayBeTest(codes []netip.Addr) bool {
	return slices.ContainsFunc(codes, func(code netip.Addr) bool {
		return slices.ContainsFunc(z.meanings(code), func(a answer) bool { return a.sense == doubtful })
	})
}
