package accessmap

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"

	"mailallow/allowlist"
)

// connectTag stands before every key of ours. An untagged key also matches a
// forged sender domain where delay_checks is configured (docs/facts.md 3).
const connectTag = "Connect:"

// ipv6Tag is the family that stands behind the tag (docs/facts.md 2).
const ipv6Tag = "IPv6:"

// writeSendmail writes the fewest access keys that say what the list says, each
// below the comment of the prefix it stands for. Keys that a person has written
// are left out. The keys are counted before the first is written.
func writeSendmail(w io.Writer, l list) (written Written, err error) {
	trees := keyTrees(slices.Collect(l.spans))
	if n := countKeys(trees, l); n > l.maxKeys {
		hint := "raise max_keys, or leave that source out"
		if trees[len(trees)-1].spans[0].From.Is6() {
			hint = "families = [\"ipv4\"] leaves out IPv6, where narrow networks need many"
		}
		return written, fmt.Errorf("this list needs more than max_keys = %d access keys, most of them for source %q: %s", l.maxKeys, neediest(trees, l), hint)
	}
	out := keyWriter{Writer: bufio.NewWriterSize(w, outBuffer), written: &written}
	for _, tree := range trees {
		out.above = netip.Prefix{}
		tree.walk(l.taken, func(run keyRun) bool {
			out.run(run, speakers(tree.spans[run.lo:run.hi], run.action), l.taken)
			return true
		})
	}
	return written, out.Flush()
}

// keyWriter writes access keys and notes what was written. Errors come with Flush.
type keyWriter struct {
	*bufio.Writer
	written *Written
	above   netip.Prefix // of the entry whose comment is the last one
	head    []byte       // what the keys of a run have in common
}

// run writes the keys of a run, below the comments of the spans it speaks for.
// They differ in their last number alone.
func (w *keyWriter) run(run keyRun, spans []allowlist.Span, taken func(netip.Prefix) bool) {
	number, base := lastNumber(run.first)
	w.head = appendKey(append(w.head[:0], connectTag...), run.first)
	w.head = w.head[:1+bytes.LastIndexAny(w.head, ".:")]
	tail := "\t" + run.action.String() + "\n"
	said, last := false, -1
	for i := range run.count {
		if taken != nil && taken(nthKey(run.first, i)) {
			w.written.Left = append(w.written.Left, allowlist.Entry{Prefix: nthKey(run.first, i), Action: run.action, Owners: spans[0].Entry().Owners})
			continue
		}
		if w.written.Entries == 0 {
			w.written.First = allowlist.Entry{Prefix: nthKey(run.first, i), Action: run.action}
		}
		if !said || len(spans) > 1 {
			w.comment(spans)
			said = true
		}
		line := strconv.AppendUint(append(w.AvailableBuffer(), w.head...), uint64(number+i), base)
		w.Write(append(line, tail...))
		w.written.Entries++
		last = i
	}
	if last >= 0 {
		w.written.Last = nthKey(run.first, last)
	}
}

// lastNumber is the last octet or group of a key, and the base that it is written
// in; the key of a family alone has none.
func lastNumber(key netip.Prefix) (number, base int) {
	b := key.Addr().AsSlice()
	at := key.Bits() / 8
	switch {
	case at == 0:
		return 0, 10
	case key.Addr().Is4():
		return int(b[at-1]), 10
	}
	return int(b[at-2])<<8 | int(b[at-1]), 16
}

// nthKey is the key of that number among those from first on that differ from it
// in the last octet or group alone.
func nthKey(first netip.Prefix, number int) netip.Prefix {
	at := first.Bits() / 8
	switch {
	case number == 0:
		return first
	case first.Addr().Is4():
		b := first.Addr().As4()
		b[at-1] += byte(number)
		return netip.PrefixFrom(netip.AddrFrom4(b), first.Bits())
	}
	b := first.Addr().As16()
	group := int(b[at-2])<<8 | int(b[at-1]) + number
	b[at-2], b[at-1] = byte(group>>8), byte(group)
	return netip.PrefixFrom(netip.AddrFrom16(b), first.Bits())
}

// comment names the entries that a key stands for, unless there is one and its
// comment is the one above.
func (w *keyWriter) comment(spans []allowlist.Span) {
	if len(spans) > 1 || spans[0].Prefix() != w.above {
		for _, s := range spans {
			w.WriteString(provenance(s.Entry()) + "\n")
		}
	}
	w.above = spans[len(spans)-1].Prefix()
}

// speakers gives a span of each entry of an action: the longest first, so that the
// comment right above a key is of the widest prefix it stands for.
func speakers(spans []allowlist.Span, a allowlist.Action) []allowlist.Span {
	if len(spans) == 1 {
		return spans
	}
	seen := map[netip.Prefix]bool{}
	var speak []allowlist.Span
	for _, s := range spans {
		if s.Action() == a && !seen[s.Prefix()] {
			seen[s.Prefix()] = true
			speak = append(speak, s)
		}
	}
	slices.SortStableFunc(speak, func(a, b allowlist.Span) int { return cmp.Compare(b.Prefix().Bits(), a.Prefix().Bits()) })
	return speak
}

func keyTrees(spans []allowlist.Span) (trees []*keyTree) {
	v6 := slices.IndexFunc(spans, func(s allowlist.Span) bool { return s.From.Is6() })
	if v6 < 0 {
		v6 = len(spans)
	}
	for _, family := range [][]allowlist.Span{spans[:v6], spans[v6:]} {
		if len(family) > 0 {
			trees = append(trees, newKeyTree(family))
		}
	}
	return trees
}

// countKeys counts up to just past the limit.
func countKeys(trees []*keyTree, l list) (n int) {
	for _, tree := range trees {
		tree.walk(l.taken, func(run keyRun) bool {
			n += run.count
			return n <= l.maxKeys
		})
	}
	return n
}

// appendKey writes the address part of a key: octets, or "IPv6:" and 16-bit
// groups in lower case hex without leading zeros. key ends on such a boundary.
func appendKey(b []byte, key netip.Prefix) []byte {
	if key.Addr().Is4() {
		octets := key.Addr().As4()
		for i := range key.Bits() / 8 {
			if i > 0 {
				b = append(b, '.')
			}
			b = strconv.AppendUint(b, uint64(octets[i]), 10)
		}
		return b
	}
	b = append(b, ipv6Tag...)
	bytes := key.Addr().As16()
	for i := range key.Bits() / 16 {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(bytes[2*i])<<8|uint64(bytes[2*i+1]), 16)
	}
	return b
}

// neediest is the source that most keys are for: no other is updated until something is done about it.
func neediest(trees []*keyTree, l list) (source string) {
	keys := map[string]int{}
	for _, tree := range trees {
		tree.walk(l.taken, func(run keyRun) bool {
			owner := speakers(tree.spans[run.lo:run.hi], run.action)[0].Entry().Owners[0].Source
			if keys[owner] += run.count; keys[owner] > keys[source] {
				source = owner
			}
			return true
		})
	}
	return source
}
