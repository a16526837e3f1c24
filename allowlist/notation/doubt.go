package notation

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"

	"mailallow/allowlist/ascii"
)

// A doubt is what the rest of the document decides: two addresses beside each other are two hosts, or the ends of a range
// in a list that has ranges; a number beside an address is its size only if it could be one in each line.
type doubt struct {
	parts []item
	of    *evidence
}

// evidence counts the lines of a document that speak for sizes and ranges, and those that speak against them.
type evidence struct{ pro, contra int }

// maxDoubts bounds the doubts that are kept. What is past it is decided by the lines before it.
const maxDoubts = 10_000

func (r *reading) doubt(of *evidence, p []*item) bool {
	d := doubt{of: of}
	for _, it := range p {
		d.parts = append(d.parts, *it)
	}
	if len(r.doubts) == maxDoubts {
		r.decideOne(d)
	} else {
		r.doubts = append(r.doubts, d)
	}
	return true
}

// decide settles all doubts.
func (r *reading) decide() {
	for _, d := range r.doubts {
		r.decideOne(d)
	}
}

func (r *reading) decideOne(d doubt) {
	p := []*item{&d.parts[0], &d.parts[1]}
	from, until := ends(p)
	switch pro, contra := d.of.pro, d.of.contra; {
	case contra > pro:
	case d.of == &r.numbers && pro > 0:
		r.tell("may have its size behind it, or a number of something else", p...)
		return
	case d.of == &r.pairs && pro > 0 && contra == 0:
		r.fromTo(p)
		return
	case d.of == &r.pairs && (pro > 0 || looksLikeSpan(from, until)):
		r.tell(ambiguous, p...)
		return
	}
	for _, it := range d.parts {
		if it.kind == kindHost {
			r.network(it)
		}
	}
}

const ambiguous = "may be a range, or two addresses"

// pair reads two addresses beside each other: the first and the last of a range, in columns or behind a comma, or two hosts.
func (r *reading) pair(p []*item) bool {
	from, until := ends(p)
	sameFamily := from.Is4() == until.Is4()
	switch {
	case from == until:
		return false
	case !sameFamily || until.Less(from):
		if r.alone() {
			r.pairs.contra++
		}
		return false
	case isWide(from, until) && r.Strict:
		return r.tell("may be a range: write it with a dash, or each address on a line of its own", p...)
	case isWide(from, until):
		r.pairs.pro++
		return r.fromTo(p)
	case !isNear(from, until) || !r.alone():
		return false
	case r.Strict:
		return isNetwork(from, until, 2) && r.tell("may be a range: write it with a dash, or each address on a line of its own", p...)
	}
	return r.doubt(&r.pairs, p)
}

// pairApart reads two addresses with words between them.
func (r *reading) pairApart(p []*item) bool {
	from, until := ends(p)
	return (isWide(from, until) || isNetwork(from, until, 4)) && r.tell(ambiguous, p...)
}

// isWide reports whether two addresses are the ends of a range, beyond chance.
func isWide(from, until netip.Addr) bool {
	return isNetwork(from, until, 6) || beginsNetwork(from) && isNetwork(from, until, 2) || isWhole(from, until)
}

// looksLikeSpan reports whether two addresses may be the ends of a range: a small network, its hosts, or what begins one.
func looksLikeSpan(from, until netip.Addr) bool {
	return beginsNetwork(from) || isNetwork(from, until, 2) || isNetwork(from.Prev(), until.Next(), 6)
}

func isNear(from, until netip.Addr) bool {
	return netip.PrefixFrom(from, from.BitLen()/2).Masked().Contains(until)
}

// beginsNetwork reports whether an IPv4 address ends in .0, or an IPv6 address in ::.
func beginsNetwork(a netip.Addr) bool {
	return bytes.HasSuffix(a.AsSlice(), make([]byte, a.BitLen()/32))
}

// count reads a number beside an address: a number of addresses, a prefix length, or a number of anything else.
func (r *reading) count(p []*item) bool {
	it, n := p[0], p[len(p)-1].value
	addr := it.prefix.Addr()
	if r.Strict || n < 2 {
		return false
	}
	asLength := n >= 8 && n < addr.BitLen()-1 && isAligned(addr, n)
	asCount, begins := false, false
	if addr.Is4() {
		base, low := number4(addr), uint32(n)&-uint32(n)
		aligned := base&(low-1) == 0
		if begins = beginsNetwork(addr); begins && n%256 == 0 && aligned {
			r.numbers.pro++
			return r.counted(it, n)
		}
		asCount = n >= 8 && low == uint32(n) && aligned
	}
	switch sure := asLength && n <= addr.BitLen()-4 || asCount && n >= 64; {
	case !asLength && !asCount && !begins:
		r.numbers.contra++
		return false
	case begins || sure || p[len(p)-1].gap == '|': // and not by chance
		r.numbers.pro++
	}
	return r.doubt(&r.numbers, []*item{it, p[len(p)-1]})
}

