package notation

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"mailallow/allowlist/ascii"
)

// item is an address, a size, or a word or sign that may change what they mean.
type item struct {
	kind       byte
	gap        byte // before it: 0 nothing, ' ' blanks, '|' such a sign, ',' any other separator
	glued      bool // a sign right behind an address
	value      int  // of a number and a length
	prefix     netip.Prefix
	start, end int // in the text
	line       int
}

// dressed is a word while expression takes its dress off.
type dressed struct {
	text     []byte
	i        int
	role     byte // of a label before the address
	denied   bool // a sign or a label takes the address back or leaves its meaning open
	minus    bool // a - or ~ is right before the address
	emphasis bool // Markdown's * or _ is before it
	strict   bool // a list without Markdown
	spf      bool // ip4: or ip6: is before the address
}

// expression reads an address with everything that is glued to it. It reports whether there is one with nothing else around
// it; then it goes on behind it.
func (r *reading) expression() bool {
	d := dressed{text: r.text, i: r.pos, strict: r.Strict}
	addr, end, ok := d.open()
	r.emphasis = r.emphasis || d.emphasis
	it := item{kind: kindHost, start: d.i, end: end, prefix: netip.PrefixFrom(addr, addr.BitLen())}
	if !ok || !r.Strict && addr.Is6() && isNoAddress(d.text[d.i:end]) && slashAt(d.text, end) == 0 && maskLength(it.prefix) < 0 {
		return false
	}
	behind := r.closing(end, kindHost)
	switch size, sized := r.size(behind, &it); {
	case sized && size < 0:
		return false
	case sized:
		it.end = size
		behind = r.closing(size, kindNetwork)
	case isMask(it.prefix):
		it.kind = kindMask
	}
	link := 0
	if it.kind == kindHost {
		link = r.gluedLink(behind)
	}
	if link == 0 {
		if behind = r.sentence(behind); !r.ends(behind) {
			return false
		}
	}
	d.denied = d.denied || d.spf && cutAt(r.text[behind:])
	r.pushDressed(it, d)
	if r.pos = behind; link > 0 {
		r.push(item{kind: kindDash, glued: true, start: behind, end: behind + link})
	}
	return true
}

// open takes off what may stand before an address, and reads the address.
func (d *dressed) open() (addr netip.Addr, end int, ok bool) {
	for d.i < len(d.text) {
		if addr, end, ok = addressAt(d.text, d.i); ok {
			return addr, end, true
		}
		switch c := d.text[d.i]; {
		case c == '[':
		case (c == '*' || c == '_') && !d.strict:
			d.emphasis = true
		case c == '-' || c == '~':
			d.denied, d.minus = true, true
		case c == '!' || c == '^' || c == '?' || c == '+' && !d.mechanism(d.i+1):
			d.denied = true
		case c == '+':
		default:
			if !d.label() {
				return addr, 0, false
			}
			continue
		}
		d.i++
	}
	return addr, 0, false
}

// cutAt reports whether a string of a TXT record ends here and the next one goes on with the same word: "ip4:192.0.2.1" "0 -all".
func cutAt(rest []byte) bool {
	next := bytes.TrimLeft(rest, " \t\r\n\"")
	return bytes.HasPrefix(rest, []byte{'"'}) && len(next) < len(rest)-1 && len(next) > 0 && rest[len(rest)-len(next)-1] == '"' && (isHex(next[0]) || next[0]-'.' <= 1 || next[0] == ':')
}

// mechanism reports whether an SPF mechanism with addresses begins at i.
func (d *dressed) mechanism(i int) bool {
	return len(d.text)-i > 4 && d.text[i+3] == ':' && (ascii.IsWord(string(d.text[i:i+3]), "ip4") || ascii.IsWord(string(d.text[i:i+3]), "ip6"))
}

// label takes off a label that is glued to what is behind it: ip4: or start=. One that is not known leaves open what the
// address is.
func (d *dressed) label() bool {
	if d.mechanism(d.i) {
		d.i += len("ip4:")
		d.spf = true
		return true
	}
	end := d.i
	for end < len(d.text) && (isLetter(d.text[end]) || end > d.i && (isDigit(d.text[end]) || d.text[end] == '_' || d.text[end] == '-')) {
		end++
	}
	if end == d.i || end == len(d.text) || d.text[end] != ':' && d.text[end] != '=' {
		return false
	}
	if role := roleOf(d.text[d.i:end]); role != 0 {
		d.role = role
	} else {
		d.denied = true
	}
	d.i = end + 1
	return true
}

