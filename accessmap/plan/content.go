package plan

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"sync"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/install"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// Content is the planned content of a target's file, compared with the present one. The managed part of a file is the block
// between the markers, or the whole file if the target has no block.
type Content struct {
	New      []byte            // the whole file; nil: there is to be none, or it is Long
	Long     *Long             // in place of New
	Compare  func() Difference // see Difference; nil: both are the same
	Entries  int               // keys or lines in the managed part of New
	Problems []Problem

	read     func() *makemap.Text // gives what makemap reads in New; nil: nobody has asked yet
	verified func() error         // reads New back, and fails if it differs from the list; nil: that is done
	managed  record.Managed       // part of New
	before   present
	newBlock bool            // New has a block, and the present file has none
	probe    allowlist.Entry // the first generated key in New; without an action: there is none
	marker   int             // the last line of the block in the present file; 0: there is none
	moves    int             // how many lines further down the text below it is in New
	empty    bool            // there is nothing in the managed part of New, and nothing in that of the present file
}

// present is the managed part of the present file, as far as a plan needs it once the difference is known.
type present struct {
	managed []byte
	entries int
	sources map[string]bool
	unnamed bool // it has networks without a source
}

// render writes the new text of a target. Nobody may use it before verified has given nil.
func (pl Planner) render(t Target, current Current, m MapChoice, set *allowlist.Set) (c Content, err error) {
	installed, _ := t.Installed(pl.Installed)
	selected := t.Format.Selected(set.Spans(), t.Want)
	if t.isLong(current) {
		return renderLong(t, selected, installed, set)
	}
	file, handWritten, err := separate(t, current, m)
	if err != nil {
		return c, err
	}
	c.newBlock = t.inBlock() && !file.Found
	all, handWritten := handWritten, ofAddresses(handWritten)
	var spans []allowlist.Span // among which hand-written keys look for theirs; nil: there are no such keys
	if len(all) > 0 {
		spans = slices.Collect(selected)
	}
	text, inside, written, err := t.writeText(file, current, selected, handWritten)
	if err != nil {
		return c, err
	}
	c.New, c.Entries, c.probe, c.managed = text, written.Entries, written.First, record.ManagedText(inside)
	if pl.Installs {
		go c.managed.Digest()
	}
	if file.Found {
		was := bytes.Count(file.Inside, []byte("\n"))
		c.marker, c.moves = linesAbove(file)+was+1, bytes.Count(inside, []byte("\n"))-was
	}
	if m.cf != nil && m.cf.CompressedIPv6 && hasIPv6(selected) {
		return c, fmt.Errorf("%s has UseCompressedIPv6Addresses on, and no exact IPv6 keys exist then: turn it off, or set families = [\"ipv4\"]", m.cf.Path)
	}
	same := bytes.Equal(file.Inside, inside)
	if !same { // else the run that installed the same text read it back
		c.verified = sync.OnceValue(func() error {
			return readBack(t.Format, ascii.Lines(inside), written.Entries, selected, handWritten)
		})
		if pl.Installs && m.MapType != "" { // the installation verifies it while makemap leaves a processor free
			c.read = install.ReadAhead(c.New)
		} else {
			go c.verified()
		}
	}
	var entries []allowlist.Entry // of the new text, where they matter beside hand-written keys
	if !same && len(handWritten) > 0 || slices.ContainsFunc(handWritten, func(h handKey) bool { return h.meets(spans) }) {
		if entries, err = t.Format.Read(inside); err != nil {
			return c, err
		}
	}
	c.Problems = overlaps(all, entries, written.Omitted, set, spans)
	if same {
		c.before, c.empty = present{managed: file.Inside, entries: c.Entries}, c.Entries == 0
	} else {
		after, list := selected, Finder(set) // it has all sources and needs less memory
		if !t.Format.Bare && len(handWritten) > 0 {
			nest := &nested{allowlist.Nest(entries)}
			after, list = slices.Values(nest.spans), nest
		}
		c.compare(t, installed, file, after, list)
	}
	return c, nil
}

