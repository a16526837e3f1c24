package notation

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"go4.org/netipx"
)

// A dress is a way in which people write a network or a range.
type dress struct {
	// shape has the kinds of the items in their order. In it * stands for any words, + for any words and ends of records, and
	// & for the end of a record or nothing; $ is the end of a record.
	shape string
	// read takes what the items of the letters of the shape mean, without the ends of records. It reports whether they mean anything together.
	read func(r *reading, p []*item) bool
	// example is a text of that shape, which a test reads.
	example string
}

// dresses are tried in their order for each item that no dress has taken before.
var dresses = [...]dress{
	{"h-h-h", (*reading).unclear, "192.0.2.0-192.0.2.3-192.0.2.7"},
	{"h&t&h-h", (*reading).unclear, "192.0.2.0 to\n192.0.2.3-192.0.2.7"},
	{"h&t&hth", (*reading).unclear, "192.0.2.0 to 192.0.2.3 to 192.0.2.7"},
	{"h-hth", (*reading).unclear, "192.0.2.0-192.0.2.3 to 192.0.2.7"},
	{"h-h", (*reading).dashed, "192.0.2.0 - 192.0.2.255"},
	{"h-dw", (*reading).shortOrWords, "192.0.2.4 - 24 Main Street"},
	{"h-d", (*reading).short, "192.0.2.0-255"},
	{"htd", (*reading).short, "192.0.2.0 to 255"},
	{"h-q", (*reading).part, "192.0.2.0 - 3.255"},
	{"htq", (*reading).part, "192.0.2.0 to .255"},
	{"h&t&h", (*reading).spanInWords, "192.0.2.0 to 192.0.2.255"},
	{"h$eh", (*reading).spanInWords, "Start 192.0.2.0\nEnd 192.0.2.255"},
	{"bhah", (*reading).spanInWords, "between 192.0.2.0 and 192.0.2.255"},
	{"Fh*Lh", (*reading).spanInWords, "start: 192.0.2.0 zone: 1 end: 192.0.2.255"},
	{"Fh+Lh", (*reading).spanInWords, "start: 192.0.2.0\nzone: 1\nend: 192.0.2.255"},
	{"h*Lh*Fh", (*reading).hostAndSpanReversed, "192.0.2.128 end: 192.0.2.63 start: 192.0.2.0"},
	{"h$Lh*Fh", (*reading).hostAndSpanReversed, "192.0.2.128\nend: 192.0.2.63 start: 192.0.2.0"},
	{"h*Lh", (*reading).spanInWords, "192.0.2.0 zone: 1 end: 192.0.2.255"},
	{"h&Lh", (*reading).spanInWords, "ip: 192.0.2.0\nend: 192.0.2.255"},
	{"Fh+Ld", (*reading).lastNumber, "start: 192.0.2.0\nzone: 1\nend: 255"},
	{"h*Ld", (*reading).lastNumber, "192.0.2.0 end: 255"},
	{"hwtd", (*reading).lastNumber, "192.0.2.0 up to 255"},
	{"Lh*Fh", (*reading).spanReversed, "end: 192.0.2.255 start: 192.0.2.0"},
	{"Lh", (*reading).oneEnd, "end: 192.0.2.255"},
	{"h&-&h", (*reading).spanOfLines, "192.0.2.0 -\n192.0.2.255"},

	{"h/d", (*reading).sized, "192.0.2.0 / 24"},
	{"h/m", (*reading).sized, "192.0.2.0 / 255.255.255.0"},
	{"h/x", (*reading).unclear, "192.0.2.0 /255.255.255.256"},
	{"h/q", (*reading).unclear, "192.0.2.0 /255.255.255"},
	{"h$Sm*h", (*reading).sizedSecond, "192.0.2.128\nmask: 255.255.255.0 network: 192.0.2.0"},
	{"h$Sl*h", (*reading).sizedSecond, "192.0.2.128\nprefixlen: /24 network: 192.0.2.0"},
	{"h$Sd*h", (*reading).sizedSecond, "192.0.2.128\nprefixlen: 24 network: 192.0.2.0"},
	{"h$smh", (*reading).hostAndSizeBefore, "192.0.2.128\nmask 255.255.255.0 192.0.2.0"},
	{"h$slh", (*reading).hostAndSizeBefore, "192.0.2.128\nprefix /24 192.0.2.0"},
	{"h$sdh", (*reading).hostAndSizeBefore, "192.0.2.128\nprefix length 24 192.0.2.0"},
	{"h$lh", (*reading).hostAndLengthBefore, "192.0.2.128\n/24 192.0.2.0"},
	{"h&l", (*reading).sized, "192.0.2.0 (/24)"},
	{"h$mh", (*reading).hostAndMaskBefore, "192.0.2.128\n255.255.255.0 192.0.2.0"},
	{"hhm", (*reading).route, "192.0.2.0 0.0.0.0 255.255.255.0"},
	{"h&m", (*reading).sized, "192.0.2.0 255.255.255.0"},
	{"h*Sm*h", (*reading).sizedSecond, "192.0.2.128 <net mask=255.255.255.0>192.0.2.0"},
	{"h*Sd*h", (*reading).sizedSecond, "192.0.2.128 prefixlen: 24 network: 192.0.2.0"},
	{"h&sm", (*reading).sized, "192.0.2.0 netmask 255.255.255.0"},
	{"h&sh", (*reading).unclear, "192.0.2.0 netmask 192.0.2.1"},
	{"h&sx", (*reading).unclear, "192.0.2.0 netmask 255.255.255.256"},
	{"h&sq", (*reading).unclear, "192.0.2.0 netmask 255.255.255"},
	{"h&sl", (*reading).sized, "192.0.2.0 mask /24"},
	{"h&sd", (*reading).sized, "192.0.2.0 mask 24"},
	{"hwsl", (*reading).sizedLoosely, "192.0.2.0 with mask /24"},
	{"hwsd", (*reading).sizedLoosely, "192.0.2.0 with prefix length 24"},
	{"h*s*m", (*reading).sized, "192.0.2.0 with the netmask of 255.255.255.0"},
	{"h*Sl", (*reading).sized, "192.0.2.0 zone: 1 prefixlen: /24"},
	{"h*Sd", (*reading).sized, "192.0.2.0 zone: 1 prefixlen: 24"},
	{"Sm*h", (*reading).sizedBefore, "mask: 255.255.255.0 network: 192.0.2.0"},
	{"Sl*h", (*reading).sizedBefore, "prefixlen: /24 network: 192.0.2.0"},
	{"Sd*h", (*reading).sizedBefore, "prefixlen: 24 network: 192.0.2.0"},
	{"h*m", (*reading).unclear, "192.0.2.0 Berlin 255.255.255.0"},
	{"mh", (*reading).unclear, "255.255.255.0 192.0.2.0"},
	{"lh", (*reading).lengthBefore, "/24 192.0.2.0"},
	{"h*l", (*reading).lengthApart, "192.0.2.0 is a /24"},
	{"h*c", (*reading).lengthApart, "192.0.2.0 (class C)"},
	{"ch", (*reading).lengthBefore, "class C 192.0.2.0"},

	{"4hd", (*reading).registryIPv4, "|ipv4|192.0.2.0|256|"},
	{"6hd", (*reading).registryIPv6, "|ipv6|2001:db8::|32|"},
	{"h*Cl", (*reading).sized, "192.0.2.0 size: /24"},
	{"h*Cm", (*reading).sized, "192.0.2.0 size: 255.255.255.0"},
	{"h*Cd", (*reading).count, "192.0.2.0 count: 256"},
	{"h*dw", (*reading).numberAndWord, "192.0.2.0 with 256 addresses"},
	{"hwd", (*reading).wordsAndNumber, "192.0.2.0 size 256"},
	{"hw", (*reading).numberInWord, "192.0.2.0 24-bit"},
	{"h*d", (*reading).wordsAndNumber, "192.0.2.0 block of 256"},
	{"h*s*d", (*reading).wordsAndNumber, "192.0.2.0 with a prefix of 24"},
	{"hd", (*reading).count, "192.0.2.0|256"},
	{"dh", (*reading).numberBefore, "24 192.0.2.0"},
	{"hh", (*reading).pair, "192.0.2.0,192.0.2.255"},
	{"h*h", (*reading).pairApart, "192.0.2.0 Berlin 192.0.2.255"},

	{"h-n", (*reading).unclear, "192.0.2.0 - 192.0.2.0/24"},
	{"h-x", (*reading).unclear, "192.0.2.0 - 192.0.2.256"},
	{"h-y", (*reading).unclear, "192.0.2.0 - 192.0.2.1:25"},
	{"hty", (*reading).unclear, "192.0.2.0 to 192.0.2.1:25"},
	{"htx", (*reading).unclear, "192.0.2.0 to 192.0.2.256"},
	{"h-", (*reading).openEnd, "192.0.2.0-9x"},
	{"h/", (*reading).openSlash, "192.0.2.0/ 2x"},
	{"x-h", (*reading).dashedBroken, "some:192.0.2.0-192.0.2.9"},
	{"x-d", (*reading).unclear, "some:192.0.2.0-9"},
	{"xth", (*reading).unclear, "some:192.0.2.0 to 192.0.2.9"},
	{"qp", (*reading).unclear, "192.0.2 RELAY"},
	{"!h", (*reading).takenBack, "! 192.0.2.1"},
	{"!n", (*reading).takenBack, "not 192.0.2.0/24"},
	{"n*Sd", (*reading).sizedTwice, "192.0.2.0/24 prefixlen: 24"},
	{"n*s*m", (*reading).sizedTwice, "192.0.2.0/24 netmask 255.255.255.0"},
	{"nm", (*reading).sizedTwice, "192.0.2.0/24 255.255.255.0"},
}

