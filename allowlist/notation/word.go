package notation

import (
	"bytes"
	"net/netip"
	"unicode"
	"unicode/utf8"
)

// word reads the word from the present place to end, which is no network.
func (r *reading) word(end int) {
	w := r.text[r.pos:end]
	if end < len(r.text) && r.text[end] == '>' && len(bytes.Trim(w, "-=")) == 0 {
		end++ // of an arrow
		w = r.text[r.pos:end]
	}
	if (w[0] == ':' || w[0] == '=') && r.pos > 0 && (r.text[r.pos-1] == '"' || r.text[r.pos-1] == '\'') {
		end = r.pos + 1 // of a label in quotation marks: "prefixlen":24
		w = w[:1]
	}
	if r.labelled(end) {
		return
	}
	it := item{kind: kindWord, start: r.pos, end: end}
	bare := bytes.TrimRight(w, ":=")
	n, digitsEnd, isNumber := numberAt(w, 0)
	sign := 0 // between the ends of a range
	if w[0] == '-' {
		sign = 1
	} else if bytes.HasPrefix(w, []byte("..")) {
		sign = len(w) - len(bytes.TrimLeft(w, "."))
	}
	switch rest := w[min(len(w), max(0, digitsEnd)):]; {
	case isNumber && len(bytes.TrimRight(rest, ".:!?")) == 0:
		it.kind, it.value = kindNumber, n
	case isLength(w, &it.value):
		it.kind = kindLength
	case len(bare) == 0:
		r.colon(end)
		return
	case slashAt(w, 0) > 0 && isPart(w[slashAt(w, 0):]): // 192.0.2.0 /255.255.255.0
		r.push(item{kind: kindSlash, start: r.pos, end: r.pos + slashAt(w, 0)})
		return
	case sign > 0 && r.afterHost() && len(w) > sign && (len(bytes.Trim(w[sign:], digits+".")) == 0 || r.addressBehind(sign)):
		r.push(item{kind: kindTo, start: r.pos, end: r.pos + sign}) // 192.0.2.0 -255, 192.0.2.0 ..255, 192.0.2.0 -192.0.2.256
		if n, digitsEnd, ok := numberAt(w, sign); ok && digitsEnd == len(w) {
			it.kind, it.value = kindNumber, n
		} else {
			it.kind = kindBroken
		}
		it.start += sign
		r.push(it)
		return
	case isPart(w) && !looksLikeNetwork(w, r.text[end:]):
		it.kind = kindPart
	default:
		it.kind = kindOf(bare)
		r.class(&it, bare)
		if (it.kind == kindWord || it.kind == kindPermit) && looksLikeNetwork(w, r.text[end:]) {
			it.kind = kindBroken
		} else if it.kind == kindWord && r.addressBehind(0) {
			it.kind = kindOther
		} else if role := labelKind(w); it.kind == kindWord && bytes.ContainsAny(w, "-_") && (role == kindFirst || role == kindLast) {
			it.kind = role // set start-ip 192.0.2.0
		}
		if bytes.EqualFold(w, []byte("ipv4")) && end < len(r.text) && r.text[end] == '|' {
			it.kind = kindRegistry4
		} else if bytes.EqualFold(w, []byte("ipv6")) && end < len(r.text) && r.text[end] == '|' {
			it.kind = kindRegistry6
		}
	}
	r.emphasis = r.emphasis || len(w) > 1 && (w[0] == '*' || w[0] == '_')
	if r.push(it); len(bare) < len(w) && it.kind != kindNumber {
		r.label()
	}
}

// class makes a letter the class of networks that it ends, as in "class C" and "class-C": C is /24.
func (r *reading) class(it *item, word []byte) {
	if word = bytes.TrimRight(word, ".!?"); len(word) == 0 || r.Strict {
		return
	}
	letter, name := word[len(word)-1]|0x20, word[:len(word)-1]
	if last := len(r.items) - 1; len(name) == 0 && last >= r.record {
		name = r.text[r.items[last].start:r.items[last].end]
	}
	if 'a' <= letter && letter <= 'c' && bytes.EqualFold(bytes.TrimRight(name, "-_"), []byte("class")) {
		it.kind, it.value = kindClass, int(letter-'a'+1)*8
	}
}