// numberAndWord reads a number before the word that says what it is, behind an address that can be that of a network: "with 256 addresses".
func (r *reading) numberAndWord(p []*item) bool {
	kind := labelKind(r.text[p[2].start:p[2].end])
	return (kind == kindCount || kind == kindWord) && beginsNetwork(p[0].prefix.Addr()) && (p[1].value%256 == 0 && r.count(p[:2]) || r.unclear(p))
}

// wordsAndNumber reads a number behind words that say together what it is, as a label would: "len 24", "x 256", "block of 256".
// With other words, "with a prefix of 24", it tells of a number that can be a prefix length.
func (r *reading) wordsAndNumber(p []*item) bool {
	number, oneWord := p[len(p)-1], p[1].kind == kindWord
	words := bytes.Trim(r.text[p[0].end:number.start], " \t\"'`|,;(){}<>")
	switch kind := labelKind(words); {
	case kind == kindSize:
		return r.sized(p)
	case kind == kindCount, kind == kindWord && (oneWord || number.gap == ' '), oneWord && len(words) == 1 && bytes.ContainsAny(words, "+x*"):
		return r.count(p)
	case kind == kindLast: // or a score, "max 90": it is told, and never read
		return !r.Strict && number.gap == ' ' && number.value <= 255 && beginsNetwork(p[0].prefix.Addr()) && r.unclear(p)
	}
	return len(p) > 2 && !oneWord && isLengthOf(p[0].prefix.Addr(), number.value) && r.unclear(p)
}

// isLengthOf reports whether n is the length of a network that begins at the address, which no host has.
func isLengthOf(a netip.Addr, n int) bool {
	return 8 <= n && n < a.BitLen()-1 && isAligned(a, n) && beginsNetwork(a)
}

// numberInWord tells of a size that is one word, behind an address that can be that of a network: "24-bit", "+255", "x256", "[256]",
// "ips=256", "0-255". The mark of a note is none: "[24]".
func (r *reading) numberInWord(p []*item) bool {
	word := ascii.Lower(string(r.text[p[1].start:p[1].end]))
	number := strings.TrimPrefix(strings.TrimPrefix(strings.Trim(word, "[]()~+*=:-_.^?!x"), "%2f"), "0-")
	if at := strings.LastIndexAny(number, "=:"); labelKind([]byte(number[:at+1])) != 0 {
		number = number[at+1:]
	}
	n, end, ok := numberAt([]byte(number), 0)
	if unit := number[end:]; !ok || !beginsNetwork(p[0].prefix.Addr()) || strings.Trim(unit, "-bits") != "" && labelKind([]byte(unit)) == 0 {
		return false
	}
	return (n >= 8 || strings.IndexByte("+x~=0", word[0]) >= 0) && (n >= 64 || word[0] != '[' || word[len(word)-1] != ']') && r.unclear(p)
}

func number4(a netip.Addr) uint32 {
	raw := a.As4()
	return binary.BigEndian.Uint32(raw[:])
}

// counted adds so many addresses from the address of an item on.
func (r *reading) counted(it *item, n int) bool {
	last := uint64(number4(it.prefix.Addr())) + uint64(n) - 1
	if n == 0 || last > 1<<32-1 {
		return r.tell(unreadable, it)
	}
	until := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(last))))
	return r.addSpan(it.prefix.Addr(), until, it.line)
}

// registryIPv4 reads a line of the statistics of a registry, which has a number of addresses: ripencc|DE|ipv4|192.0.2.0|256|.
func (r *reading) registryIPv4(p []*item) bool {
	return p[1].gap == '|' && p[2].gap == '|' && p[1].prefix.Addr().Is4() && r.counted(p[1], p[2].value)
}

// registryIPv6 reads such a line of IPv6, which has a prefix length.
func (r *reading) registryIPv6(p []*item) bool {
	return p[1].gap == '|' && p[2].gap == '|' && p[1].prefix.Addr().Is6() && r.sized(p[1:])
}
