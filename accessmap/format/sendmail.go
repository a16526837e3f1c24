package format

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
)

// writeSendmail writes the fewest access keys for the list, below comments with the provenance of their prefixes. It leaves
// out taken keys. It counts the keys before it writes the first.
func writeSendmail(w *bufio.Writer, l list) (written Written, err error) {
	trees := keyTrees(slices.Collect(l.spans))
	if n := countKeys(trees, l); n > l.maxKeys {
		hint := "raise max_keys, or leave that source out"
		if trees[len(trees)-1].Spans[0].From.Is6() {
			hint = "families = [\"ipv4\"] leaves out IPv6, where narrow networks need many"
		}
		return written, fmt.Errorf("this list needs more than max_keys = %d access keys, most of them for source %q: %s", l.maxKeys, neediest(trees, l), hint)
	}
	out := keyWriter{Writer: w, written: &written}
	for _, tree := range trees {
		out.above = netip.Prefix{}
		tree.Walk(l.taken, func(run key.Run) bool {
			out.run(run, onePerEntry(tree.Spans[run.Lo:run.Hi], run.Action), l.taken)
			return true
		})
	}
	return written, nil
}

// keyWriter writes access keys and counts them.
type keyWriter struct {
	*bufio.Writer
	written *Written
	above   netip.Prefix // of the last comment
	head    []byte       // the common part of the keys of a run
}

// run writes the keys of a run, which differ only in their last number, below the comments of the spans.
func (w *keyWriter) run(run key.Run, spans []allowlist.Span, taken func(netip.Prefix) bool) {
	number, base := key.LastNumber(run.First)
	w.head = key.Append(append(w.head[:0], key.Connect...), run.First)
	w.head = w.head[:1+bytes.LastIndexAny(w.head, ".:")]
	tail := "\t" + run.Action.String() + "\n"
	commented := false
	for i := range run.Count {
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
		line := strconv.AppendUint(append(w.AvailableBuffer(), w.head...), uint64(number+i), base)
		w.Write(append(line, tail...))
		w.written.Entries++
	}
}

// comment writes the provenance of the entries of a key, unless it is a single entry that the last comment names.
func (w *keyWriter) comment(spans []allowlist.Span) {
	if len(spans) > 1 || spans[0].Prefix() != w.above {
		for _, s := range spans {
			w.WriteString(commentOf(s.Entry()) + "\n")
		}
	}
	w.above = spans[len(spans)-1].Prefix()
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
	slices.SortStableFunc(chosen, func(a, b allowlist.Span) int { return cmp.Compare(b.Prefix().Bits(), a.Prefix().Bits()) })
	return chosen
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

// CountKeys gives the number of access keys that Write would write beside the Taken ones, whatever MaxKeys is. A format without
// a map needs none.
func (f Format) CountKeys(spans iter.Seq[allowlist.Span], want Selection) (n int) {
	if !f.Map {
		return 0
	}
	return countKeys(keyTrees(slices.Collect(f.Selected(spans, want))), list{taken: want.Taken, maxKeys: math.MaxInt})
}

// countKeys counts the keys and stops once there are more than maxKeys.
func countKeys(trees []*key.Tree, l list) (n int) {
	for _, tree := range trees {
		tree.Walk(l.taken, func(run key.Run) bool {
			n += run.Count
			return n <= l.maxKeys
		})
	}
	return n
}

// neediest is the source with the most keys.
func neediest(trees []*key.Tree, l list) (source string) {
	keys := map[string]int{}
	for _, tree := range trees {
		tree.Walk(l.taken, func(run key.Run) bool {
			owner := onePerEntry(tree.Spans[run.Lo:run.Hi], run.Action)[0].Entry().Owners[0].Source
			if keys[owner] += run.Count; keys[owner] > keys[source] {
				source = owner
			}
			return true
		})
	}
	return source
}

// ReadSendmail reads the lines of a block, or of a whole file, that mailallow wrote: an entry for each key. Any other line,
// and a key that is there twice, is a *fault.AtLine.
func ReadSendmail(text []byte) ([]allowlist.Entry, error) {
	entries := make([]allowlist.Entry, 0, bytes.Count(text, []byte("\n")))
	lines := make([]int, 0, cap(entries)) // of the entries
	var seen map[netip.Prefix]int         // lines by key; nil while the keys are in order, which rules out a second one
	var above comments
	for i, rest := 1, text; len(rest) > 0; i++ {
		var raw []byte
		raw, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(raw) == 0 || raw[0] == '#' {
			above.read(string(raw))
			continue
		}
		above.last = false
		e, err := readKeyLine(string(raw))
		if err != nil {
			return nil, &fault.AtLine{Line: i, Err: err}
		}
		if n := len(entries); seen == nil && n > 0 && entries[n-1].Prefix.Compare(e.Prefix) >= 0 {
			seen = make(map[netip.Prefix]int, n)
			for k, before := range entries {
				seen[before.Prefix] = lines[k]
			}
		}
		if seen != nil {
			if before, twice := seen[e.Prefix]; twice {
				return nil, fault.At(i, "repeats the key of line %d", before)
			}
			seen[e.Prefix] = i
		}
		e.Owners = above.Owners
		entries, lines = append(entries, e), append(lines, i)
	}
	return slices.Clip(entries), nil
}

func readKeyLine(line string) (e allowlist.Entry, err error) {
	k, value, _ := strings.Cut(line, "\t")
	address, tagged := strings.CutPrefix(k, key.Connect)
	prefix, ok := key.Parse(address)
	if !tagged || !ok {
		return e, errors.New(ascii.Printable(k, 80) + ": not a key that mailallow writes")
	}
	action, err := allowlist.ParseAction(value)
	if err != nil || action == allowlist.Exclude {
		return e, errors.New(ascii.Printable(value, 80) + ": not a value that mailallow writes")
	}
	return allowlist.Entry{Prefix: prefix, Action: action}, nil
}

// OursSendmail reports whether a line of a block reads like one that mailallow writes: an entry, or the provenance of one.
func OursSendmail(line string) bool {
	line = strings.TrimSuffix(line, "\n")
	if strings.HasPrefix(line, "#") {
		_, ok := readProvenance(line)
		return ok
	}
	_, err := readKeyLine(line)
	return err == nil
}
