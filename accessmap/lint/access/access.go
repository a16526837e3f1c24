// Package access finds mistakes in a Sendmail access file that people wrote, and in the map that is built from it. It returns the
// text with the certain corrections made, and writes no file.
package access

import (
	"bytes"
	"slices"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/prefixes"
)

// checks are the checks of a rule on an access file. Each kind looks at another part. The kinds run in this order, so that the
// findings on a line have the order of its parts. Of a name or value the first rule with a fault decides; package address tells
// what is wrong with an address.
type checks struct {
	own    rule.Check[*linter]                     // the lines that mailallow wrote: its block, or the whole text
	text   rule.Check[*linter]                     // the bytes before its first line; it runs last, and its findings come first
	line   rule.Check[*textLine]                   // a line of any form
	keys   rule.Check[*linter]                     // the keys of all entries
	indent rule.Check[*textLine]                   // the blanks before an entry
	tag    rule.Check[*textLine]                   // its tag
	name   func(*linter, *textLine) *address.Fault // its key, if that is no address and Sendmail does not find it as it is written
	value  func(entryValue) *valueFault            // its value
	file   rule.Check[*linter]                     // all entries, after their keys are read
}

// Options hold what is known besides the file.
type Options struct {
	// CF is the sendmail.cf that reads the map of this file; nil: not known.
	CF *sendmail.CF
	rule.Options
}

// Check gives the findings in the text of an access file, in the order of its lines. Of the lines inside mailallow's block it only
// checks that mailallow wrote them. It reads no file and asks no program; CheckMap compares the text with its map.
func Check(text []byte, o Options) []rule.Finding { return read(text, o, nil).Findings }

// Fix gives the text with the certain findings corrected, and those findings. A line without one keeps every byte.
func Fix(text []byte, o Options) (fixed []byte, made []rule.Finding) {
	return rule.Settled(text, func(text []byte, from rule.Origins) rule.Reading { return read(text, o, from) })
}

func read(text []byte, o Options, from rule.Origins) rule.Reading {
	l := newLinter(text, o)
	l.from = from
	l.Each(func(c *checks) []rule.Finding { return c.own.Of(l) })
	if l.generated {
		return rule.Reading{Findings: l.Findings, Fixed: text}
	}
	for line := range l.each {
		l.Each(func(c *checks) []rule.Finding { return c.line.Of(line) })
	}
	l.Each(func(c *checks) []rule.Finding { return c.keys.Of(l) })
	l.entries()
	l.Each(func(c *checks) []rule.Finding { return c.file.Of(l) })
	l.Findings = slices.Concat(l.Find(func(c *checks) []rule.Finding { return c.text.Of(l) }), l.Findings)
	rule.Sort(l.Findings)
	r := rule.Reading{Findings: l.Findings, Changed: l.changed()}
	if r.Fixed = rule.Rewritten(l.text, r.Changed); l.keepsMark {
		r.Fixed = slices.Concat(byteOrder, r.Fixed)
	}
	return r
}

type linter struct {
	rule.Run[checks]
	Options
	from      rule.Origins
	text      []byte // without a byte order mark
	keepsMark bool   // the fixed text begins with one
	generated bool   // mailallow writes the whole file
	block     block.File
	blockErr  error
	lines
	taken    *index              // see takeKeys; made if any entry has a fault
	claimed  map[string]takenKey // the keys that lines get instead of networks, by canonical form
	keysLeft int                 // that may still be written instead of networks

	// The keys of clients, with Connect: and without a tag, with their lines as labels, in order.
	tagged, untagged prefixes.List
}

// takenKey is a key that a line has, or gets instead of a network.
type takenKey struct {
	line  int
	value string
	bits  int // of the network; -1: the line has the key itself
}

// byteOrder is the byte order mark that some editors write before UTF-8.
var byteOrder = []byte("\xef\xbb\xbf")

// maxFixKeys bounds the keys that a fixed file gets instead of networks: as many as a target may have by default.
const maxFixKeys = format.DefaultMaxKeys

// newLinter cuts the text into lines and finds mailallow's block.
func newLinter(text []byte, o Options) *linter {
	l := &linter{Run: rule.Run[checks]{Table: rules()}, Options: o, text: bytes.TrimPrefix(text, byteOrder),
		generated: bytes.HasPrefix(text, []byte(format.Header)), claimed: map[string]takenKey{}, keysLeft: maxFixKeys}
	l.block, l.blockErr = block.Extract(l.text)
	first, last := 0, 0 // of the block, markers included
	if l.block.Found {
		first = l.blockLine()
		last = first + bytes.Count(l.block.Inside, []byte("\n")) + 1
	}
	l.lines = newLines(string(l.text), first, last)
	l.marked = len(l.text) < len(text)
	return l
}

// blockLine is the number of the line that begins mailallow's block.
func (l *linter) blockLine() int { return bytes.Count(l.block.Before, []byte("\n")) + 1 }
