// Package format is the table of formats that a list can be written in, each with a function that writes it and one that
// reads it back. It knows no file and no server; which lines people wrote is the business of package plan.
package format

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"mailallow/allowlist"
)

// Format is one way to write a list down. A format is an entry in the table
// below, a function that writes it and one that reads it back.
type Format struct {
	Name    string
	Summary string // a line for people
	// Block tells that people write in the same file: ours is a block in it.
	Block bool
	// Map tells that the server reads a map built from the text.
	Map bool
	// Actions are those the format can say; spans with others are holes in it.
	Actions []allowlist.Action
	// Bare tells that the file holds networks alone: no actions, no sources.
	Bare bool
	// Use is who of Postfix reads the file, as cidr:PATH; UseNone: another program does.
	Use Use
	// JSON tells that the file is one JSON document.
	JSON bool

	write func(w io.Writer, l list) (Written, error)
	read  func(text []byte) ([]allowlist.Entry, error)
	line  func(line string) (network netip.Prefix, value string, ok bool) // of a list of networks; nil: it is none
}

// Written tells what a writer wrote.
type Written struct {
	Entries int               // keys or lines: what the server will hold
	Left    []allowlist.Entry // access keys that were not ours to write
	First   allowlist.Entry   // the first access key, without its owners
	Last    netip.Prefix      // the last
}

// list is what a writer is given: the spans of a set that the target wants, in
// address order, and which access keys are not ours to write.
type list struct {
	spans   iter.Seq[allowlist.Span]
	taken   func(key netip.Prefix) bool // nil: none
	maxKeys int
}

// Actions are those that stand in a file; EXCLUDE stands in none.
func Actions() []allowlist.Action {
	return []allowlist.Action{allowlist.Relay, allowlist.OK, allowlist.Reject}
}

// All is the table of formats, in the order in which people are told of them.
func All() []Format {
	// smtpd knows permit and REJECT; postscreen stops at any word that is not one
	// of its own, OK included; in mynetworks any line at all is membership
	// (docs/facts.md 10).
	smtpd := postfixValues{allowlist.Relay: "permit", allowlist.OK: "permit", allowlist.Reject: "REJECT"}
	postscreen := postfixValues{allowlist.Relay: "permit", allowlist.OK: "permit", allowlist.Reject: "reject"}
	mynetworks := postfixValues{allowlist.Relay: "permit"}
	everyAction := Actions()
	return []Format{
		{Name: "sendmail-access", Summary: "entries of Sendmail's access map", Block: true, Map: true,
			Actions: everyAction, write: writeSendmail, read: ReadSendmail},
		{Name: "postfix-cidr", Summary: "Postfix smtpd access table, type cidr",
			Actions: everyAction, Use: UseSMTPD, write: smtpd.write, read: smtpd.read, line: networkLine},
		{Name: "postscreen-cidr", Summary: "postscreen_access_list table, type cidr",
			Actions: everyAction, Use: UsePostscreen, write: postscreen.write, read: postscreen.read, line: networkLine},
		{Name: "mynetworks-cidr", Summary: "Postfix mynetworks table, type cidr: the RELAY ranges and nothing else",
			Actions: []allowlist.Action{allowlist.Relay}, Use: UseMyNetworks, write: mynetworks.write, read: mynetworks.read, line: networkLine},
		{Name: "rbldnsd", Summary: "rbldnsd data, type combined: OK and RELAY ranges",
			Actions: []allowlist.Action{allowlist.Relay, allowlist.OK}, write: writeRbldnsd, read: readRbldnsd, line: networkLine},
		{Name: "cidr", Summary: "one network a line, the fewest for all actions together",
			Actions: everyAction, Bare: true, write: writeCIDRList, read: readCIDRList, line: networkLine},
		{Name: "json", Summary: "every range with its action, sources and paths",
			Actions: everyAction, JSON: true, write: writeJSON, read: readJSON, line: jsonLine},
	}
}

// ByName finds a format; the error lists those there are.
func ByName(name string) (Format, error) {
	var names []string
	for _, f := range All() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("unknown format %q: one of %s", name, strings.Join(names, ", "))
}

// DefaultMaxKeys bounds the access keys of a target that sets no bound: a wide
// prefix with a hole in the wrong place needs millions.
const DefaultMaxKeys = 1_000_000

// Selection is what a target wants of a set. The zero value wants everything.
type Selection struct {
	Only           []allowlist.Action // nil: all
	NoIPv4, NoIPv6 bool
	MaxKeys        int                         // zero: DefaultMaxKeys
	Taken          func(key netip.Prefix) bool // access keys that a person has written; nil: none
}

// Write writes the spans of a set in the format, whole, to w. It may go through
// them more than once, and holds no more of what it writes than a buffer.
func (f Format) Write(w io.Writer, spans iter.Seq[allowlist.Span], want Selection) (Written, error) {
	return f.write(w, list{spans: f.Selected(spans, want), taken: want.Taken, maxKeys: want.KeyLimit()})
}

// KeyLimit gives MaxKeys or its default.
func (s Selection) KeyLimit() int { return cmp.Or(s.MaxKeys, DefaultMaxKeys) }

// Read reads back what Write wrote. Each entry is a line, with the source and
// path of the comment above it. Anything that Write does not write is an error
// with its line.
func (f Format) Read(text []byte) ([]allowlist.Entry, error) { return f.read(text) }

// Selected gives the spans a target wants. What it does not want is a hole, and
// not what lies around it: the selection comes after the merge.
func (f Format) Selected(spans iter.Seq[allowlist.Span], want Selection) iter.Seq[allowlist.Span] {
	return func(yield func(allowlist.Span) bool) {
		for s := range spans {
			switch {
			case !slices.Contains(f.Actions, s.Action()),
				want.Only != nil && !slices.Contains(want.Only, s.Action()),
				want.NoIPv4 && s.From.Is4(), want.NoIPv6 && s.From.Is6():
			default:
				if !yield(s) {
					return
				}
			}
		}
	}
}
