package history

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// A payload is an entry in bytes: its length and the entry without networks as JSON, then the steps of all paths, then for each
// source the networks that came, with their paths, and those that went. Numbers are unsigned varints. A network is its length,
// with ipv6Bits more for IPv6, and so many bytes of its address as the length needs. A path is the number of its last step,
// from 1, and its line, or 0.
//
// Networks and paths are no JSON because a question about an address reads a year of them.

const ipv6Bits = 64

// The room for a network and for a path, in bytes.
const (
	usualNetwork = 6
	usualPath    = 4
)

// encode gives the payload of an entry.
func encode(e Entry) ([]byte, error) {
	for i := range e.Sources {
		e.Sources[i].WasName = e.Sources[i].Was.String()
	}
	meta, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	w := payloadWriter{numbers: map[*provenance.Path]uint64{}}
	for _, s := range e.Sources {
		w.came(s.Came)
		w.networks = binary.AppendUvarint(w.networks, uint64(s.Gone.Len()))
		for p := range s.Gone.All() {
			w.prefix(p)
		}
	}
	head := append(binary.AppendUvarint(nil, uint64(len(meta))), meta...)
	return slices.Concat(binary.AppendUvarint(head, uint64(len(w.numbers))), w.steps, w.networks), nil
}

type payloadWriter struct {
	numbers         map[*provenance.Path]uint64 // of steps, from 1
	steps, networks []byte
}

// came writes the fewest networks of a source, each with the paths of all ranges inside it.
func (w *payloadWriter) came(r allowlist.Ranges) {
	fewest := r.Fewest()
	w.networks = slices.Grow(w.networks, usualNetwork*fewest.Len()+usualPath*r.Len())
	w.networks = binary.AppendUvarint(w.networks, uint64(fewest.Len()))
	all := r.Places()
	for p := range fewest.All() {
		w.prefix(p)
		places, _ := all.Inside(p)
		w.networks = binary.AppendUvarint(w.networks, uint64(len(places)))
		for _, at := range places {
			w.networks = binary.AppendUvarint(w.networks, w.step(at.Path))
			w.networks = binary.AppendUvarint(w.networks, uint64(at.Line))
		}
	}
}

func (w *payloadWriter) prefix(p netip.Prefix) {
	bits, length := p.Bits(), p.Bits()
	if p.Addr().Is6() {
		length += ipv6Bits
	}
	w.networks = append(w.networks, byte(length))
	w.networks = append(w.networks, p.Addr().AsSlice()[:(bits+7)/8]...)
}

// step writes a step, and those above it, once, and gives its number; 0 for no path.
func (w *payloadWriter) step(p *provenance.Path) uint64 {
	if p == nil {
		return 0
	}
	if number, written := w.numbers[p]; written {
		return number
	}
	above := w.step(p.Above())
	w.steps = binary.AppendUvarint(w.steps, above)
	w.steps = binary.AppendUvarint(w.steps, uint64(len(p.Step())))
	w.steps = append(w.steps, p.Step()...)
	w.numbers[p] = uint64(len(w.numbers) + 1)
	return w.numbers[p]
}

// decoded is a payload whose networks are read where they are needed.
type decoded struct {
	Entry
	steps    []step
	networks []byte
}

type step struct {
	above uint64
	text  []byte
	path  *provenance.Path // nil: not made yet
}

// pathRef is a path in a payload.
type pathRef struct{ step, line uint64 }

var errPayload = errors.New("an entry that cannot be read")

// decode reads a payload, and every network in it.
func decode(payload []byte) (*decoded, error) {
	c := cursor{rest: payload}
	d := &decoded{}
	if err := json.Unmarshal(c.bytes(c.number()), &d.Entry); c.wrong || err != nil {
		return nil, errors.Join(errPayload, err)
	}
	for i, s := range d.Sources {
		if s.Action == allowlist.None {
			return nil, fmt.Errorf("%w: source %q has no action", errPayload, s.Name)
		}
		if s.WasName != "" {
			was, err := allowlist.ParseAction(s.WasName)
			if err != nil {
				return nil, err
			}
			d.Sources[i].Was = was
		}
	}
	steps := c.number()
	for i := uint64(0); i < steps && !c.wrong; i++ {
		s := step{above: c.number()}
		s.text = c.bytes(c.number())
		c.wrong = c.wrong || s.above > i
		d.steps = append(d.steps, s)
	}
	d.networks = c.rest
	c.skipNetworks(len(d.Sources), steps)
	if c.wrong || len(c.rest) > 0 {
		return nil, errPayload
	}
	return d, nil
}

