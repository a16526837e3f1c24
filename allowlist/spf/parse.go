package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"mailallow/allowlist/ascii"
)

// Mechanism is the name of a mechanism or modifier, in lower case.
type Mechanism string

// The mechanisms of RFC 7208 section 5 and the modifiers of section 6. Unknown is any other modifier.
const (
	All      Mechanism = "all"
	Include  Mechanism = "include"
	A        Mechanism = "a"
	MX       Mechanism = "mx"
	PTR      Mechanism = "ptr"
	IP4      Mechanism = "ip4"
	IP6      Mechanism = "ip6"
	Exists   Mechanism = "exists"
	Redirect Mechanism = "redirect"
	Exp      Mechanism = "exp"
	Unknown  Mechanism = "unknown"
)

// Term is a directive or a modifier of a record.
type Term struct {
	Text      string // as written
	Qualifier byte   // '+', '-', '~' or '?'; '+' for modifiers
	Mechanism Mechanism
	Target    Spec         // the domain-spec; if empty, a, mx and ptr mean the record's domain
	Prefix    netip.Prefix // of ip4 and ip6: the network, host bits cleared
	Bits      [2]int       // of a and mx: prefix lengths for IPv4 and IPv6
}

// Listable reports whether the addresses that t matches depend only on the DNS.
func (t Term) Listable() bool { return t.Mechanism != PTR && !t.Target.needsSender() }

// Record is an SPF record that follows the grammar.
type Record struct {
	Terms []Term // in the order written, modifiers too

	order []int // numbers of terms in the order of evaluation: see evaluationOrder
}

// SyntaxError is a term that breaks the grammar of RFC 7208 section 12. Its fields may hold any byte; Error escapes them.
type SyntaxError struct {
	Term string // as written
	Text string
}

func (e *SyntaxError) Error() string {
	return ascii.Printable(e.Term, maxShown) + ": " + ascii.Printable(e.Text, maxText)
}

// quote quotes part of a record for an error, at most 60 bytes of it.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most-len("...")] + "..."
	}
	return `"` + s + `"`
}

// IsRecord reports whether txt, a TXT record with its strings joined, is an SPF record: it starts with the version
// section (RFC 7208 section 4.5).
func IsRecord(txt string) bool {
	const version = "v=spf1"
	return len(txt) >= len(version) && strings.EqualFold(txt[:len(version)], version) &&
		(len(txt) == len(version) || txt[len(version)] == ' ')
}

// Parse reads an SPF record. The error joins a *SyntaxError for every bad term (errors.Join). One bad term makes the whole
// record a permerror (RFC 7208 section 4.6), so the Record is then empty.
func Parse(txt string) (Record, error) {
	if !IsRecord(txt) {
		return Record{}, &SyntaxError{"", "not an SPF record: it does not start with v=spf1 and a space"}
	}
	var rec Record
	var errs []error
	seen := map[Mechanism]bool{}
	for word := range strings.SplitSeq(txt[len("v=spf1"):], " ") {
		if word == "" {
			continue
		}
		t, err := parseTerm(word)
		if (t.Mechanism == Redirect || t.Mechanism == Exp) && err == nil {
			if seen[t.Mechanism] {
				err = fmt.Errorf("%s= may appear only once", t.Mechanism)
			}
			seen[t.Mechanism] = true
		}
		if err != nil {
			errs = append(errs, &SyntaxError{word, err.Error()})
			continue
		}
		rec.Terms = append(rec.Terms, t)
	}
	if len(errs) > 0 {
		return Record{}, errors.Join(errs...)
	}
	rec.order = evaluationOrder(rec.Terms)
	return rec, nil
}

// evaluationOrder gives the numbers of the terms in the order of evaluation: the mechanisms up to the first "all", then
// the redirect if there is no "all" (sections 5.1 and 6.1).
func evaluationOrder(terms []Term) []int {
	var order []int
	redirect := -1
	for i, t := range terms {
		switch t.Mechanism {
		case All:
			return append(order, i)
		case Redirect:
			redirect = i
		case Exp, Unknown:
		default:
			order = append(order, i)
		}
	}
	if redirect >= 0 {
		order = append(order, redirect)
	}
	return order
}

