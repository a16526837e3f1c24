package dnsq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// Bounds of RFC 1035 section 2.3.4, in octets; 253 in dotted form are 255 on the wire.
const (
	maxLabel = 63
	maxName  = 253
)

// Bounds of what an error shows, in bytes: names, host names of resolvers and certificates are other people's text.
const (
	maxSubject  = 400
	maxVerdicts = 600
)

// ErrName is wrapped by the error for a name that no DNS message can hold: an empty name or label, a label over 63
// octets, a name over 253. It was not asked and never will be.
var ErrName = errors.New("not a DNS name")

// canonical turns a dotted name, in which every byte but the dot stands for itself, into the form names are compared
// and asked in: miekg/dns presentation format as it comes off the wire, lower case, with the final dot.
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

// plain is the inverse of canonical; the root is "".
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

// unescape undoes the \DDD and \X of miekg/dns, which it puts into names and strings off the wire.
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

// display is a name off the wire as errors show it.
func display(name string) string {
	return ascii.Cut(strings.TrimSuffix(name, "."), maxName)
}

// printable is a caller's name as errors show it: printable ASCII without spaces, other bytes as \DDD, bounded.
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

// phrase is the text of someone else's error as ours show it: printable ASCII, bounded.
func phrase(text string) string {
	return ascii.Cut(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text), maxName)
}
