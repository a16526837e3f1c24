package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"sort"
	"strconv"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
)

// writeSendmail writes the fewest access keys for the list, below comments with the provenance of their prefixes. It leaves
// out taken keys. It counts the keys before it writes the first.
func writeSendmail(w *bufio.Writer, l list) (written Written, err error) {
	need := atMost(l)
	if l.taken != nil || need.keys > l.maxKeys {
		need = measure(l)
	}
	if need.keys > l.maxKeys {
		source, ipv6 := neediest(l)
		hint := "raise max_keys, or leave that source out"
		if ipv6 {
			hint = "families = [\"ipv4\"] leaves out IPv6, where narrow networks need many"
		}
		return written, fmt.Errorf("this list needs more than max_keys = %s access keys, most of them for source %q: %s", ascii.Count(l.maxKeys), source, hint)
	}
	if l.grow != nil {
		l.grow(need.room)
	}
	out := keyWriter{commentWriter: commentWriter{Writer: w}, written: &written}
	key.Walk(l.spans, l.taken, func(run key.Run) bool {
		out.run(run, onePerEntry(run.Spans, run.Action), l.taken)
		return true
	})
	return written, nil
}

// keyWriter writes access keys and counts them.
type keyWriter struct {
	commentWriter
	written *Written
	above   allowlist.Span // of the last comment
	line    keyLine
}

// run writes the keys of a run, which differ only in their last number, below the comments of the spans.
func (w *keyWriter) run(run key.Run, spans []allowlist.Span, taken func(netip.Prefix) bool) {
	w.line.begin(run)
	commented := false
	for i := range run.Count {
		if i > 0 {
			w.line.next()
		}
		if taken != nil && taken(key.Nth(run.First, i)) {
			w.written.Omitted = append(w.written.Omitted, allowlist.Entry{Prefix: key.Nth(run.First, i), Action: run.Action, Owners: spans[0].Entry().Owners})
			continue
		}
		if w.written.Entries == 0 {
			w.written.First = allowlist.Entry{Prefix: key.Nth(run.First, i), Action: run.Action}
		}
		if !commented || len(spans) > 1 {
			w.comment(spans)
			commented = true
		}
		w.Write(w.line.text)
		w.written.Entries++
	}
}

// keyLine is the line of a key of a run. It counts in its text, because most of the time of writing went into the same bytes
// of the keys before.
type keyLine struct {
	text       []byte
	head, last int // the number is text[head:last+1]
	number     uint64
	base       int
	value      string
}

func (l *keyLine) begin(run key.Run) {
	number, base := key.LastNumber(run.First)
	l.number, l.base, l.value = uint64(number), base, run.Action.String()
	l.text = key.Append(append(l.text[:0], key.Connect...), run.First)
	for l.head = len(l.text); l.text[l.head-1] != '.' && l.text[l.head-1] != ':'; {
		l.head--
	}
	l.write()
}

func (l *keyLine) write() {
	l.text = strconv.AppendUint(l.text[:l.head], l.number, l.base)
	l.last = len(l.text) - 1
	l.text = append(append(append(l.text, '\t'), l.value...), '\n')
}

func (l *keyLine) next() {
	l.number++
	if digit := &l.text[l.last]; *digit != '9' && *digit != 'f' {
		*digit++
		return
	}
	l.write()
}

// comment writes the provenance of the entries of a key, unless it is a single entry that the last comment names.
func (w *keyWriter) comment(spans []allowlist.Span) {
	if len(spans) > 1 || !sameEntry(spans[0], w.above) {
		for _, s := range spans {
			w.writeComment(s)
		}
	}
	w.above = spans[len(spans)-1]
}

// onePerEntry gives one span of each entry with the action, the longest prefix first, so that the comment right above a key
// names the widest prefix of the key.
func onePerEntry(spans []allowlist.Span, a allowlist.Action) []allowlist.Span {
	if len(spans) == 1 {
		return spans
	}
	seen := map[netip.Prefix]bool{}
	var chosen []allowlist.Span
	for _, s := range spans {
		if s.Action() == a && !seen[s.Prefix()] {
			seen[s.Prefix()] = true
			chosen = append(chosen, s)
		}
	}
	sort.SliceStable(chosen, func(i, j int) bool { return chosen[i].Prefix().Bits() > chosen[j].Prefix().Bits() })
	return chosen
}

// CountKeys gives the number of access keys that Write would write beside the Taken ones, whatever MaxKeys is. A format without
// a map needs none.
func (f Format) CountKeys(spans iter.Seq[allowlist.Span], want Selection) (n int64) {
	if !f.Map {
		return 0
	}
	return measure(list{spans: f.Selected(spans, want), taken: want.Taken, maxKeys: math.MaxInt64}).keys
}

