// Package format holds the table of formats for a list, each with a function that writes it and one that reads it back. It
// opens no file and asks no server. Package plan keeps the lines that people write in the same file.
package format

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// Format is a format of the list: an entry of the table that All gives.
type Format struct {
	Name    string // as in the configuration
	Summary string // one line for people
	Block   bool   // people write in the same file, so the list is a block in it
	Map     bool   // the server reads a map that is built from the text
	// Actions are the actions that the format can express. Spans with other actions are holes.
	Actions []allowlist.Action
	Bare    bool // the file holds networks only: no actions, no sources; see Takes
	Use     Use  // the program of Postfix that reads the file as cidr:PATH, or UseNone
	JSON    bool // the file is one JSON document

	read  func(lines lines, owners bool, each func(allowlist.Entry)) error // without owners, they may be left out
	write func(out *bufio.Writer, l list) (Written, error)                 // out keeps its own errors for Flush
	// line reads one line of a list of networks. It is nil for other formats.
	line func(line string) (network netip.Prefix, value string, ok bool)
}

// Written describes the text that Write wrote. Formats without a map set Entries alone.
type Written struct {
	Entries int               // access keys, or lines with a network
	Omitted []allowlist.Entry // access keys that were not written, because they are Taken
	First   allowlist.Entry   // the first access key, without its owners
}

// lines are those of a text, with their numbers from 0. A line is valid until the next one.
type lines = iter.Seq2[int, []byte]

type list struct {
	spans   iter.Seq[allowlist.Span]    // that the target selects, in address order
	taken   func(key netip.Prefix) bool // nil: no key is
	maxKeys int64
	grow    func(bytes int) // makes room for the text; nil: it need not
}

// Actions gives the actions that a file can hold. EXCLUDE is in no file.
func Actions() []allowlist.Action {
	return []allowlist.Action{allowlist.Relay, allowlist.OK, allowlist.Reject}
}

// CanHold reports whether a file can hold an action: whether it is one of Actions.
func CanHold(a allowlist.Action) bool { return a != allowlist.None && a != allowlist.Exclude }

// All gives the table of formats, in the order of the documentation.
func All() []Format {
	// smtpd knows permit and REJECT; postscreen ignores the rest of its list after a word that it does not know, such as OK;
	// in mynetworks every line is a member, whatever its value (docs/facts.md 10).
	smtpd := postfixValues{allowlist.Relay: "permit", allowlist.OK: "permit", allowlist.Reject: "REJECT"}
	postscreen := postfixValues{allowlist.Relay: "permit", allowlist.OK: "permit", allowlist.Reject: "reject"}
	mynetworks := postfixValues{allowlist.Relay: "permit"}
	everyAction := Actions()
	return []Format{
		{Name: "sendmail-access", Summary: "entries of Sendmail's access map", Block: true, Map: true,
			Actions: everyAction, write: writeSendmail, read: readSendmail},
		{Name: "postfix-cidr", Summary: "Postfix smtpd access table, type cidr",
			Actions: everyAction, Use: UseSMTPD, write: smtpd.write, read: smtpd.read, line: networkLine},
		{Name: "postscreen-cidr", Summary: "postscreen_access_list table, type cidr",
			Actions: everyAction, Use: UsePostscreen, write: postscreen.write, read: postscreen.read, line: networkLine},
		{Name: "mynetworks-cidr", Summary: "Postfix mynetworks table, type cidr: the RELAY ranges and nothing else",
			Actions: []allowlist.Action{allowlist.Relay}, Use: UseMyNetworks, write: mynetworks.write, read: mynetworks.read, line: networkLine},
		{Name: "rbldnsd", Summary: "rbldnsd data, type combined: OK and RELAY ranges",
			Actions: []allowlist.Action{allowlist.Relay, allowlist.OK}, write: writeRbldnsd, read: readRbldnsd, line: networkLine},
		{Name: "cidr", Summary: "one network a line, the fewest for OK and RELAY together",
			Actions: everyAction, Bare: true, write: writeCIDRList, read: readCIDRList, line: networkLine},
		{Name: "nftables", Summary: "a file for nft -f: the sets allow4 and allow6 of table inet mailallow, for OK and RELAY together",
			Actions: everyAction, Bare: true, write: writeNftables, read: readNftables, line: nftLine},
		{Name: "exim", Summary: "keys for Exim's net-iplsearch, for OK and RELAY together",
			Actions: everyAction, Bare: true, write: writeExim, read: readExim, line: eximLine},
		{Name: "json", Summary: "every range with its action, sources and paths",
			Actions: everyAction, JSON: true, write: writeJSON, read: readJSON, line: jsonLine},
	}
}

