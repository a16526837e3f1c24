package dnsbl

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

// Reverse gives the labels of an address in a zone, the last part first and without a final dot: the four octets of an
// IPv4 address in decimal, or the 32 nibbles of an IPv6 address in hexadecimal (RFC 5782 sections 2.1 and 2.4). An
// IPv4-mapped address counts as IPv6, because the IPv6 test entries are IPv4-mapped.
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

// hiddenKey replaces a key in output.
const hiddenKey = "KEY"

// hide replaces the zone's key in a text, in any letter case. If a DNS client has cut a name in the middle of the key and
// added "...", hide replaces the part of the key too.
func (z Zone) hide(text string) string { return hide(text, z.key) }

func hide(text, key string) string {
	if key == "" {
		return text
	}
	key = ascii.Lower(key)
	var b strings.Builder
	for folded := ascii.Lower(text); text != ""; {
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

// keyedName matches the name of a list with a key before it.
var keyedName = pattern.New(`(?i)[^\s.,={}"']+(\.[a-z-]+\.(?:` + regexp.QuoteMeta(dqsDomain) + `|` + regexp.QuoteMeta(abusixDomain) + `))`)

// HideKeys replaces the keys in a text that ParseZone has not read: a command line, or a line of a mail server's
// configuration. It takes the label before the name of a keyed list for the key.
func HideKeys(text string) string {
	upper := strings.ToUpper(text) // which folds more than ASCII, as the expression does
	if !strings.Contains(upper, strings.ToUpper(dqsDomain)) && !strings.Contains(upper, strings.ToUpper(abusixDomain)) {
		return text
	}
	return keyedName().ReplaceAllString(text, hiddenKey+"$1")
}

// commonPrefix gives the length of the longest common prefix of a and b.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