// usualComment is the room for a comment, in bytes. A text whose comments need more grows while it is written.
const usualComment = 64

// size is how many keys a list needs, and about what their lines and comments take, in bytes. A short list can need more keys
// than an int holds on 32 bits.
type size struct {
	keys  int64
	room  int
	above allowlist.Span // of the last keys
}

func (z *size) add(first netip.Prefix, keys int, s allowlist.Span) {
	z.keys += int64(keys)
	z.room += keys * (key.MaxLen(first) + len("\tREJECT\n"))
	if !sameEntry(s, z.above) {
		z.room += usualComment
	}
	z.above = s
}

// measure stops once there are more keys than maxKeys.
func measure(l list) (z size) {
	key.Walk(l.spans, l.taken, func(run key.Run) bool {
		z.add(run.First, run.Count, run.Spans[0])
		return z.keys <= l.maxKeys
	})
	return z
}

// atMost is an upper bound of measure, in a tenth of the time: it counts the keys of each span by itself, and spans together
// may need fewer.
func atMost(l list) (z size) {
	var networks []netip.Prefix // of one span
	for s := range l.spans {
		networks = prefixes.AppendRange(networks[:0], s.From, s.To)
		for _, p := range networks {
			first, keys := key.Of(p)
			z.add(first, keys, s)
		}
		if z.keys > l.maxKeys {
			break
		}
	}
	return z
}

// neediest is the source with the most keys; ipv6: the list has some of that family.
func neediest(l list) (source string, ipv6 bool) {
	keys := map[string]int64{}
	key.Walk(l.spans, l.taken, func(run key.Run) bool {
		owner := onePerEntry(run.Spans, run.Action)[0].Source()
		if keys[owner] += int64(run.Count); keys[owner] > keys[source] {
			source = owner
		}
		ipv6 = run.First.Addr().Is6()
		return true
	})
	return source, ipv6
}

// CheckSendmail is an error, a *fault.AtLine, if a text has a line that mailallow does not write into an access file.
func CheckSendmail(text []byte) error {
	return readSendmail(ascii.Lines(text), false, func(allowlist.Entry) {})
}

// readSendmail reads the lines of a block, or of a whole file: an entry for each key. A key that is there twice is an error.
func readSendmail(text lines, owners bool, each func(allowlist.Entry)) error {
	above := comments{owners: owners}
	var last netip.Prefix
	var seen map[netip.Prefix]bool // nil while the keys are in order, which rules out a second one
	for i, line := range text {
		number := i + 1
		if len(line) == 0 || line[0] == '#' {
			if owners {
				above.read(string(line))
			}
			continue
		}
		above.end()
		e, err := readKeyLine(line)
		if err != nil {
			return &fault.AtLine{Line: number, Err: err}
		}
		if seen == nil && last.IsValid() && last.Compare(e.Prefix) >= 0 {
			seen = keysAbove(text, number)
		}
		if seen != nil {
			if seen[e.Prefix] {
				return fault.At(number, "repeats the key of a line above")
			}
			seen[e.Prefix] = true
		}
		last, e.Owners = e.Prefix, above.Owners
		each(e)
	}
	return nil
}

// keysAbove gives the keys before a line.
func keysAbove(text lines, end int) map[netip.Prefix]bool {
	above := map[netip.Prefix]bool{}
	for i, line := range text {
		if i+1 == end {
			break
		}
		if e, err := readKeyLine(line); err == nil {
			above[e.Prefix] = true
		}
	}
	return above
}

func readKeyLine(line []byte) (e allowlist.Entry, err error) {
	k, value, _ := bytes.Cut(line, []byte("\t"))
	address, tagged := bytes.CutPrefix(k, []byte(key.Connect))
	prefix, ok := key.Parse(string(address))
	if !tagged || !ok {
		return e, errors.New(ascii.Printable(string(k), 80) + ": not a key that mailallow writes")
	}
	for _, a := range Actions() {
		if string(value) == a.String() {
			return allowlist.Entry{Prefix: prefix, Action: a}, nil
		}
	}
	return e, errors.New(ascii.Printable(string(value), 80) + ": not a value that mailallow writes")
}

// OursSendmail reports whether a line of a block reads like one that mailallow writes: an entry, or the provenance of one.
func OursSendmail(line []byte) bool {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if bytes.HasPrefix(line, []byte("#")) {
		_, ok := readProvenance(string(line), false)
		return ok
	}
	_, err := readKeyLine(line)
	return err == nil
}