// dressesOf gives the dresses by the kind of their first item.
var dressesOf = sync.OnceValue(func() *[utf8.RuneSelf][]dress {
	var by [utf8.RuneSelf][]dress
	for _, d := range dresses {
		by[d.shape[0]] = append(by[d.shape[0]], d)
	}
	return &by
})

// maxWords bounds the words that a * or + takes.
const maxWords = 24

// match reports whether items begin with a shape. It appends those of the letters of the shape to parts, and gives the number
// of all.
func match(items []item, shape string, strict bool, parts []*item) (_ []*item, n int, ok bool) {
	for i, letter := range []byte(shape) {
		switch letter {
		case '*', '+':
			from := n
			for n < len(items) && n-from < maxWords && !isKind(items[n].kind, shape[i+1]) && (isFiller(items[n].kind) || letter == '+' && items[n].kind == kindRecordEnd) {
				n++
			}
			if strict && n > from {
				return nil, 0, false
			}
		case '&':
			if n < len(items) && items[n].kind == kindRecordEnd {
				n++
			}
		default:
			if n == len(items) || !isKind(items[n].kind, letter) {
				return nil, 0, false
			}
			if letter != kindRecordEnd {
				parts = append(parts, &items[n])
			}
			for n++; letter == kindSizeWord && n < len(items) && isKind(items[n].kind, letter); n++ {
			}
		}
	}
	return parts, n, true
}

