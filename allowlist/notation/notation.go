// Package notation reads networks and ranges in text, as people write them: with comments, sizes, the other end of a range,
// in columns and with Markdown around them. It takes text, and knows no files, pages or encodings.
//
// Text becomes items: addresses, sizes, and the words and signs around them (scan.go, expression.go, word.go). A table of
// dresses tells what items mean together (dress.go), and the rest of the text decides what is left in doubt (doubt.go). What
// has a size or another end is converted exactly, or it is told; it is never taken as one address.
//
// The line "Office: 192.0.2.0 with the netmask 255.255.255.0 since 2019" becomes eight items, whose kinds are whwwsmwd (words.go): a
// word, an address without a size (h), two words, the word "netmask" (s), a mask (m), a word and a number. No dress begins with
// a word, so it is passed over. At h the dresses that begin with h are tried in their order; the first that fits is h*s*m, an
// address with a netmask somewhere behind it, and it gives 192.0.2.0/24. The rest is words again.
package notation

import (
	"errors"
	"fmt"
	"net/netip"

	"mailallow/allowlist/ascii"
)

// Reader reads one text.
type Reader struct {
	Name string // of the document, for messages
	// Strict is for a list that its reader wrote: every word in it that is not understood is a mistake. Of other texts a Reader
	// takes the networks, and it tells what only looks like one.
	Strict bool
	// Private: no mistake is quoted, because whoever reads the message may not read the text.
	Private bool
	// Add gets each network, or each address as a network, with its line, counted from 1. Its error ends the reading.
	Add func(p netip.Prefix, line int) error
	// Problem gets the kind and the text of a problem that does not end the reading. It makes the text only if it needs it.
	Problem func(kind string, text func() string)
}

// Layout says what a text looks like.
type Layout struct {
	Lines    bool // an LF ends a record: what belongs together
	Comments bool // the text may have comments
	Marks    bool // it has marks
}

// Marks stand in a text that is made of a page or of JSON. They are control characters, which such a text has no other use
// for. In it an LF may only count a line of the source.
const (
	TableMark  = 0x1d // a table begins or ends
	RecordMark = 0x1e // what follows is another record: a row, a paragraph, an object
	CellMark   = 0x1f // the next cell, member or element of the record
)

// IsMark reports whether c would be taken for a mark.
func IsMark(c byte) bool { return TableMark <= c && c <= CellMark }

// maxMistakes bounds the mistakes that the error of a strict list has one by one.
const maxMistakes = 20

// Read adds every address and network of a text.
//
// A word counts if the whole of it is an address or a network in one of its dresses. So 1.2.3.4.5, 1.2.3.4:25, v1.2.3.4,
// http://1.2.3.4/ and fe80::1%eth0 do not count. What has a size or another end and cannot be converted exactly is a
// problem with its line, and so is a word that does not count but looks like a network. A text without any address is not an
// error. In a strict list each of these is a mistake, and the error lists them.
func (r Reader) Read(text []byte, layout Layout) error {
	t := reading{Reader: r, Layout: layout, text: text, line: 1}
	if err := t.read(); err != nil {
		return err
	}
	if more := t.mistakes - len(t.errs); more > 0 {
		t.errs = append(t.errs, fmt.Errorf("%s: and %s more lines like these", r.Name, ascii.Count(more)))
	}
	return errors.Join(t.errs...)
}
