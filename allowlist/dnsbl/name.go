package dnsbl

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Reverse gives the labels under which an address stands in a zone, the last part first and without a final dot: the
// four octets of an IPv4 address in decimal, the 32 nibbles of an IPv6 one in hexadecimal (RFC 5782 sections 2.1, 2.4).
// An IPv4-mapped address is an IPv6 one here: the IPv6 test entries are such.
func Reverse(addr netip.Addr) string {
	var labels []string
	bytes := addr.AsSlice()
	for i := len(bytes) - 1; i >= 0; i-- {
		if addr.Is4() {
			labels = append(labels, strconv.Itoa(int(bytes[i])))
			continue
		}
		const digits = "0123456789abcdef"
		labels = append(labels, string(digits[bytes[i]&15]), string(digits[bytes[i]>>4]))
	}
	return strings.Join(labels, ".")
}

// hiddenKey stands where a key was.
const hiddenKey = "KEY"

// hide takes the zone's key out of a text, whatever its letter case. Text from a DNS client may have been cut in the
// middle of a name, with "..." behind it: there the beginning of the key is taken out, too.
func (z Zone) hide(text string) string { return hide(text, z.key) }

func hide(text, key string) string {
	if key == "" {
		return text
	}
	key = asciiLower(key)
	var b strings.Builder
	for folded := asciiLower(text); text != ""; {
		n := 0
		if strings.HasPrefix(folded, key) {
			n = len(key)
		} else if n = commonPrefix(folded, key); !strings.HasPrefix(folded[n:], "...") {
			n = 0
		}
		if n > 0 {
			b.WriteString(hiddenKey)
		} else {
			b.WriteByte(text[0])
			n = 1
		}
		text, folded = text[n:], folded[n:]
	}
	return b.String()
}

// keyedName is a list's name with a key in front, in whatever text it stands.
var keyedName = regexp.MustCompile(`(?i)[^\s.,={}"']+(\.[a-z-]+\.(?:` + regexp.QuoteMeta(dqsDomain) + `|` + regexp.QuoteMeta(abusixDomain) + `))`)

// HideKeys takes the keys out of a text that is not known to ParseZone: a command line, a line of a mail server's
// configuration. The label in front of the name of a keyed list is taken for one.
func HideKeys(text string) string { return keyedName.ReplaceAllString(text, hiddenKey+"$1") }

// commonPrefix is the length of what a and b both begin with.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// asciiLower folds the letters that DNS folds, and keeps every byte in its place, which strings.ToLower does not.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
