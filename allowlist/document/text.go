package document

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// Text adds every address and network of a text. Of HTML it reads the text
// that a browser shows: no attributes, comments, scripts or styles, and entities
// decoded. Any other text may have comments: from a # or ; at the start of a line
// or after a blank, to the end of the line.
//
// A word is a run of letters, digits and . : / - _ % \ + @ ~ * ^ ! $ & = ? [ ];
// all other characters separate words, and so does invalid UTF-8. A word counts if
// the whole of it is an address or a network, except for brackets around it and
// one of . : ! ? after it. So 1.2.3.4.5, 1.2.3.4:25, v1.2.3.4, http://1.2.3.4/ and
// fe80::1%eth0 do not count. An address does not count either if the next words
// change its meaning: a netmask, a prefix length, or the other end of a range. A
// word that does not count but looks like a network is a problem with its line. A
// text without any address is not an error.
func (r Reader) Text(body []byte, contentType string) error {
	if bytes.IndexByte(body, 0) >= 0 {
		return errors.New("it is not text: it holds a zero byte")
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	text := textReader{Reader: r, line: 1, comments: true}
	if isHTML(body, contentType) {
		body, text.comments = visibleText(body), false
	}
	return text.read(string(body))
}

// textReader reads a text word by word. An address without a prefix length stays
// pending until the next word shows that it does not change its meaning.
type textReader struct {
	Reader
	comments bool
	list     *provenance.Path // the name of the text
	line     int

	pending       string // the address as written, or empty
	pendingPrefix netip.Prefix
	pendingLine   int
	link          string // the word after it, if it may change the meaning: a dash, "netmask"
}

func (r *textReader) read(text string) error {
	r.list = provenance.Of(r.Name)
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c == '\n':
			r.line++
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

// isWordRune reports whether c can be part of a word. Digits of other scripts and
// look-alikes of the slash, the colon and the full stop can: a person would read
// them as part of the address.
func isWordRune(c rune) bool {
	switch c {
	case '.', ':', '/', '-', '_', '%', '\\', '+', '@', '~', '*', '^', '!', '$', '&', '=', '?', '[', ']', '⁄', '∕', '／', '：', '．':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || unicode.IsDigit(c)
}

// isDash reports whether c is a dash outside ASCII, which may be set between the
// ends of a range. Such a dash is a word of its own.
func isDash(c rune) bool { return '‐' <= c && c <= '―' || c == '−' }

func (r *textReader) word(w string) error {
	p, item, ok := addressOf(w)
	if r.pending != "" {
		switch {
		case r.link == "" && r.linkOf(w) != "":
			r.link = r.linkOf(w)
			return nil
		case r.link != rangeLink && isNetmask(p), r.link == "" && isPrefixLength(w),
			r.link == rangeLink && ok && r.line == r.pendingLine:
			r.leaveOut(r.pendingLine, r.pending, r.link, item)
			r.pending, r.link = "", ""
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
	r.pending, r.pendingPrefix, r.pendingLine = item, p, r.line
	if strings.Contains(item, "/") {
		return r.settle()
	}
	return nil
}

// settle adds the pending address.
func (r *textReader) settle() error {
	if r.pending == "" {
		return nil
	}
	network, changed := canonical(r.pendingPrefix)
	if changed {
		r.Problem("canonicalised", func() string {
			return fmt.Sprintf("%s:%d: %s is read as %s", r.Name, r.pendingLine, r.pending, network)
		})
	}
	r.pending, r.link = "", ""
	return r.Add(network, r.list.AtLine(uint32(r.pendingLine)))
}

func (r *textReader) leaveOut(line int, words ...string) {
	r.Problem("skipped", func() string {
		text := strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
		return fmt.Sprintf("%s:%d: left out: %s cannot be read as an address or a network", r.Name, line, ascii.Excerpt(text))
	})
}

const rangeLink = "-"

// linkOf gives rangeLink or w itself if w may join the pending address to a word
// that changes its meaning, else nothing. The ends of a range are on one line: a
// dash on the next line is a bullet.
func (r *textReader) linkOf(w string) string {
	switch first, _ := utf8.DecodeRuneInString(w); {
	case (isDash(first) || w == "-" || w == "to" || w == "through" || w == "..." || w == "..") && r.line == r.pendingLine:
		return rangeLink
	case strings.EqualFold(w, "mask") || strings.EqualFold(w, "netmask"):
		return w
	}
	return ""
}

// addressOf reads a word. item is the word without brackets and the mark after it.
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

// maxWord is longer than the longest network, which has six groups, a dotted quad
// and a prefix length (49 bytes).
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

// isNoAddress reports whether s parses as IPv6 by accident: "::" and names like
// Bad::Cafe have no digit, and eight pairs of digits are an EUI-64.
func isNoAddress(s string) bool {
	return !strings.ContainsAny(s, digits) || eui64.MatchString(s)
}

var eui64 = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}$`)

// isNetmask reports whether p is a netmask or an inverse netmask. No sender has
// such an address.
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

func onlyOf(s, chars string) bool { return strings.Trim(s, chars) == "" }

// isBroken reports whether w was probably meant as a network: a dotted quad that
// is not an address (300.1.1.1, 010.0.0.1, 192.0.2.*), or a quad or IPv6 with a
// slash that is not a network (10.0.0.0/33, 10.0.0/8, 10.0.0.0/255.0.0.0, or
// 10.0.0.0\/8 from JSON). A date or a time of day was not.
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

// isDotted reports whether s has least to four parts of a dotted
// quad. Each part has one to three digits of any value, or is * or x.
func isDotted(s string, least int) bool {
	parts := strings.SplitN(s, ".", 5)
	for _, p := range parts {
		if p != "*" && p != "x" && (p == "" || len(p) > 3 || !onlyOf(p, digits)) {
			return false
		}
	}
	return least <= len(parts) && len(parts) <= 4
}

// decoration matches signs before an address that negate it, and labels like "ip4:".
var decoration = regexp.MustCompile(`^([-+~?!^]+|[A-Za-z]+[0-9]?[:=])+`)

// looksLikeNetwork reports whether a word that is not a network is worth a problem.
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
		rest = w[len(decoration.FindString(w)):]
	}
	_, ok := parseWord(rest)
	return ok || isBroken(rest)
}
