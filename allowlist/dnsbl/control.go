package dnsbl

import (
	"fmt"
	"net/netip"
	"slices"
)

// testEntry is an address that every list must have, or must not have (RFC 5782 section 5).
type testEntry struct {
	addr   netip.Addr
	listed bool
	shown  string // as the RFC writes it
}

func (e testEntry) is4() bool { return e.addr.Is4() }

// testEntries are those of the families in use.
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

// verdict is what the test entries of a family show of a zone, each empty when it is not so.
type verdict struct {
	broken   string // nothing it says can be believed
	silent   string // there was no answer about a test entry
	noFamily string // it does not list its IPv6 test entry, so that "not listed" says nothing of an IPv6 address
}

// control reads the replies to the test entries. The key is whether the family is IPv4.
//
// The RFC asks the test entries of an IPv6 list as of an IPv4 one, but many lists were made before there was one: a
// missing ::FFFF:7F00:2 proves that "not listed" means nothing, and does not prove that a listing does not. Where the
// IPv4 test entries were asked and are wrong, too, the zone as a whole is.
func (z Zone) control(tests []testEntry, replies []reply) map[bool]verdict {
	verdicts := map[bool]verdict{}
	for i, test := range tests {
		v, said := verdicts[test.is4()], replies[i]
		switch {
		case said.err != nil:
			if v.silent == "" {
				v.silent = z.why(" about its test entry "+test.shown, said.err)
			}
		case test.listed && len(said.codes) == 0 && !test.is4():
			v.noFamily = "it does not list the IPv6 test entry ::FFFF:7F00:2: most likely it has no IPv6 addresses, and \"not listed\" says nothing"
		case test.listed && len(said.codes) == 0:
			v.broken = "it does not list its test entry 127.0.0.2: it is dead, or its name is wrong, or it does not answer this resolver"
		case test.listed:
			if is := z.read(said.codes); is.state == Error && !z.mayBeTest(said.codes) {
				v.broken = "its test entry " + test.shown + ": " + is.meaning
			}
		case len(said.codes) > 0 && v.broken == "":
			v.broken = fmt.Sprintf("it lists %s, which no list may: it has everything, or something answers in its place", test.shown)
			if is := z.read(said.codes); is.state == Error && !z.mayBeTest(said.codes) {
				v.broken = "its test entry " + test.shown + ": " + is.meaning
			}
		}
		verdicts[test.is4()] = v
	}
	if v6 := verdicts[false]; v6.noFamily != "" && v6.broken == "" {
		v6.broken = verdicts[true].broken
		verdicts[false] = v6
	}
	return verdicts
}

// mayBeTest tells whether codes that say nothing of an ordinary address are right for a test entry.
func (z Zone) mayBeTest(codes []netip.Addr) bool {
	return slices.ContainsFunc(codes, func(code netip.Addr) bool {
		return slices.ContainsFunc(z.meanings(code), func(a answer) bool { return a.sense == doubtful })
	})
}