// change is a network that came to a source or went from it.
type change struct {
	source int // its number in the entry
	came   bool
	prefix netip.Prefix
	paths  []pathRef // valid until the next change
}

// changes yields all networks, source by source, those that came first.
func (d *decoded) changes() iter.Seq[change] {
	return func(yield func(change) bool) {
		c := cursor{rest: d.networks}
		for i := range d.Sources {
			for n := c.number(); n > 0; n-- {
				one := change{source: i, came: true, prefix: c.prefix()}
				one.paths = c.paths()
				if !yield(one) {
					return
				}
			}
			for n := c.number(); n > 0; n-- {
				if !yield(change{source: i, prefix: c.prefix()}) {
					return
				}
			}
		}
	}
}

// whole gives the entry with the networks of its sources.
func (d *decoded) whole() Entry {
	gone := make([]prefixes.List, len(d.Sources))
	for c := range d.changes() {
		if !c.came {
			gone[c.source].Add(c.prefix, 0)
			continue
		}
		d.addTo(&d.Sources[c.source].Came, c)
	}
	for i := range d.Sources {
		d.Sources[i].Gone = gone[i]
	}
	return d.Entry
}

// addTo adds a network to ranges, once for each of its paths.
func (d *decoded) addTo(r *allowlist.Ranges, c change) {
	for _, ref := range c.paths {
		r.Add(allowlist.Range{Prefix: c.prefix, Path: d.path(ref)})
	}
}

// path makes a path, each step once.
func (d *decoded) path(ref pathRef) *provenance.Path {
	if ref.step == 0 {
		return nil
	}
	s := &d.steps[ref.step-1]
	if s.path == nil {
		s.path = d.path(pathRef{step: s.above}).Then(string(s.text))
	}
	if ref.line > 0 {
		return s.path.AtLine(uint32(ref.line))
	}
	return s.path
}

// cursor reads a payload from its beginning. Once something is wrong, it gives zero values.
type cursor struct {
	rest  []byte
	wrong bool
	refs  []pathRef
}

func (c *cursor) number() uint64 {
	if len(c.rest) > 0 && c.rest[0] < 0x80 { // most are
		n := c.rest[0]
		c.rest = c.rest[1:]
		return uint64(n)
	}
	n, length := binary.Uvarint(c.rest)
	if length <= 0 {
		c.fail()
		return 0
	}
	c.rest = c.rest[length:]
	return n
}

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.rest)) {
		c.fail()
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) fail() { c.wrong, c.rest = true, nil }

func (c *cursor) prefix() netip.Prefix {
	length := c.bytes(1)
	if c.wrong {
		return netip.Prefix{}
	}
	bits := int(length[0])
	if bits < ipv6Bits {
		var a [4]byte
		if bits > 32 {
			c.fail()
			return netip.Prefix{}
		}
		copy(a[:], c.bytes(uint64(bits+7)/8))
		return netip.PrefixFrom(netip.AddrFrom4(a), bits)
	}
	var a [16]byte
	if bits -= ipv6Bits; bits > 128 {
		c.fail()
		return netip.Prefix{}
	}
	copy(a[:], c.bytes(uint64(bits+7)/8))
	return netip.PrefixFrom(netip.AddrFrom16(a), bits)
}

func (c *cursor) paths() []pathRef {
	c.refs = c.refs[:0]
	for n := c.number(); n > 0 && !c.wrong; n-- {
		c.refs = append(c.refs, pathRef{c.number(), c.number()})
	}
	return c.refs
}

// skipNetworks reads the networks of so many sources, and finds what is wrong in them.
func (c *cursor) skipNetworks(sources int, steps uint64) {
	for range sources {
		for n := c.number(); n > 0 && !c.wrong; n-- {
			p := c.prefix()
			paths := c.paths()
			c.wrong = c.wrong || p != p.Masked() || len(paths) == 0
			for _, ref := range paths {
				c.wrong = c.wrong || ref.step > steps || ref.line > prefixes.MaxLabel || ref.step == 0 && ref.line > 0
			}
		}
		for n := c.number(); n > 0 && !c.wrong; n-- {
			p := c.prefix()
			c.wrong = c.wrong || p != p.Masked()
		}
	}
}

// SegmentName is the file name of a segment. Names sort by number.
func SegmentName(number int) string { return fmt.Sprintf("%08d", number) }
