package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Lines is a set of lines, each as the first eight bytes of its SHA-256, in order. It is long enough that no line of a person's
// is taken for one of ours.
type Lines []uint64

func lineDigest(line []byte) uint64 {
	sum := sha256.Sum256(bytes.TrimSuffix(line, []byte("\n")))
	return binary.BigEndian.Uint64(sum[:])
}

func linesOf(text []byte) Lines {
	lines := make(Lines, 0, bytes.Count(text, []byte("\n"))+1)
	for line := range bytes.Lines(text) {
		lines = append(lines, lineDigest(line))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// MarshalJSON gives the set in base64, or null for lines that are not known.
func (l Lines) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("null"), nil
	}
	raw := make([]byte, 0, 8*len(l))
	for _, line := range l {
		raw = binary.BigEndian.AppendUint64(raw, line)
	}
	return json.Marshal(raw)
}

// cutLines cuts the lines out of an encoded record, and puts [N] in place of the Nth. They are nearly all of it, and package json
// would read them three times. No text in a record can have linesKey in it: in a JSON string its quotes have backslashes.
func cutLines(encoded []byte) (rest []byte, cut [][]byte) {
	rest = make([]byte, 0, 4<<10)
	for {
		before, after, found := bytes.Cut(encoded, []byte(linesKey+`"`))
		lines, behind, ended := bytes.Cut(after, []byte(`"`))
		if !found || !ended {
			return append(rest, encoded...), cut
		}
		rest = append(append(rest, before...), fmt.Sprintf("%s[%d]", linesKey, len(cut))...)
		cut, encoded = append(cut, lines), behind
	}
}

const linesKey = `"lines":`

// restore puts the lines that cutLines cut back in their place.
func (l *Lines) restore(cut [][]byte) error {
	if *l == nil {
		return nil
	}
	if len(*l) != 1 || (*l)[0] >= uint64(len(cut)) {
		return errors.New("its lines are not digests")
	}
	raw, err := base64.StdEncoding.AppendDecode(nil, cut[(*l)[0]])
	if err != nil || len(raw)%8 != 0 {
		return errors.New("its lines are not digests")
	}
	*l = make(Lines, 0, len(raw)/8)
	for ; len(raw) > 0; raw = raw[8:] {
		*l = append(*l, binary.BigEndian.Uint64(raw))
	}
	if !slices.IsSorted(*l) {
		return errors.New("its lines are not in order")
	}
	return nil
}

// Digest gives the SHA-256 of a text in hex.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// TextOf remembers a managed part.
func TextOf(managed []byte) Text { return Text{Digest(managed), linesOf(managed)} }

// Knows reports whether the lines of the managed part are remembered one by one, so that Foreign can tell those of others.
func (t Target) Knows() bool {
	return len(t.Texts) > 0 && !slices.ContainsFunc(t.Texts, func(text Text) bool { return text.Lines == nil })
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
	number := 0
	for line := range bytes.Lines(managed) {
		number++
		digest := lineDigest(line)
		if slices.ContainsFunc(t.Texts, func(text Text) bool { _, found := slices.BinarySearch(text.Lines, digest); return found }) {
			ours = append(ours, line...)
		} else {
			foreign = append(foreign, Line{number, line})
		}
	}
	return ours, foreign
}

// Next gives the texts to remember when next replaces the managed part that is there now.
func (t Target) Next(now, next []byte) []Text {
	following := Digest(next)
	present := following
	if !bytes.Equal(now, next) {
		present = Digest(now)
	}
	if following == present && len(t.Texts) > 0 && t.Texts[0].Digest == following {
		return t.Texts
	}
	texts := []Text{TextOf(next)}
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
