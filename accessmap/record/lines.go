package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Lines are lines in their order, each as the first eight bytes of its SHA-256; in JSON in base64, or null for lines that are not
// known. A digest is long enough that no line of a person's is taken for one of ours.
type Lines []byte

const digestBytes = 8

// lineDigest takes no account of a CR at the end. We write none: an editor that turns the line ends of a file turns ours with them.
func lineDigest(line []byte) uint64 {
	sum := sha256.Sum256(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")))
	return binary.BigEndian.Uint64(sum[:])
}

// Managed is the managed part of a file. It need not be in memory.
type Managed struct {
	Digest func() string         // gives its SHA-256 in hex
	Lines  int                   // how many it has
	Write  func(io.Writer) error // writes it, each time the same

	text []byte // nil: it is not in memory
}

// ManagedText gives a managed part that is in memory. It must not change until the record is written. A caller can have the
// digest computed beside other work.
func ManagedText(text []byte) Managed {
	return Managed{Digest: sync.OnceValue(func() string { return Digest(text) }), Lines: countLines(text), text: text,
		Write: func(w io.Writer) error { _, err := w.Write(text); return err }}
}

// lines calls take with parts of the lines, each valid until take returns. It does not need the memory of all.
func (m *Managed) lines(take func(part Lines)) {
	sums := lineSums{take: take, part: make(Lines, 0, 1<<10*digestBytes)}
	m.Write(&sums) // a Write of lineSums does not fail
	if len(sums.rest) > 0 {
		sums.Write([]byte("\n"))
	}
	take(sums.part)
}

// lineSums makes digests of the lines that are written to it.
type lineSums struct {
	take func(part Lines)
	part Lines  // that take has not had
	rest []byte // of a line whose end is not written yet
}

func (s *lineSums) Write(part []byte) (int, error) {
	for line := range bytes.Lines(part) {
		whole := line[len(line)-1] == '\n'
		if len(s.rest) > 0 || !whole {
			s.rest = append(s.rest, line...)
			line = s.rest
		}
		if whole {
			s.add(lineDigest(line))
			s.rest = s.rest[:0]
		}
	}
	return len(part), nil
}

func (s *lineSums) add(digest uint64) {
	if s.part = binary.BigEndian.AppendUint64(s.part, digest); len(s.part) == cap(s.part) {
		s.take(s.part)
		s.part = s.part[:0]
	}
}

func countLines(text []byte) int {
	n := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}

// made gives the lines.
func (t Text) made() Lines {
	if t.of == nil {
		return t.Lines
	}
	all := Lines{}
	t.of.lines(func(part Lines) { all = append(all, part...) })
	return all
}

// count is how many lines are written.
func (t Text) count() int {
	if t.of != nil {
		return t.of.Lines
	}
	return t.Lines.len()
}

// writeLines writes the lines in base64.
func (t Text) writeLines(w io.Writer) {
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	take := func(part Lines) { encoder.Write(part) } // errors come with the Flush of w
	if t.of == nil {
		take(t.Lines)
	} else {
		t.of.lines(take)
	}
	encoder.Close()
}

func (l Lines) len() int { return len(l) / digestBytes }

func (l Lines) at(i int) uint64 { return binary.BigEndian.Uint64(l[digestBytes*i:]) }

// placeholder is in an encoded record in place of lines with this number.
func placeholder(number int) Lines { return binary.BigEndian.AppendUint64(nil, uint64(number)) }

const linesKey = `"lines":"`

// cutLines cuts the lines out of an encoded record, and leaves their number, from 0, in place of each. They are nearly all of it, and
// package json reads a text three times. No text in a record can have linesKey in it: its quotes have backslashes there.
func cutLines(encoded []byte) (rest []byte, cut [][]byte) {
	for {
		before, after, found := bytes.Cut(encoded, []byte(linesKey))
		lines, behind, ended := bytes.Cut(after, []byte(`"`))
		if !found || !ended {
			return append(rest, encoded...), cut
		}
		rest = append(append(rest, before...), linesKey...)
		rest = append(base64.StdEncoding.AppendEncode(rest, placeholder(len(cut))), '"')
		cut, encoded = append(cut, lines), behind
	}
}

// restore puts the lines in place of their number.
func (l *Lines) restore(cut [][]byte) (err error) {
	if *l == nil {
		return nil
	}
	if l.len() != 1 || l.at(0) >= uint64(len(cut)) {
		return errors.New("its lines are not digests")
	}
	if *l, err = base64.StdEncoding.AppendDecode(Lines{}, cut[l.at(0)]); err != nil {
		return fmt.Errorf("its lines are not in base64: %w", err)
	}
	if len(*l)%digestBytes != 0 {
		return errors.New("its lines are not digests")
	}
	return nil
}

// Digest gives the SHA-256 of a text in hex.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// textOf remembers a managed part.
func textOf(managed Managed) Text { return Text{Digest: managed.Digest(), of: &managed} }

// Knows reports whether the lines of the managed part are remembered one by one, so that Foreign can tell those of others.
func (t Target) Knows() bool {
	return len(t.Texts) > 0 && !slices.ContainsFunc(t.Texts, func(text Text) bool { return !text.hasLines() })
}

// Line is a line that mailallow did not write.
type Line struct {
	Number int // in the managed part, from 1
	Text   []byte
}

// Foreign divides a managed part into the lines that mailallow wrote, and those of others. All lines are ours if they are not known.
func (t Target) Foreign(managed []byte) (ours []byte, foreign []Line) {
	if !t.Knows() || slices.ContainsFunc(t.Texts, func(text Text) bool { return text.Digest == Digest(managed) }) {
		return managed, nil
	}
	var known []uint64
	for _, text := range t.Texts {
		lines := text.made()
		for i := range lines.len() {
			known = append(known, lines.at(i))
		}
	}
	slices.Sort(known)
	number := 0
	for line := range bytes.Lines(managed) {
		number++
		if _, wrote := slices.BinarySearch(known, lineDigest(line)); wrote {
			ours = append(ours, line...)
		} else {
			foreign = append(foreign, Line{number, line})
		}
	}
	return ours, foreign
}

// Next gives the texts to remember when next replaces the managed part that is there now.
func (t Target) Next(now []byte, next Managed) []Text {
	following := next.Digest()
	present := following
	if next.text == nil || !bytes.Equal(now, next.text) {
		present = Digest(now)
	}
	if following == present && len(t.Texts) > 0 && t.Texts[0].Digest == following {
		return t.Texts
	}
	texts := []Text{textOf(next)}
	at := slices.IndexFunc(t.Texts, func(text Text) bool { return text.Digest == present })
	switch {
	case following == present:
	case at >= 0:
		texts = append(texts, t.Texts[at])
	default: // it was edited: its other lines are of any of them
		texts = append(texts, t.Texts...)
	}
	const most = 3 // a text, and two that runs were killed over
	return texts[:min(len(texts), most)]
}