// writeText writes the new text of the file, and gives the managed part inside it, too.
func (t Target) writeText(file block.File, current Current, spans iter.Seq[allowlist.Span], handWritten []handKey) (
	text, inside []byte, written format.Written, err error) {
	want := t.Want
	want.Taken = taken(handWritten)
	whole := &draft{present: current.Old}
	if t.inBlock() {
		file.WriteAbove(whole)
	}
	begin := whole.len()
	if written, err = t.Format.Write(whole, spans, want); err != nil {
		return nil, nil, written, err
	}
	end := whole.len()
	if t.inBlock() {
		file.WriteBelow(whole)
	}
	text = whole.bytes()
	return text, text[begin:end], written, nil
}

func hasIPv6(spans iter.Seq[allowlist.Span]) bool {
	for s := range spans {
		if s.From.Is6() {
			return true
		}
	}
	return false
}

// inBlock reports whether people write lines in the same file.
func (t Target) inBlock() bool { return t.Format.Block && !t.WholeFile }

// separate finds the managed part of the file and the keys that people wrote around it. Hand-written lines that makemap would
// refuse are an error if a map is built.
func separate(t Target, current Current, m MapChoice) (block.File, []handKey, error) {
	if !t.inBlock() {
		return block.File{Inside: current.Old}, nil, nil
	}
	file, err := block.Extract(current.Old)
	if err != nil {
		return file, nil, err
	}
	keys, refused := handKeys(file)
	if len(refused) > 0 && m.MapType != "" {
		return file, nil, &makemap.TextError{Problems: refused}
	}
	return file, keys, nil
}

// readBack reads a text with so many entries that is to be installed. It is an error if it differs from the list.
func readBack(f format.Format, text iter.Seq2[int, []byte], entries int, spans iter.Seq[allowlist.Span], handWritten []handKey) error {
	written, err := f.Networks(text, entries)
	if err != nil {
		return fmt.Errorf("the text written as %s cannot be read back: %w", f.Name, err)
	}
	return verify(f, written, spans, handWritten)
}

// compare compares the managed part of the present file with the new one.
func (c *Content) compare(t Target, installed record.Target, file block.File, after iter.Seq[allowlist.Span], list Finder) {
	f, ours, foreign := t.Format, file.Inside, []record.Line(nil)
	if !f.JSON { // whose lines are nothing by themselves
		ours, foreign = t.divide(installed, file)
	}
	where := "write it above or below the block"
	if !t.inBlock() {
		where = "the file is mailallow's as a whole"
	}
	c.Problems = append(c.Problems, notOurs(foreign, "an update takes it out: "+where)...)
	entries, err := entriesOf(f, ours, foreign)
	if err != nil {
		c.Problems = append(c.Problems, unread(err, file, foreign, "will be replaced"))
	}
	c.before = present{managed: file.Inside, entries: len(entries), sources: map[string]bool{}}
	var last *allowlist.Owner
	for _, e := range entries {
		if len(e.Owners) == 0 {
			c.before.unnamed = true
			continue
		}
		if first := &e.Owners[0]; first != last { // the lines below the same comments share their owners
			last = first
			for _, o := range e.Owners {
				c.before.sources[o.Source] = true
			}
		}
	}
	c.compareBy(func() Difference { return difference(f, allowlist.Nest(entries), after, list) })
	c.empty = len(entries)+c.Entries == 0
}

// compareBy has work give the difference, once, when it is first asked for: a quiet run needs none.
func (c *Content) compareBy(work func() Difference) { c.Compare = sync.OnceValue(work) }

// Difference gives the change from the present file to New.
func (c *Content) Difference() Difference {
	if c.Compare == nil {
		return nil
	}
	return c.Compare()
}