// parseTerm reads a modifier if "=" directly follows the name, else a directive (section 4.6.1).
func parseTerm(word string) (Term, error) {
	t := Term{Text: word, Qualifier: '+'}
	name, rest := cutName(word)
	if name != "" && strings.HasPrefix(rest, "=") {
		return parseModifier(t, strings.ToLower(name), rest[1:])
	}
	if strings.IndexByte("+-~?", word[0]) >= 0 {
		t.Qualifier = word[0]
		name, rest = cutName(word[1:])
	}
	return parseMechanism(t, Mechanism(strings.ToLower(name)), rest)
}

// cutName splits off ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ).
func cutName(s string) (name, rest string) {
	i := 0
	for i < len(s) && (isAlpha(s[i]) || i > 0 && (isDigit(s[i]) || strings.IndexByte("-_.", s[i]) >= 0)) {
		i++
	}
	return s[:i], s[i:]
}

func parseModifier(t Term, name, value string) (Term, error) {
	var err error
	switch t.Mechanism = Mechanism(name); t.Mechanism {
	case Redirect, Exp:
		t.Target, err = parseDomainSpec(value)
	default:
		t.Mechanism = Unknown
		_, _, err = parseMacroString(value)
	}
	return t, err
}

func parseMechanism(t Term, m Mechanism, rest string) (Term, error) {
	t.Mechanism = m
	value, colon := strings.CutPrefix(rest, ":")
	var err error
	switch m {
	case All:
		if rest != "" {
			err = fmt.Errorf("nothing may follow all")
		}
	case IP4, IP6:
		if !colon {
			return t, fmt.Errorf("%s needs a colon and a network", m)
		}
		t.Prefix, err = parseNetwork(m, value)
	case Include, Exists:
		if !colon {
			return t, fmt.Errorf("%s needs a colon and a domain", m)
		}
		t.Target, err = parseDomainSpec(value)
	case PTR:
		if rest != "" {
			t.Target, err = parseAfterColon(rest)
		}
	case A, MX:
		rest, t.Bits, err = cutDualCIDR(rest)
		if err == nil && rest != "" {
			t.Target, err = parseAfterColon(rest)
		}
	default:
		err = fmt.Errorf("no such mechanism")
	}
	return t, err
}

func parseAfterColon(rest string) (Spec, error) {
	value, colon := strings.CutPrefix(rest, ":")
	if !colon {
		return Spec{}, fmt.Errorf("unexpected %s after the mechanism's name", quote(rest))
	}
	return parseDomainSpec(value)
}

// parseNetwork reads ip4-network [ ip4-cidr-length ] or the same for ip6. It clears host bits, since receivers compare
// only the bits of the prefix length.
func parseNetwork(m Mechanism, s string) (netip.Prefix, error) {
	network, length, slash := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(network)
	if err != nil || addr.Zone() != "" || addr.Is4() != (m == IP4) {
		return netip.Prefix{}, fmt.Errorf("not an IPv%s address: %s", m[2:], quote(network))
	}
	bits := addr.BitLen()
	if slash {
		if bits, err = parseBits(length, bits); err != nil {
			return netip.Prefix{}, err
		}
	}
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

// cutDualCIDR cuts [ "/" ip4 length ] [ "//" ip6 length ] off the end of s. A domain-spec may contain slashes, but it
// cannot end in a slash and digits: its last label is not all digits, and a macro ends in a brace.
func cutDualCIDR(s string) (rest string, bits [2]int, err error) {
	bits = [2]int{32, 128}
	if i := strings.LastIndex(s, "//"); i >= 0 && allDigits(s[i+2:]) {
		if bits[v6], err = parseBits(s[i+2:], 128); err != nil {
			return "", bits, err
		}
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '/'); i >= 0 && allDigits(s[i+1:]) {
		if bits[v4], err = parseBits(s[i+1:], 32); err != nil {
			return "", bits, err
		}
		s = s[:i]
	}
	return s, bits, nil
}

// parseBits reads a prefix length from 0 to most. The grammar allows no leading zeros.
func parseBits(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || !allDigits(s) || n > most || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("not a prefix length from 0 to %d: %s", most, quote(s))
	}
	return n, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
