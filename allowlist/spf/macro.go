package spf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Spec is a domain-spec: a domain name that may hold macros (RFC 7208 section 7). A term without one has the zero Spec.
type Spec struct {
	parts []part
}

// part is a macro, or literal text when letter is 0.
type part struct {
	literal string
	letter  byte   // in lower case: d, o or v, or i, s, l, h or p, whose values only a receiver knows
	escape  bool   // the letter is in upper case: the value is URL-escaped
	keep    int    // the number of right-hand pieces that stay; 0 means all
	reverse bool   // reverse the pieces before that
	delims  string // the characters between pieces
}

func (s Spec) empty() bool { return len(s.parts) == 0 }

// needsSender reports whether s depends on more than the record's domain, the domain asked and the family.
func (s Spec) needsSender() bool {
	return slices.ContainsFunc(s.parts, func(p part) bool {
		return p.letter != 0 && strings.IndexByte("islhp", p.letter) >= 0
	})
}

// parseDomainSpec reads macro-string domain-end. The end is a macro, or a dot and a top label. A top label has a letter
// or a hyphen, so an address is not a domain-spec.
func parseDomainSpec(s string) (Spec, error) {
	if s == "" {
		return Spec{}, errors.New("a domain is missing")
	}
	parts, endsInMacro, err := parseMacroString(s)
	if err != nil || endsInMacro {
		return Spec{parts}, err
	}
	name := strings.TrimSuffix(s, ".")
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return Spec{}, fmt.Errorf("a domain needs two labels: %s", quote(s))
	}
	if !isTopLabel(name[dot+1:]) {
		return Spec{}, fmt.Errorf("not a top-level domain: %s", quote(name[dot+1:]))
	}
	return Spec{parts}, nil
}

func isTopLabel(s string) bool {
	letterOrHyphen := false
	for i := range len(s) {
		inside := i > 0 && i < len(s)-1
		switch c := s[i]; {
		case isAlpha(c), c == '-' && inside:
			letterOrHyphen = true
		case !isDigit(c):
			return false
		}
	}
	return letterOrHyphen
}

// parseMacroString reads *( macro-expand / macro-literal ) and reports whether the last of them is a macro-expand.
func parseMacroString(s string) (parts []part, endsInMacro bool, err error) {
	var text []byte
	for i := 0; i < len(s); {
		if s[i] != '%' {
			if s[i] <= ' ' || s[i] > '~' {
				return nil, false, fmt.Errorf("byte %s is not visible ASCII", quote(s[i:i+1]))
			}
			text, endsInMacro = append(text, s[i]), false
			i++
			continue
		}
		endsInMacro = true
		switch next := s[i+1 : min(i+2, len(s))]; next {
		case "%":
			text = append(text, '%')
		case "_":
			text = append(text, ' ')
		case "-":
			text = append(text, "%20"...)
		case "{":
			inside, _, closed := strings.Cut(s[i+2:], "}")
			p, err := parseMacro(inside)
			if !closed || err != nil {
				return nil, false, fmt.Errorf("bad macro %s", quote(s[i:min(i+2+len(inside)+1, len(s))]))
			}
			if len(text) > 0 {
				parts, text = append(parts, part{literal: string(text)}), nil
			}
			parts = append(parts, p)
			i += len(inside) + 1
		default:
			return nil, false, fmt.Errorf("%% must be followed by {, %%, _ or -: %s", quote(s[i:]))
		}
		i += 2
	}
	if len(text) > 0 {
		parts = append(parts, part{literal: string(text)})
	}
	return parts, endsInMacro, nil
}