// isKind reports whether an item of a kind is what a letter of a shape means. The label of a size is a word for one.
func isKind(kind, letter byte) bool {
	return kind == letter || letter == kindSizeWord && kind == kindSize
}

func isFiller(kind byte) bool {
	switch kind {
	case kindWord, kindOther, kindPart, kindDash, kindEnd, kindAnd, kindBetween, kindTo, kindPermit, kindNumber, kindFirst, kindRegistry4, kindRegistry6, kindSlash, kindClass:
		return true
	}
	return false
}

// fromTo reads a range. Everything between its ends belongs to it.
func (r *reading) fromTo(p []*item) bool {
	from, until := ends(p)
	switch {
	case from.Is4() != until.Is4():
		return r.tell("has ends of two families", p...)
	case until.Less(from):
		return r.tell("is a range that ends before it begins", p...)
	case isNetwork(from, until, 32) && from.Is4() && slices.ContainsFunc(p, func(it *item) bool { return it.prefix.Addr().Is4In6() }):
		return r.tell(allMapped, p...)
	}
	return r.addSpan(from, until, p[0].line)
}

// dashed reads a range with a sign, which with blanks around it may also separate two hosts.
func (r *reading) dashed(p []*item) bool {
	switch {
	case p[1].glued || r.Strict:
		return r.fromTo(p)
	case beginsCell(p[1], p[2]):
		return r.spanOfLines(p)
	}
	return r.spanInWords(p)
}

// beginsCell reports whether a sign is the first thing in the cell of what is behind it: the sign of a point.
func beginsCell(sign, behind *item) bool { return sign.gap == ',' && behind.gap != ',' }

func (r *reading) dashedBroken(p []*item) bool {
	return !beginsCell(p[1], p[2]) && r.unclear(p)
}

// spanInWords reads a range that may mean something else: "moved from 192.0.2.1 to 198.51.100.7". It is believed if it is
// short, or if its ends are those of networks.
func (r *reading) spanInWords(p []*item) bool {
	from, until := ends(p)
	if !isNear(from, until) && !isNetwork(from, until, 2) && !isWhole(from, until) {
		return r.tell(ambiguous, p...)
	}
	return r.fromTo(p)
}

