package allowlist

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDocumentProblems bounds how many problems of a document are told one by one.
const maxDocumentProblems = 20

// finding collects what a document gives.
type finding struct {
	name     string // of the document, for paths and messages
	max      int    // ranges
	ranges   Ranges
	problems []Problem
	untold   int // problems past the bound
}

func (f *finding) add(p netip.Prefix, path []string) error {
	if f.ranges.Len() == f.max {
		return fmt.Errorf("more than %d addresses and networks", f.max)
	}
	f.ranges.Add(Range{Prefix: p, Path: path})
	return nil
}

// problem notes one; past the bound it costs nothing but a count.
func (f *finding) problem(kind string, text func() string) {
	if len(f.problems) == maxDocumentProblems {
		f.untold++
		return
	}
	f.problems = append(f.problems, Problem{Kind: kind, Text: text()})
}

// told gives the problems, with a last one for those past the bound.
func (f *finding) told() []Problem {
	if f.untold == 0 {
		return f.problems
	}
	return append(f.problems, Problem{Kind: "more", Text: fmt.Sprintf("%s: and %d more problems like these", f.name, f.untold)})
}

// cutText makes text from elsewhere fit to stand in a message: short, in
// printable ASCII, with escapes for the rest.
func cutText(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	quoted := strconv.QuoteToASCII(s)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(quoted[1 : len(quoted)-1])
}

