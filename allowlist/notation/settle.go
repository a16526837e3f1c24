package notation

import (
	"bytes"
	"fmt"
	"net/netip"
	"unicode"

	"go4.org/netipx"

	"mailallow/allowlist/ascii"
)

// settle takes what the items mean, but for the last ones that are kept: so many, and those that the next record may go on.
func (r *reading) settle(kept int) {
	i := 0
	for i < len(r.items)-kept && (kept > 0 || !r.goesOn(i)) {
		i += r.take(i)
	}
	r.items = r.items[:copy(r.items, r.items[i:])]
	r.record = max(0, r.record-i)
}

// settleAll takes what all items mean.
func (r *reading) settleAll() {
	for i := 0; i < len(r.items); {
		i += r.take(i)
	}
	r.items, r.record = r.items[:0], 0
}

// maxOpen bounds the records in which the other end of a labelled beginning may come: it is a few lines below, with a name
// or a country between.
const maxOpen = 4

// goesOn reports whether the next record may say more of the address in item i, or of the one behind it if item i is the
// label of a beginning.
func (r *reading) goesOn(i int) bool {
	records, most := 0, 1
	labelled := r.items[i].kind == kindFirst
	if labelled {
		if i++; i == len(r.items) || r.items[i].kind != kindHost {
			return false
		}
		most = maxOpen
	}
	if r.items[i].kind != kindHost {
		return false
	}
	for _, it := range r.items[i+1:] {
		switch {
		case it.kind == kindRecordEnd:
			records++
		case it.kind == kindDash, it.kind == kindTo, isKind(it.kind, kindSizeWord):
			most = max(most, 2) // it may stand on a line of its own
		case !labelled || !isFiller(it.kind) || it.kind == kindFirst:
			return false
		}
	}
	return records <= most
}

// take takes what the items from i on mean, and gives their number.
func (r *reading) take(i int) int {
	it := &r.items[i]
	r.at = i
	if !r.isLast(i) {
		for _, d := range dressesOf()[it.kind] {
			if d.shape == "hh" && r.isDressed(i+1) {
				continue
			}
			if parts, n, ok := match(r.items[i:], d.shape, r.Strict, r.parts[:0]); ok && d.read(r, parts) {
				return n
			}
		}
	}
	switch it.kind {
	case kindNetwork, kindHost:
		r.network(*it)
	case kindMask:
		r.tell("is a netmask without an address", it)
	case kindBroken:
		r.tell(unreadable, it)
	case kindRecordEnd:
	default:
		r.leftOver(i)
	}
	return 1
}

// alone reports whether the item that is looked at and the next are the only addresses of their record.
func (r *reading) alone() bool {
	around := 0
	for i := r.at; i >= 0 && r.at-i < lookahead && r.items[i].kind != kindRecordEnd; i-- {
		if r.items[i].prefix.IsValid() {
			around++
		}
	}
	for i := r.at + 1; i < len(r.items) && i-r.at < lookahead && r.items[i].kind != kindRecordEnd; i++ {
		if r.items[i].prefix.IsValid() {
			around++
		}
	}
	return around == 2
}

// isDressed reports whether item i is an address with a size or an end of its own.
func (r *reading) isDressed(i int) bool {
	if i == len(r.items) || r.items[i].kind != kindHost || r.isLast(i) {
		return false
	}
	for _, d := range dressesOf()[kindHost] {
		switch d.shape {
		case "hd":
			if i+1 < len(r.items) && r.items[i+1].gap < r.items[i].gap {
				break // 192.0.2.1, 192.0.2.0 24
			}
			continue
		case "h*Cd", "hh", "h*h", "hwd", "hw", "h*d", "h*s*d":
			continue
		}
		if _, _, ok := match(r.items[i:], d.shape, r.Strict, r.parts[:0]); ok {
			return true
		}
	}
	return false
}

// isLast reports whether item i is the last one of its record and the next record says no more of it, as in most lists.
func (r *reading) isLast(i int) bool {
	rest := r.items[i+1:]
	return len(rest) > 0 && rest[0].kind == kindRecordEnd && (len(rest) == 1 || bytes.IndexByte([]byte("t-eLlmsS"), rest[1].kind) < 0)
}

// leftOver passes over a word, which is a mistake in a strict list. A value of a table that lets in may end a line there.
func (r *reading) leftOver(i int) {
	value := r.items[i].kind == kindPermit && i > 0 && r.items[i-1].kind != kindRecordEnd && (i+1 == len(r.items) || r.items[i+1].kind == kindRecordEnd)
	if r.Strict && !value {
		r.tell(unreadable, &r.items[i])
	}
}

// network adds a network as it is meant, and tells if that is not what is written.
func (r *reading) network(it item) {
	meant, changed := canonical(it.prefix)
	if r.Strict && isAllMapped(meant) {
		r.tell(allMapped, &it)
		return
	}
	if changed {
		r.Problem("canonicalised", func() string {
			return fmt.Sprintf("%s:%d: %s is read as %s", r.Name, it.line, ascii.Excerpt(r.written(it, it)), meant)
		})
	}
	r.add(meant, it.line)
}

func (r *reading) add(p netip.Prefix, line int) {
	if r.err == nil {
		r.err = r.Add(p, line)
	}
}

func (r *reading) addSpan(from, until netip.Addr, line int) bool {
	for _, p := range netipx.IPRangeFrom(from, until).Prefixes() {
		meant, _ := canonical(p)
		r.add(meant, line)
	}
	return true
}

const unreadable = "cannot be read as an address or a network"

// tell leaves out the text from the first of the items to the last, and says why. It gives true.
func (r *reading) tell(reason string, p ...*item) bool {
	from, until := *p[0], *p[0]
	for _, it := range p {
		if it.start < from.start {
			from = *it
		}
		if it.end > until.end {
			until = *it
		}
	}
	line := from.line
	if r.Strict {
		r.mistake(line, reason, r.written(from, until))
		return true
	}
	r.Problem("skipped", func() string {
		return fmt.Sprintf("%s:%d: left out: %s %s", r.Name, line, ascii.Excerpt(r.written(from, until)), reason)
	})
	return true
}

func (r *reading) mistake(line int, reason, text string) {
	if r.mistakes++; len(r.errs) == maxMistakes {
		return
	}
	_, _, err := ParseCIDR(text)
	switch {
	case r.Private:
		err = fmt.Errorf("what is there %s (it is not shown, because not everybody may read the file)", reason)
	case err == nil || reason != unreadable:
		err = fmt.Errorf("\"%s\" %s", ascii.Excerpt(text), reason)
	}
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %w", r.Name, line, err))
}

// written gives the text from one item to another on one line.
func (r *reading) written(from, until item) string {
	words := bytes.FieldsFunc(r.text[from.start:min(until.end, from.start+4*maxAddress)], func(c rune) bool { return c <= ' ' || unicode.IsSpace(c) })
	return string(bytes.Join(words, []byte(" ")))
}
