package format

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"iter"
	"math"
	"net/netip"
	"slices"
	"strconv"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
)

// writeSendmail writes the fewest access keys that say what the list says, each
// below the comment of the prefix it stands for. Keys that a person has written
// are left out. The keys are counted before the first is written.
func writeSendmail(w io.Writer, l list) (written Written, err error) {
	trees := keyTrees(slices.Collect(l.spans))
	if n := countKeys(trees, l); n > l.maxKeys {
		hint := "raise max_keys, or leave that source out"
		if trees[len(trees)-1].Spans[0].From.Is6() {
			hint = "families = [\"ipv4\"] leaves out IPv6, where narrow networks need many"
		}
		return written, fmt.Errorf("this list needs more than max_keys = %d access keys, most of them for source %q: %s", l.maxKeys, neediest(trees, l), hint)
	}
	out := keyWriter{Writer: bufio.NewWriterSize(w, outBuffer), written: &written}
	for _, tree := range trees {
		out.above = netip.Prefix{}
		tree.Walk(l.taken, func(run key.Run) bool {
			out.run(run, speakers(tree.Spans[run.Lo:run.Hi], run.Action), l.taken)
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
func (w *keyWriter) run(run key.Run, spans []allowlist.Span, taken func(netip.Prefix) bool) {
	number, base := key.LastNumber(run.First)
	w.head = key.Append(append(w.head[:0], key.Connect...), run.First)
	w.head = w.head[:1+bytes.LastIndexAny(w.head, ".:")]
	tail := "\t" + run.Action.String() + "\n"
	said, last := false, -1
	for i := range run.Count {
		if taken != nil && taken(key.Nth(run.First, i)) {
			w.written.Left = append(w.written.Left, allowlist.Entry{Prefix: key.Nth(run.First, i), Action: run.Action, Owners: spans[0].Entry().Owners})
			continue
		}
		if w.written.Entries == 0 {
			w.written.First = allowlist.Entry{Prefix: key.Nth(run.First, i), Action: run.Action}
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
		w.written.Last = key.Nth(run.First, last)
	}
}

// comment names the entries that a key stands for, unless there is one and its
// comment is the one above.
func (w *keyWriter) comment(spans []allowlist.Span) {
	if len(spans) > 1 || spans[0].Prefix() != w.above {
		for _, s := range spans {
			w.WriteString(commentOf(s.Entry()) + "\n")
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

func keyTrees(spans []allowlist.Span) (trees []*key.Tree) {
	v6 := slices.IndexFunc(spans, func(s allowlist.Span) bool { return s.From.Is6() })
	if v6 < 0 {
		v6 = len(spans)
	}
	for _, family := range [][]allowlist.Span{spans[:v6], spans[v6:]} {
		if len(family) > 0 {
			trees = append(trees, key.NewTree(family))
		}
	}
	return trees
}

// CountKeys gives the number of access keys that Write would write, whatever MaxKeys is. A format without a map needs none.
func (f Format) CountKeys(spans iter.Seq[allowlist.Span], want Selection) (n int) {
	if !f.Map {
		return 0
	}
	return countKeys(keyTrees(slices.Collect(f.Selected(spans, want))), list{maxKeys: math.MaxInt})
}

// countKeys counts up to just past the limit.
func countKeys(trees []*key.Tree, l list) (n int) {
	for _, tree := range trees {
		tree.Walk(l.taken, func(run key.Run) bool {
			n += run.Count
			return n <= l.maxKeys
		})
	}
	return n
}

// neediest is the source that most keys are for: no other is updated until something is done about it.
func neediest(trees []*key.Tree, l list) (source string) {
	keys := map[string]int{}
	for _, tree := range trees {
		tree.Walk(l.taken, func(run key.Run) bool {
			owner := speakers(tree.Spans[run.Lo:run.Hi], run.Action)[0].Entry().Owners[0].Source
			if keys[owner] += run.Count; keys[owner] > keys[source] {
				source = owner
			}
			return true
		})
	}
	return source
}