// labelled reads a size or the last number of an end with a label that is glued to it, prefixlen=24 or end:255, and a netmask in
// hexadecimal digits, with or without one, where something that may have it is before it.
func (r *reading) labelled(end int) bool {
	d := dressed{text: r.text[:end], i: r.pos}
	for d.label() {
	}
	next := end + len(r.text[end:]) - len(bytes.TrimLeft(r.text[end:], " \t"))
	before := byte(kindWord)
	if last := len(r.items) - 1; last >= 0 {
		before = r.items[last].kind
	} else if quadAt(r.text, next) > 0 { // at the beginning of a record, and before its address
		before = kindRecordEnd
	}
	wanted := d.role == kindSize || before == kindSizeWord || before == kindSize || before == kindSlash
	mask, behind := hexMaskAt(d.text, d.i, wanted)
	it := item{kind: kindMask, start: d.i}
	switch n, digitsEnd, isNumber := numberAt(d.text, d.i); {
	case behind == 0 && d.role != 0 && isNumber:
		it.kind, it.value, behind = kindNumber, n, digitsEnd
	case behind == 0 && d.role != 0 && isLength(d.text[d.i:], &it.value):
		it.kind, behind = kindLength, end
	case behind == 0:
		return false
	case mask.IsValid() && (wanted || before == kindHost || before == kindRecordEnd):
		it.prefix = netip.PrefixFrom(mask, 32)
	case wanted:
		it.kind = kindBroken
	default:
		return false
	}
	if len(bytes.TrimRight(d.text[behind:], ".:!?")) > 0 || d.denied || r.Strict && d.role == kindCount {
		return false
	}
	if d.role != 0 {
		r.push(item{kind: d.role, start: r.pos, end: d.i})
	}
	it.end = behind
	r.push(it)
	r.pos = end
	return true
}

// isLength reports whether a word is a slash with a prefix length, and gives the length. One that goes on with letters is no
// length of any network.
func isLength(w []byte, bits *int) bool {
	w = bytes.TrimLeft(w, "[*_")
	sign := slashAt(w, 0)
	n, end, ok := numberAt(w, sign)
	if *bits = n; sign == 0 || !ok {
		return false
	}
	if rest := bytes.TrimRight(w[end:], ".:!?]*_"); end > sign+3 || len(rest) > 0 {
		*bits = maxAddress * 8
		return !bytes.ContainsAny(rest, "/.")
	}
	return true
}

// isPart reports whether a word has nothing but numbers and dots, as the last numbers of an address have: 2.255 or .255.
func isPart(w []byte) bool {
	return bytes.IndexByte(w, '.') >= 0 && bytes.ContainsAny(w, digits) && len(bytes.Trim(w, digits+".")) == 0
}

// afterHost reports whether the last item of the record is an address.
func (r *reading) afterHost() bool {
	last := len(r.items) - 1
	return last >= r.record && r.items[last].kind == kindHost
}

// colon reads a colon or an equals sign on its own: of a label, or between the ends of a range.
func (r *reading) colon(end int) {
	last := len(r.items) - 1
	switch {
	case r.afterHost() && r.gap == ' ' && r.text[r.pos] == ':':
		r.push(item{kind: kindTo, start: r.pos, end: end})
	case r.Strict:
		r.push(item{kind: kindWord, start: r.pos, end: end})
	case last >= r.record && r.gap < ',' || last >= r.record && r.pos-r.items[last].end <= 2:
		r.pos = end
		r.label()
		r.gap = ' '
	default:
		r.pos = end
		r.separate(' ')
	}
}

// label makes the words that end here the label of what follows. Of "the End IP:" the last two words are the label.
func (r *reading) label() {
	const most = 3
	n := len(r.items)
	from := n
	for from > r.record && n-from < most && isLabelWord(r.items[from-1].kind) && (from == n || r.items[from].gap <= ' ') {
		from--
	}
	for ; from < n; from++ {
		role := labelKind(r.text[r.items[from].start:r.items[n-1].end])
		switch before := from - 1; {
		case role == 0:
			continue
		case role != kindWord:
		case before >= r.record && isRole(r.items[before].kind):
			r.items = r.items[:from] // of the address in "end": {"ip": "192.0.2.9"}
			return
		default:
			return
		}
		r.items[from].kind, r.items[from].end = role, r.items[n-1].end
		r.items = r.items[:from+1]
		return
	}
}

func isLabelWord(kind byte) bool {
	return kind == kindWord || kind == kindTo || kind == kindEnd || kind == kindSizeWord || kind == kindRegistry4 || kind == kindRegistry6
}

func isRole(kind byte) bool {
	return kind == kindFirst || kind == kindLast || kind == kindSize || kind == kindCount
}