// readText takes every address and network out of a text. Of HTML that is the
// text a browser shows: no attributes, comments, scripts or styles, entities
// decoded. In any other text, what stands from a # or ; that begins a line or
// follows a blank to the end of the line is a comment, as in a list on disk.
//
// A word is a run of the characters that can stand next to an address without
// bounding it: letters, digits and . : / - _ % \ + @ ~ * ^ ! $ & = ? [ ]. All
// others bound it. A word counts when it is an address or network as a whole,
// brackets around it and one full stop, colon or the like behind it aside. So
// 1.2.3.4.5, 1.2.3.4:25, v1.2.3.4, http://1.2.3.4/ and fe80::1%eth0 are none.
// Words that make an address mean something else, a netmask or prefix length
// behind it, the other end of a range, leave all of it out. What is left out and
// looks as if a network was meant is a problem with its line; a text without
// one address is no error here. Invalid UTF-8 bounds words and does no harm.
func (f *finding) readText(body []byte, contentType string) error {
	if bytes.IndexByte(body, 0) >= 0 {
		return errors.New("it is no text: it holds a zero byte")
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	r := textReader{finding: f, line: 1, comments: true}
	if isHTML(body, contentType) {
		body, r.comments = visibleText(body), false
	}
	return r.read(string(body))
}

// textReader goes through a text word by word. An address without a prefix
// length waits until the next word has shown that it stands for itself.
type textReader struct {
	*finding
	comments bool
	line     int
	path     []string // of this line; made once for all its addresses

	waiting     string // the word
	prefix      netip.Prefix
	waitingPath []string
	waitingLine int
	link        string // a word after it that may lead on: a dash, "netmask"
}

func (r *textReader) read(text string) error {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c == '\n':
			r.line, r.path = r.line+1, nil
			i++
		case r.comments && (c == '#' || c == ';') && (i == 0 || isBlank(text[i-1])):
			if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(text)
			}
		case isWordRune(c) || isDash(c):
			end := i + size
			for !isDash(c) && end < len(text) {
				next, size := utf8.DecodeRuneInString(text[end:])
				if !isWordRune(next) {
					break
				}
				end += size
			}
			if err := r.word(text[i:end]); err != nil {
				return err
			}
			i = end
		default:
			i += size
		}
	}
	return r.settle()
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// isWordRune: digits of other scripts and the look-alikes of the slash, colon and
// full stop would change an address for whoever reads it, so they bound none.
func isWordRune(c rune) bool {
	switch c {
	case '.', ':', '/', '-', '_', '%', '\\', '+', '@', '~', '*', '^', '!', '$', '&', '=', '?', '[', ']', '⁄', '∕', '／', '：', '．':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || unicode.IsDigit(c)
}

// isDash: the dashes past ASCII that are set between the ends of a range. They
// are words of their own.
func isDash(c rune) bool { return '‐' <= c && c <= '―' || c == '−' }

func (r *textReader) word(w string) error {
	p, item, ok := addressOf(w)
	if r.waiting != "" {
		switch {
		case r.link == "" && r.linkOf(w) != "":
			r.link = r.linkOf(w)
			return nil
		case r.link != rangeLink && isNetmask(p), r.link == "" && isPrefixLength(w),
			r.link == rangeLink && ok && r.line == r.waitingLine:
			r.leaveOut(r.waitingLine, r.waiting, r.link, item)
			r.waiting, r.link = "", ""
			return nil
		}
		if err := r.settle(); err != nil {
			return err
		}
	}
	switch {
	case !ok && looksLikeNetwork(item):
		r.leaveOut(r.line, item)
		return nil
	case !ok:
		return nil
	}
	if r.path == nil {
		r.path = []string{fmt.Sprintf("%s:%d", r.name, r.line)}
	}
	r.waiting, r.prefix, r.waitingPath, r.waitingLine = item, p, r.path, r.line
	if strings.Contains(item, "/") {
		return r.settle()
	}
	return nil
}

// settle takes the waiting address.
func (r *textReader) settle() error {
	if r.waiting == "" {
		return nil
	}
	meant, changed := canonical(r.prefix)
	if changed {
		r.problem("canonicalised", func() string {
			return fmt.Sprintf("%s:%d: %s is read as %s", r.name, r.waitingLine, r.waiting, meant)
		})
	}
	r.waiting, r.link = "", ""
	return r.add(meant, r.waitingPath)
}

func (r *textReader) leaveOut(line int, words ...string) {
	r.problem("skipped", func() string {
		what := strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
		return fmt.Sprintf("%s:%d: left out: %s is no address or network that can be read", r.name, line, cutText(what))
	})
}

const rangeLink = "-"

// linkOf tells whether a word may lead from an address to what changes it. The
// ends of a range stand on one line: elsewhere a dash is a bullet.
func (r *textReader) linkOf(w string) string {
	switch first, _ := utf8.DecodeRuneInString(w); {
	case (isDash(first) || w == "-" || w == "to" || w == "through" || w == "..." || w == "..") && r.line == r.waitingLine:
		return rangeLink
	case strings.EqualFold(w, "mask") || strings.EqualFold(w, "netmask"):
		return w
	}
	return ""
}

// addressOf reads a word. item is what of it was read, or would have been.
func addressOf(w string) (p netip.Prefix, item string, ok bool) {
	item = strings.TrimRight(strings.TrimLeft(w, "["), "]")
	if p, ok = parseWord(item); ok || item == "" {
		return p, item, ok
	}
	if last := item[len(item)-1]; strings.IndexByte(".:!?", last) >= 0 {
		item = strings.TrimRight(item[:len(item)-1], "]")
		p, ok = parseWord(item)
	}
	return p, item, ok
}

// maxWord is longer than the longest form of a network: eight groups, or six
// and a dotted quad, and a prefix length.
const maxWord = 64

func parseWord(s string) (netip.Prefix, bool) {
	if len(s) > maxWord || !strings.ContainsAny(s, ".:") {
		return netip.Prefix{}, false
	}
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p, err == nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is6() && isNoAddress(s) {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// isNoAddress tells what only happens to parse as IPv6: "::" and names like
// Bad::Cafe have no digit, and eight pairs of digits are an EUI-64.
func isNoAddress(s string) bool {
	return !strings.ContainsAny(s, digits) || eui64.MatchString(s)
}

var eui64 = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}$`)

// isNetmask knows netmasks and their inverse, which are no sender's address.
func isNetmask(p netip.Prefix) bool {
	if !p.IsValid() || !p.Addr().Is4() || !p.IsSingleIP() {
		return false
	}
	b := p.Addr().As4()
	mask := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	if b[0] == 0 {
		mask = ^mask
	}
	return mask>>24 == 255 && mask != 1<<32-1 && ^mask&(^mask+1) == 0
}

var prefixLength = regexp.MustCompile(`^/[0-9]{1,3}$`)

func isPrefixLength(w string) bool { return len(w) <= 4 && prefixLength.MatchString(w) }

const (
	digits    = "0123456789"
	hexDigits = digits + "abcdefABCDEF"
)

// onlyOf tells whether s is made of nothing but chars.
func onlyOf(s, chars string) bool { return strings.Trim(s, chars) == "" }

// isBroken tells what was probably meant as a network: a quad that is none
// (300.1.1.1, 010.0.0.1, 192.0.2.*), one with a slash that makes none
// (10.0.0.0/33, 10.0.0/8, 10.0.0.0/255.0.0.0, as JSON 10.0.0.0\/8), IPv6 alike.
// A date or a time of day is not.
func isBroken(w string) bool {
	addr, length, slash := strings.Cut(w, "/")
	if !slash {
		return isDotted(addr, 4)
	}
	if length == "" || !onlyOf(length, digits+".") {
		return false
	}
	addr, _, _ = strings.Cut(strings.TrimSuffix(addr, `\`), "%")
	return isDotted(addr, 3) || strings.Count(addr, ":") >= 2 && onlyOf(addr, hexDigits+":.")
}

// isDotted knows least to four parts of a dotted quad, good or bad.
func isDotted(s string, least int) bool {
	parts := strings.SplitN(s, ".", 5)
	for _, p := range parts {
		if p != "*" && p != "x" && (p == "" || len(p) > 3 || !onlyOf(p, digits)) {
			return false
		}
	}
	return least <= len(parts) && len(parts) <= 4
}

// decorated is an address with something before it that takes it back, or names
// what it is.
var decorated = regexp.MustCompile(`^([-+~?!^]+|[A-Za-z]+[0-9]?[:=])+`)

func looksLikeNetwork(w string) bool {
	if len(w) > 2*maxWord || !strings.ContainsAny(w, digits) || !strings.ContainsAny(w, ".:") {
		return false
	}
	if from, to, found := strings.Cut(w, "-"); found {
		if _, ok := parseWord(from); ok && onlyOf(to, hexDigits+".:/") {
			return true
		}
	}
	rest := w
	if !strings.Contains(digits, w[:1]) {
		rest = w[len(decorated.FindString(w)):]
	}
	_, ok := parseWord(rest)
	return ok || isBroken(rest)
}