// spanReversed reads a range with its end before its beginning.
func (r *reading) spanReversed(p []*item) bool { return r.spanInWords([]*item{p[3], p[1]}) }

// hostAndSpanReversed reads a host before such a range, unless the host is the beginning.
func (r *reading) hostAndSpanReversed(p []*item) bool {
	host, until, from := p[0].prefix.Addr(), p[2].prefix.Addr(), p[4].prefix.Addr()
	if !from.Less(until) || host.Less(until) && isNear(host, until) && !isNear(from, until) {
		return false
	}
	r.network(*p[0])
	return r.spanReversed(p[1:])
}

// spanOfLines reads a range whose dash ends or begins a line. A dash at the beginning may be the sign of a point instead.
func (r *reading) spanOfLines(p []*item) bool {
	from, until := ends(p)
	return isNetwork(from, until, 2) && r.fromTo(p)
}

// short reads a range whose end is the last number alone.
func (r *reading) short(p []*item) bool {
	from, n := p[0].prefix.Addr(), p[2].value
	raw := from.AsSlice()
	begin := int(raw[len(raw)-1])
	switch {
	case from.Is4() && n > begin && n <= 255 && (begin > 0 || n < 8 || n > 32):
		raw[3] = byte(n)
		until, _ := netip.AddrFromSlice(raw)
		if p[1].glued || r.Strict || begin == 0 || isNetwork(from, until, 2) {
			return r.addSpan(from, until, p[0].line)
		}
	case !p[1].glued && begin > 0 && (n < begin || n > 255):
		return false
	}
	return r.unclear(p)
}

// lastNumber reads a range whose end is the last number alone, behind a word. Without a label, or a network that begins there, the
// number may be one of anything.
func (r *reading) lastNumber(p []*item) bool {
	labelled := p[0].kind == kindFirst
	if labelled {
		p = p[1:]
	}
	return (labelled || beginsNetwork(p[0].prefix.Addr())) && (r.short([]*item{p[0], p[1], p[len(p)-1]}) || r.unclear(p))
}

// part tells of a range whose end is the last numbers alone, if they are an end.
func (r *reading) part(p []*item) bool {
	from := p[0].prefix.Addr()
	numbers := strings.Split(strings.TrimPrefix(r.written(*p[2], *p[2]), "."), ".")
	begin := strings.Split(from.String(), ".")
	if len(begin) != 4 || len(numbers) > 3 {
		return (p[1].glued || len(numbers) > 3) && r.unclear(p)
	}
	until, err := netip.ParseAddr(strings.Join(append(begin[:4-len(numbers)], numbers...), "."))
	return (p[1].glued || err == nil && from.Less(until)) && r.unclear(p)
}

// shortOrWords reads a number with a word behind it, which may begin what is said of the address.
func (r *reading) shortOrWords(p []*item) bool {
	begin := p[0].prefix.Addr().AsSlice()
	if p[1].glued || int(begin[len(begin)-1]) > p[2].value {
		return r.short(p[:3])
	}
	return p[2].value <= 255 && r.unclear(p)
}

// ends gives the first and the last address of the items.
func ends(p []*item) (from, until netip.Addr) {
	for _, it := range p {
		if it.prefix.IsValid() {
			if !from.IsValid() {
				from = it.prefix.Addr().Unmap()
			}
			until = it.prefix.Addr().Unmap()
		}
	}
	return from, until
}

// sized reads an address with its size. The size is that of a host if the address does not begin such a network.
func (r *reading) sized(p []*item) bool {
	it, bits := *p[0], sizeIn(p)
	if bits < 0 || bits > it.prefix.Bits() {
		return r.unclear(p)
	}
	if !isAligned(it.prefix.Addr(), bits) {
		return r.tell("does not begin at that address", p...)
	}
	it.prefix = netip.PrefixFrom(it.prefix.Addr(), bits)
	it.end = max(it.end, p[len(p)-1].end)
	r.network(it)
	return true
}

// sizedLoosely reads an address with its size and another word, which may say something else.
func (r *reading) sizedLoosely(p []*item) bool {
	return beginsNetwork(p[0].prefix.Addr()) && r.sized(p)
}

// route tells of a line of a table of routes, which has another address before the netmask.
func (r *reading) route(p []*item) bool {
	bits := sizeIn([]*item{p[0], p[2]})
	return bits > 0 && isAligned(p[0].prefix.Addr(), bits) && r.unclear(p)
}