// looksLikeNetwork reports whether a word that is not a network is worth a problem; rest is the text behind it. A number of
// a version, a name, a URL, an address with a port are not.
func looksLikeNetwork(w, rest []byte) bool {
	if !bytes.ContainsAny(w, digits) || !bytes.ContainsAny(w, ".:") || bytes.Contains(w, []byte("://")) || bytes.IndexByte(w, '@') >= 0 {
		return false
	}
	w = w[:min(len(w), 3*maxAddress)]
	unseen := bytes.IndexFunc(w, isUnseen) >= 0
	if unseen {
		w = bytes.Join(bytes.FieldsFunc(w, isUnseen), nil)
	}
	d := dressed{text: w}
	addr, end, ok := d.open()
	if !ok {
		return isBroken(d.text[d.i:], rest)
	}
	if d.text = bytes.TrimLeft(d.text[end:], "]"); len(d.text) == 0 {
		return d.denied || d.role != 0 || unseen
	}
	next, behind := d.text[0], d.text[1:]
	digit := len(behind) > 0 && isDigit(behind[0])
	n, numberEnd, _ := numberAt(d.text, 1)
	switch {
	case isLetter(next), next == '.':
		return false
	case next == ':', next == '_':
		return digit && beginsNetwork(addr) && n <= addr.BitLen() && numberEnd == len(d.text)
	case next == '%':
		return bytes.IndexByte(behind, '/') > 0 || len(behind) > 2 && bytes.EqualFold(behind[:2], []byte("2f")) && isDigit(behind[2])
	case next == '-', next == '+':
		return digit
	case next == '/' && quadAt(behind, 0) > 0, next == '/' && isLength(behind, new(int)):
		return true // 192.0.2.0/192.0.2.255, 192.0.2.0//24
	case next == '/' && digit:
		behind = d.text[numberEnd:]
		return len(behind) == 0 || behind[0]|0x20 == 'x' || behind[0] != '/' && behind[0] != '.' && !isLetter(behind[0]) || n >= 8 && isAligned(addr, n)
	case next == '/':
		c, _ := utf8.DecodeRune(behind) // 192.0.2.0/²⁴
		return bytes.HasPrefix(behind, []byte("*")) || bytes.HasPrefix(behind, []byte("x")) || unicode.IsNumber(c)
	}
	c, _ := utf8.DecodeRune(d.text)
	return c < utf8.RuneSelf || unicode.IsDigit(c)
}

// isAligned reports whether a network of that length begins at the address.
func isAligned(a netip.Addr, bits int) bool {
	p := netip.PrefixFrom(a, bits)
	return p.IsValid() && p.Masked() == p
}

// isBroken reports whether w was probably meant as a network: a dotted quad that is not an address (300.1.1.1, 010.0.0.1,
// 192.0.2.*, 192.0.2.[0-9]), or a quad or IPv6 with a slash that is not a network (10.0.0.0/33, 10.0.0/8). A date or a time
// of day was not.
func isBroken(w, rest []byte) bool {
	if bytes.Contains(w, []byte("[.]")) {
		w = bytes.ReplaceAll(w, []byte("[.]"), []byte("."))
	}
	if group, rest, one := bytes.Cut(w, []byte(":")); one && len(group) == 4 && group[0] == '2' && bytes.IndexByte(rest, '/') > 0 && len(bytes.Trim(w, digits+"abcdefABCDEF:/")) == 0 {
		return true // 2001:db8/32
	}
	if base, open := bytes.TrimSuffix(w, []byte(".")), len(rest) > 0 && rest[0] == '{'; open && len(base) < len(w) {
		return isDotted(base, 3)
	}
	if base, _, open := bytes.Cut(w, []byte(".[")); open {
		return isDotted(base, 3)
	}
	w = bytes.TrimRight(w, ".:!?]")
	if plain := bytes.TrimRight(w, "*_"); !bytes.HasSuffix(plain, []byte(".")) {
		w = plain // without the end of an emphasis
	}
	addr, size, sized := bytes.Cut(w, []byte("/"))
	if !sized {
		return isDotted(addr, 4)
	}
	if len(size) == 0 || len(bytes.Trim(size, digits+".")) > 0 {
		return false
	}
	addr, _, _ = bytes.Cut(bytes.TrimSuffix(addr, []byte(`\`)), []byte("%"))
	if bytes.Count(addr, []byte(":")) >= 2 {
		return len(bytes.Trim(addr, digits+"abcdefABCDEF:.")) == 0
	}
	n, _, _ := numberAt(size, 0)
	return isDotted(addr, 3) || isDotted(addr, 2) && n >= 8 && n <= 32
}

// isDotted reports whether s has least to four parts of a dotted quad. Each part has one to three digits of any value, or
// is * or x, also several of them.
func isDotted(s []byte, least int) bool {
	parts := bytes.SplitN(s, []byte("."), 5)
	for _, p := range parts {
		if len(bytes.Trim(p, "*")) > 0 && len(bytes.Trim(p, "xX")) > 0 && (len(p) == 0 || len(p) > 3 || len(bytes.Trim(p, digits)) > 0) {
			return false
		}
	}
	return least <= len(parts) && len(parts) <= 4
}
