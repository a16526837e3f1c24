package notation

import (
	"bytes"
	"strings"
	"sync"

	"mailallow/allowlist/ascii"
)

// Kinds of items. A shape in the table of dresses is written with them.
const (
	kindNetwork   = 'n' // with its size
	kindHost      = 'h' // an address without a size
	kindMask      = 'm' // an address that is a netmask
	kindLength    = 'l' // /24
	kindNumber    = 'd'
	kindClass     = 'c' // class C
	kindPart      = 'q' // the last numbers of an address: .255 or 2.255
	kindSlash     = '/'
	kindDash      = '-' // a sign between the ends of a range
	kindTo        = 't' // a word between the ends of a range
	kindEnd       = 'e' // a word before the end of a range, at the beginning of a line
	kindAnd       = 'a'
	kindBetween   = 'b'
	kindFirst     = 'F' // a label: an address begins a range
	kindLast      = 'L' // a label: an address ends a range
	kindSize      = 'S' // a label: a prefix length or a netmask
	kindCount     = 'C' // a label: a number of addresses
	kindSizeWord  = 's' // "netmask" in a text
	kindRegistry4 = '4' // ipv4 in the statistics of a registry
	kindRegistry6 = '6'
	kindDenial    = '!'
	kindPermit    = 'p' // a value of a table that lets in
	kindBroken    = 'x' // looks like a network and is none
	kindOther     = 'y' // an address with a port, or with anything else that makes it no network
	kindWord      = 'w'
	kindRecordEnd = '$'
)

// wordKinds are the words that change what is beside them.
var wordKinds = sync.OnceValue(func() map[string]byte {
	return invert(map[byte]string{
		kindTo:       "to thru through until till upto bis tot à до 至 到",
		kindEnd:      "end last",
		kindAnd:      "and und et y e och en",
		kindBetween:  "between zwischen entre tra",
		kindSizeWord: "mask netmask subnet subnetmask wildcard prefix length prefixlen cidr slash",
		kindPermit:   "permit ok relay accept allow",
		kindDenial:   "! !! % not broadcast brd",
		kindDash:     "- -- --- -> --> => ==> .. ... ~ <->",
		kindSlash:    `/ \ ⁄ ∕ ／`,
	})
})

// roles are the words of labels, heads of columns and keys that say what is below or behind them; those of kindWord
// say nothing more.
var roles = sync.OnceValue(func() map[string]byte {
	return invert(map[byte]string{
		kindFirst: "start first from begin beginning lower low min lowest",
		kindLast:  "end last to until upper high max highest stop finish through thru broadcast",
		kindSize:  "mask netmask subnetmask bitmask masklen masklength prefixlen prefixlength plen pfx prefix suffix length len bits bit netbits cidr slash",
		kindCount: "count size hosts total number num quantity qty amount",
		kindWord:  "ip ips host ipv4 ipv6 v4 v6 addr addrs address addresses range net network subnet inet block of",
	})
})

func invert(lists map[byte]string) map[string]byte {
	all := map[string]byte{}
	for kind, words := range lists {
		for w := range strings.FieldsSeq(words) {
			all[w] = kind
		}
	}
	return all
}

// maxLabel bounds a label that can have a role, in bytes.
const maxLabel = 40

// HasRole reports whether a label says what is behind it: an end of a range, or a size. "End IP", start_address, ipFrom and
// prefixlen do.
func HasRole(label []byte) bool { return roleOf(label) != 0 }

func roleOf(label []byte) byte {
	if role := labelKind(label); role != kindWord {
		return role
	}
	return 0
}

// labelKind gives the role of a label, word for one that only names an address, and 0 for any other. Every word of the label
// must be known: lastSeen has no role.
func labelKind(label []byte) (role byte) {
	if len(label) > maxLabel {
		return 0
	}
	known := roles()
	for _, w := range labelWords(label) {
		kind := known[w]
		if kind == 0 {
			for _, noise := range []string{"ip", "addr", "address", "range"} { // startip, ipfrom
				kind = max(kind, known[strings.TrimPrefix(w, noise)], known[strings.TrimSuffix(w, noise)])
			}
		}
		switch {
		case kind == 0:
			return 0
		case role == 0 || role == kindWord || role == kindCount && kind != kindWord || kind == kindSize:
			role = kind
		}
	}
	return role
}

// labelWords splits a label at everything but letters and digits, and before capitals.
func labelWords(label []byte) (words []string) {
	start := 0
	cut := func(i int) {
		if i > start {
			words = append(words, ascii.Lower(string(label[start:i])))
		}
		start = i
	}
	for i, c := range label {
		switch {
		case !isLetter(c) && !isDigit(c):
			cut(i)
			start = i + 1
		case 'A' <= c && c <= 'Z' && i > 0 && 'a' <= label[i-1] && label[i-1] <= 'z':
			cut(i)
		}
	}
	cut(len(label))
	return words
}

// kindOf gives the kind of a word, without the mark of a sentence behind it.
func kindOf(w []byte) byte {
	if len(w) > maxLabel {
		return kindWord
	}
	var buffer [maxLabel]byte
	lower := buffer[:copy(buffer[:], w)]
	for i, c := range lower {
		lower[i] = ascii.LowerByte(c)
	}
	kinds := wordKinds()
	if kind := kinds[string(lower)]; kind != 0 {
		return kind
	}
	bare := bytes.TrimRight(lower, ".!?")
	if kind := kinds[string(bare)]; len(bare) < len(lower) && kind != 0 && kind != kindDash && kind != kindDenial {
		return kind
	}
	return kindWord
}