// sizeIn gives the prefix length that the last item means.
func sizeIn(p []*item) int {
	if last := p[len(p)-1]; last.kind != kindMask {
		return last.value
	} else if last.prefix.Addr().Is4() == p[0].prefix.Addr().Is4() {
		return maskLength(last.prefix)
	}
	return -1
}

// sizedBefore reads a size before its address. A number is no length if it is too large for one.
func (r *reading) sizedBefore(p []*item) bool {
	if p[1].kind == kindNumber && p[1].value > p[2].prefix.Bits() {
		return false
	}
	return r.sized([]*item{p[2], p[1]})
}

// sizedSecond reads a size between two addresses that fits the second alone.
func (r *reading) sizedSecond(p []*item) bool {
	bits := sizeIn(p[:3])
	if isAligned(p[0].prefix.Addr(), bits) || !isAligned(p[3].prefix.Addr(), bits) {
		return false
	}
	r.network(*p[0])
	return r.sized([]*item{p[3], p[2]})
}

// sizedTwice reads a network with its size in two ways.
func (r *reading) sizedTwice(p []*item) bool {
	if sizeIn(p) == p[0].prefix.Bits() {
		r.network(*p[0])
		return true
	}
	return false
}

// lengthApart reads a prefix length with words before it, which may be that of another network.
func (r *reading) lengthApart(p []*item) bool {
	return isAligned(p[0].prefix.Addr(), p[1].value) && r.unclear(p)
}

// lengthBefore tells of a prefix length before its address, where nothing else took it.
func (r *reading) lengthBefore(p []*item) bool {
	return (p[1].gap <= ' ' || isAligned(p[1].prefix.Addr(), p[0].value)) && r.unclear(p)
}

// numberBefore tells of a number before an address that begins a network of that length, and that no host has.
func (r *reading) numberBefore(p []*item) bool {
	return p[1].gap <= ' ' && isDigit(r.text[p[0].end-1]) && isLengthOf(p[1].prefix.Addr(), p[0].value) && r.unclear(p)
}

// hostAndMaskBefore reads a host on its line, before a line that has a netmask before its address.
func (r *reading) hostAndMaskBefore(p []*item) bool {
	r.network(*p[0])
	return r.unclear(p[1:])
}

// hostAndSizeBefore reads a host on its line, before a line that has a size before its address, where that is not the host's.
func (r *reading) hostAndSizeBefore(p []*item) bool {
	return !isAligned(p[0].prefix.Addr(), sizeIn(p[:3])) && r.hostAndMaskBefore(p)
}

// hostAndLengthBefore reads a host on its line, before a line that has a prefix length before its address. Where the length may
// be that of either, it tells of both.
func (r *reading) hostAndLengthBefore(p []*item) bool {
	if p[2].gap > ' ' && !isAligned(p[2].prefix.Addr(), p[1].value) {
		return false
	}
	if isAligned(p[0].prefix.Addr(), p[1].value) {
		return r.unclear(p)
	}
	return r.hostAndMaskBefore(p)
}

func (r *reading) unclear(p []*item) bool { return r.tell(unreadable, p...) }

func (r *reading) oneEnd(p []*item) bool {
	return r.tell("is the end of a range whose beginning is not there", p...)
}

func (r *reading) openEnd(p []*item) bool { return p[1].glued && r.unclear(p) }

func (r *reading) openSlash(p []*item) bool {
	return p[1].gap == 0 && p[1].start == p[0].end && r.unclear(p)
}

func (r *reading) takenBack(p []*item) bool {
	return r.tell("is taken back by the text before it", p...)
}

// isNetwork reports whether a range is one network with so many bits for hosts or more.
func isNetwork(from, until netip.Addr, bits int) bool {
	p, ok := netipx.IPRangeFrom(from, until).Prefix()
	return ok && p.Bits() <= from.BitLen()-bits
}

// isWhole reports whether a range begins with the zeros and ends with the ones of a network: 192.0.2.0 and 198.51.101.255.
func isWhole(from, until netip.Addr) bool {
	n := from.BitLen() / 32
	a, b := from.AsSlice(), until.AsSlice()
	return len(a) == len(b) && from.Less(until) && bytes.HasSuffix(a, make([]byte, n)) && bytes.HasSuffix(b, bytes.Repeat([]byte{0xff}, n))
}
