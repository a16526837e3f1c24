package dnsq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// Bounds of RFC 1035 section 2.3.4, in octets. A dotted name of 253 octets has 255 in a message.
const (
	maxLabel = 63
	maxName  = 253
)

// Bounds of an error, in bytes: names in DNS answers, resolvers and certificates are foreign text.
const (
	maxSubject  = 400
	maxFailures = 600
)

// ErrName is in the error for a name that no DNS message can hold: an empty name or label, a label over 63 octets, or a
// name over 253 octets. A Client sends no question about it.
var ErrName = errors.New("not a DNS name")

// canonical gives the form in which names are compared and sent: the presentation format of miekg/dns, in lower case and
// with the final dot. In name, every byte but the dot means itself.
func canonical(name string) (string, error) {
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxName {
		return "", fmt.Errorf("%w: %d octets, the limit is %d", ErrName, len(name), maxName)
	}
	var wire []byte
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "", fmt.Errorf("%w: empty label", ErrName)
		case len(label) > maxLabel:
			return "", fmt.Errorf("%w: a label of %d octets, the limit is %d", ErrName, len(label), maxLabel)
		}
		wire = append(append(wire, byte(len(label))), label...)
	}
	text, _, err := dns.UnpackDomainName(append(wire, 0), 0)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrName, err)
	}
	return dns.CanonicalName(text), nil
}

// plain is the inverse of canonical. It gives the root as "".
func plain(name string) (string, error) {
	var labels []string
	for _, label := range dns.SplitDomainName(name) {
		label = unescape(label)
		if strings.Contains(label, ".") {
			return "", fmt.Errorf("%s has a dot inside a label", display(name))
		}
		labels = append(labels, label)
	}
	return strings.Join(labels, "."), nil
}

// unescape removes the escapes \DDD and \X that miekg/dns puts into names and strings.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case i+3 < len(s) && digit(s[i+1]) && digit(s[i+2]) && digit(s[i+3]):
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
		default:
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// display gives a canonical name as errors show it.
func display(name string) string {
	return ascii.Cut(strings.TrimSuffix(name, "."), maxName)
}

// printable gives a caller's name as errors show it: at most 253 bytes of printable ASCII, other bytes as \DDD.
func printable(name string) string {
	name = strings.TrimSuffix(name, ".")
	var b strings.Builder
	for i := 0; i < len(name) && b.Len() <= maxName; i++ {
		switch c := name[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c <= ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return ascii.Cut(b.String(), maxName)
}

// phrase gives the text of a foreign error as errors of this package show it: at most 253 bytes of printable ASCII.
func phrase(text string) string {
	return ascii.Cut(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text), maxName)
}