// size reads a prefix length or a netmask behind an address. It gives a negative end for a word that is no network at all.
func (r *reading) size(i int, it *item) (end int, sized bool) {
	n := slashAt(r.text, i)
	if n == 0 || i+n == len(r.text) {
		return 0, false
	}
	if !isDigit(r.text[i+n]) {
		return -1, !r.slashApart(i, n)
	}
	bits, end, ok := numberAt(r.text, i+n)
	if mask, maskEnd := maskAt(r.text, i+n); maskEnd > 0 {
		if !mask.IsValid() || !it.prefix.Addr().Is4() {
			return -1, true
		}
		bits, end = maskLength(netip.PrefixFrom(mask, 32)), maskEnd
	} else if !ok || bits > it.prefix.Bits() || r.text[i+n] == '0' && end > i+n+1 {
		return -1, true
	}
	it.kind, it.prefix = kindNetwork, netip.PrefixFrom(it.prefix.Addr(), bits)
	return end, true
}

// slashApart reports whether the slash of n bytes at i has a blank and then a number behind it: 192.0.2.0/ 24.
func (r *reading) slashApart(i, n int) bool {
	rest := r.text[i+n:]
	number := bytes.TrimLeftFunc(rest, func(c rune) bool {
		return strings.ContainsRune(r.blanks(), c) || c >= utf8.RuneSelf && unicode.IsSpace(c) || c == '['
	})
	return len(number) < len(rest) && len(number) > 0 && isDigit(number[0])
}

// blanks are the characters that separate words of one record.
func (r *reading) blanks() string {
	if r.Lines {
		return " \t"
	}
	return " \t\r\n"
}

// gluedLink gives the length of a sign at i, right behind an address, with the other end of a range behind it.
func (r *reading) gluedLink(i int) int {
	end := i
	for end < len(r.text) && end < i+3 && strings.IndexByte("-.~=>:", r.text[end]) >= 0 && (r.text[end] != ':' || end == i) {
		end++ // as far as the :: of an address
	}
	port := string(r.text[i:end]) == ":"
	if !port && kindOf(r.text[i:end]) != kindDash {
		return 0
	}
	next := len(r.text) - len(bytes.TrimLeft(r.text[end:], r.blanks()))
	if port && next > end {
		return 0
	}
	d := dressed{text: r.text, i: next, strict: r.Strict}
	if _, _, ok := d.open(); ok && !d.denied || !port && next < len(r.text) && isDigit(r.text[next]) {
		return end - i
	}
	return 0
}

// closing gives the end of brackets, emphasis and the mark of a note, which may stand behind an address or a network. A *
// behind an address that no * opened may mean more addresses.
func (r *reading) closing(end int, kind byte) int {
	for end < len(r.text) && r.text[end] == ']' {
		end++
	}
	if r.Strict {
		return end
	}
	for end < len(r.text) && (r.text[end] == '*' || r.text[end] == '_') && (r.emphasis || kind == kindNetwork) {
		end++
	}
	if kind == kindNetwork && end < len(r.text) && r.text[end] == '[' {
		end += len(footnote().Find(r.text[end:min(len(r.text), end+8)]))
	}
	return end
}

// sentence gives the end of the marks of a sentence, where a word ends behind them.
func (r *reading) sentence(i int) int {
	end := i
	for !r.Strict && end < len(r.text) && (strings.IndexByte(".!?]", r.text[end]) >= 0 || r.text[end] == ':' && end == i) {
		end++
	}
	if r.ends(end) {
		return end
	}
	return i
}

// ends reports whether a word ends at i.
func (r *reading) ends(i int) bool {
	if i == len(r.text) {
		return true
	}
	c, size := rune(r.text[i]), 1
	if c >= utf8.RuneSelf {
		c, size = decodeRune(r.text[i:])
	}
	if unseenAt(r.text, i) > i {
		return false
	}
	if !r.Strict {
		return !isWordRune(c) || slashAt(r.text, i) == size && r.slashApart(i, size)
	}
	return c <= ' ' || c == ',' || c == '#' || c == ';' || isDash(c) || isBlankRune(c) || slashAt(r.text, i) == size && r.slashApart(i, size)
}

// pushDressed appends an address or a network.
func (r *reading) pushDressed(it item, d dressed) {
	switch {
	case d.minus && (r.gap == ' ' || r.gap == ',' && r.text[r.pos-1] == ')') && r.afterHost() && it.kind != kindNetwork && d.i == r.pos+1:
		r.push(item{kind: kindTo, start: r.pos, end: d.i}) // 192.0.2.0 -192.0.2.9
	case d.denied:
		it.kind, it.start = kindBroken, r.pos
	case d.role != 0:
		r.push(item{kind: d.role, start: r.pos, end: r.pos})
	}
	r.push(it)
}
