package plan

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist"
)

// Content is what the file of a target is to hold, compared with what it holds.
type Content struct {
	New           []byte
	Before, After []allowlist.Span // what our part of the file says, and what it will say
	Entries       int              // keys or lines of ours in New
	Problems      []Problem

	before int             // entries in Old
	probe  allowlist.Entry // the first key of ours in New; without an action: there is none
}

// render makes the new text of a target, in a block or whole, and reads it back.
func render(t Target, was Standing, m MapChoice, set *allowlist.Set) (c Content, err error) {
	spans := slices.AppendSeq(make([]allowlist.Span, 0, set.Len()), t.Format.Selected(set.Spans(), t.Want))
	file, hand, err := cutByHand(t, was, m)
	if err != nil {
		return c, err
	}
	want := t.Want
	if len(hand) > 0 {
		taken := map[netip.Prefix]bool{}
		for _, h := range hand {
			taken[h.prefix] = true
		}
		want.Taken = func(key netip.Prefix) bool { return taken[key] }
	}
	var text bytes.Buffer
	text.Grow(len(was.Old)) // most runs change little
	written, err := t.Format.Write(&text, slices.Values(spans), want)
	if err != nil {
		return c, err
	}
	c.Entries, c.probe = written.Entries, written.First
	if m.cf != nil && m.cf.CompressedIPv6 && written.Last.IsValid() && written.Last.Addr().Is6() {
		return c, fmt.Errorf("%s has UseCompressedIPv6Addresses on, and no exact IPv6 keys exist then: turn it off, or set families = [\"ipv4\"]", m.cf.Path)
	}
	same := bytes.Equal(file.Inside, text.Bytes())
	var entries []allowlist.Entry
	// The text that is installed was read back before, and most runs change nothing.
	if !same || slices.ContainsFunc(hand, func(h handKey) bool { return len(h.within(spans)) > 0 }) {
		if entries, err = readBack(t.Format, text.Bytes(), spans, hand); err != nil {
			return c, err
		}
	}
	c.Problems = overlaps(hand, entries, written.Left, set, spans)
	switch {
	case t.Format.Bare, same && written.Entries > 0, len(hand) == 0: // the spans know more than a file, and take less memory
		c.After = spans
	default:
		c.After = allowlist.Nest(entries)
	}
	if same {
		c.before, c.Before = c.Entries, c.After
	} else {
		c.readBefore(t.Format, file.Inside)
	}
	if t.inBlock() {
		c.New = file.Splice(text.Bytes())
	} else {
		c.New = append([]byte{}, text.Bytes()...) // never nil: an empty file is a file
	}
	return c, nil
}

// inBlock tells whether people write in the same file.
func (t Target) inBlock() bool { return t.Format.Block && !t.WholeFile }

// cutByHand finds our part of the file and the keys that people wrote around it. Lines of theirs that makemap would refuse
// are an error where a map is made.
func cutByHand(t Target, was Standing, m MapChoice) (block.File, []handKey, error) {
	if !t.inBlock() {
		return block.File{Inside: was.Old}, nil, nil
	}
	file, err := block.Extract(was.Old)
	if err != nil {
		return file, nil, err
	}
	keys, refused := handKeys(file)
	if len(refused) > 0 && m.MapType != "" {
		return file, nil, &makemap.TextError{Problems: refused}
	}
	return file, keys, nil
}

// readBack gives the entries of a text that is to be installed; it is an error when they do not say exactly what the list
// says.
func readBack(f format.Format, text []byte, spans []allowlist.Span, hand []handKey) ([]allowlist.Entry, error) {
	entries, err := f.Read(text)
	if err != nil {
		return nil, fmt.Errorf("what was written as %s does not read back: %w", f.Name, err)
	}
	return entries, verify(f, entries, spans, hand)
}

// readBefore reads what our part of the file says now, for the difference that people see.
func (c *Content) readBefore(f format.Format, ours []byte) {
	entries, err := f.Read(ours)
	if err != nil {
		c.Problems = append(c.Problems, Problem{Kind: "foreign",
			Text: "what stands there was not written by mailallow and will be replaced: " + err.Error()})
	}
	c.before, c.Before = len(entries), allowlist.Nest(entries)
}