// ByName finds a format. The error lists all names.
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

// outBuffer bounds the part of a text in memory while it is written, in bytes.
const outBuffer = 64 << 10

// DefaultMaxKeys bounds the access keys of a target that sets no bound. A wide prefix with one small hole can need millions of
// keys.
const DefaultMaxKeys = 1_000_000

// Selection is the part of a set that a target holds. The zero value selects the whole set.
type Selection struct {
	Only           []allowlist.Action // nil: all that the format takes unasked
	NoIPv4, NoIPv6 bool
	MaxKeys        int                         // access keys at most; zero: DefaultMaxKeys
	Taken          func(key netip.Prefix) bool // reports the access keys that are hand-written; nil: none are
}

// Write writes the selected spans of a set to w. It may iterate over them more than once, and buffers 64 KiB of the text. A
// writer with a method Grow, such as a *bytes.Buffer, is told the room for the access keys before the first. More than MaxKeys
// of them are an error; nothing is written then.
func (f Format) Write(w io.Writer, spans iter.Seq[allowlist.Span], want Selection) (Written, error) {
	out := bufio.NewWriterSize(w, outBuffer)
	l := list{spans: f.Selected(spans, want), taken: want.Taken, maxKeys: int64(want.KeyLimit())}
	if text, ok := w.(interface{ Grow(bytes int) }); ok {
		l.grow = text.Grow
	}
	written, err := f.write(out, l)
	return written, cmp.Or(err, out.Flush())
}

// Read reads a text that Write wrote: an entry for each line, with the owners that the text names. A line that Write does not
// write is an error, a *fault.AtLine except in JSON.
func (f Format) Read(text []byte) (entries []allowlist.Entry, err error) {
	if err := f.read(ascii.Lines(text), true, func(e allowlist.Entry) { entries = append(entries, e) }); err != nil {
		return nil, err
	}
	return slices.Clip(entries), nil
}

// Networks reads the lines of such a text, as ascii.Lines gives them, without its owners and in little memory. most is how many
// networks it has, if that is known.
func (f Format) Networks(text iter.Seq2[int, []byte], most int) (networks allowlist.Networks, err error) {
	networks.Room = most
	err = f.read(text, false, func(e allowlist.Entry) { networks.Add(e.Prefix, e.Action) })
	return networks, err
}

// KeyLimit gives MaxKeys or its default.
func (s Selection) KeyLimit() int { return cmp.Or(s.MaxKeys, DefaultMaxKeys) }

// Takes reports whether a file holds ranges of an action. only is what its target asks for; nil: it asks for nothing. The
// readers of a bare file let in what is in it, so it holds what is to be refused only if the target asks for that.
func (f Format) Takes(a allowlist.Action, only []allowlist.Action) bool {
	if only == nil {
		return slices.Contains(f.Actions, a) && !(f.Bare && a == allowlist.Reject)
	}
	return slices.Contains(f.Actions, a) && slices.Contains(only, a)
}

// Selected gives the spans of a merged set that a target holds. A span that is left out is a hole: the wider prefix around it
// does not fill it.
func (f Format) Selected(spans iter.Seq[allowlist.Span], want Selection) iter.Seq[allowlist.Span] {
	return func(yield func(allowlist.Span) bool) {
		for s := range spans {
			switch {
			case !f.Takes(s.Action(), want.Only),
				want.NoIPv4 && s.From.Is4(), want.NoIPv6 && s.From.Is6():
			default:
				if !yield(s) {
					return
				}
			}
		}
	}
}