// parseMacro reads the text between the braces: macro-letter *DIGIT [ "r" ] *delimiter. The letters c, r and t are for
// explanation texts, which Walk never fetches; in a record they are errors (section 7.2).
func parseMacro(s string) (part, error) {
	bad := errors.New("bad macro")
	if s == "" || strings.IndexByte("dovislhp", s[0]|0x20) < 0 || !isAlpha(s[0]) {
		return part{}, bad
	}
	p := part{letter: s[0] | 0x20, escape: s[0] < 'a', delims: "."}
	s = s[1:]
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 {
		n, err := strconv.Atoi(s[:digits])
		if errors.Is(err, strconv.ErrRange) {
			n = 0 // no name has as many pieces: keep all
		} else if err != nil || n == 0 {
			return part{}, bad // section 7.3: zero is not allowed
		}
		p.keep = n
	}
	s = s[digits:]
	if s != "" && s[0]|0x20 == 'r' {
		p.reverse, s = true, s[1:]
	}
	if strings.Trim(s, ".-+,/_=") != "" {
		return part{}, bad
	}
	if s != "" {
		p.delims = s
	}
	return p, nil
}

// maxName is the longest domain name in octets, without the trailing dot.
const maxName = 253

// expand returns the name that s means in the record of domain, in lower case and without a trailing dot. A name over 253
// octets loses labels on its left (section 7.3). The result need not be a domain name: see isName. s must not need the
// sender.
func (s Spec) expand(domain, asked string, family int) string {
	// From the right, and only as far as the result reaches: a hostile record can repeat %{d} thousands of times.
	var pieces []string
	for i, n := len(s.parts)-1, 0; i >= 0 && n <= maxName+len(".."); i-- {
		piece := s.parts[i].value(domain, asked, family)
		pieces = append(pieces, piece)
		n += len(piece)
	}
	slices.Reverse(pieces)
	name := strings.TrimSuffix(strings.ToLower(strings.Join(pieces, "")), ".")
	for len(name) > maxName {
		_, right, dot := strings.Cut(name, ".")
		if !dot {
			break
		}
		name = right
	}
	return name
}

func (p part) value(domain, asked string, family int) string {
	v := p.literal
	switch p.letter {
	case 0:
		return v
	case 'd':
		v = domain
	case 'o':
		v = asked
	case 'v':
		v = [...]string{v4: "in-addr", v6: "ip6"}[family]
	}
	pieces := splitAny(v, p.delims)
	if p.reverse {
		slices.Reverse(pieces)
	}
	if p.keep > 0 && p.keep < len(pieces) {
		pieces = pieces[len(pieces)-p.keep:]
	}
	v = strings.Join(pieces, ".")
	if p.escape {
		v = escapeURL(v)
	}
	return v
}

// splitAny splits s at each of delims, like strings.FieldsFunc, but keeps empty pieces.
func splitAny(s, delims string) []string {
	var out []string
	for {
		i := strings.IndexAny(s, delims)
		if i < 0 {
			return append(out, s)
		}
		out = append(out, s[:i])
		s = s[i+1:]
	}
}

// escapeURL escapes all but the unreserved characters of RFC 3986.
func escapeURL(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isAlpha(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// isName reports whether name can be a DNS question: 1 to 253 octets in labels of 1 to 63.
func isName(name string) bool {
	if len(name) > maxName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) < 1 || len(label) > 63 {
			return false
		}
	}
	return true
}

// CheckDomain returns an error if no domain of this name can have a policy.
func CheckDomain(domain string) error {
	if _, reason := checkDomain(domain); reason != "" {
		return errors.New(reason)
	}
	return nil
}

// checkDomain returns the domain asked in the form that questions use, or the reason why it has no policy (RFC 7208
// section 4.3).
func checkDomain(domain string) (name, reason string) {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	name = strings.TrimSuffix(domain, ".")
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }):
		return "", "not a domain name: it is not ASCII; write its xn-- form"
	case strings.Trim(name, allowed) != "":
		return "", "not a domain name: only letters, digits, - and _ are allowed between its dots"
	case !isName(name):
		return "", "not a domain name: a label has 1 to 63 characters, and all of it no more than 253"
	case !strings.Contains(name, "."):
		return "", "not a domain name that can have a policy: it has only one label"
	}
	return strings.ToLower(name), ""
}
