package accessmap

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mailallow/allowlist"

	"mailallow/allowlist/ascii"
)

// connectTag stands before every key of ours. An untagged key also matches a
// forged sender domain where delay_checks is configured (facts.md 3).
const connectTag = "Connect:"

// ipv6Tag is the family that stands behind the tag (facts.md 2).
const ipv6Tag = "IPv6:"

// writeSendmail writes the fewest access keys that say what the list says, each
// below the comment of the prefix it stands for. Keys that a person has written
// are left out. The keys are counted before the first is written.
func writeSendmail(w io.Writer, l list) (written Written, err error) {
	trees := keyTrees(l.spans)
	if n := countKeys(trees, l); n > l.maxKeys {
		hint := "raise max_keys, or leave that source out"
		if l.spans[len(l.spans)-1].From.Is6() {
			hint = "families = [\"ipv4\"] leaves out IPv6, where narrow networks need many"
		}
		return written, fmt.Errorf("this list needs more than max_keys = %d access keys, most of them for source %q: %s", l.maxKeys, neediest(trees, l), hint)
	}
	out := bufio.NewWriter(w)
	for _, tree := range trees {
		var last *allowlist.Entry
		var line []byte
		tree.walk(l.taken, func(run keyRun) bool {
			entries := entriesOf(tree.spans[run.lo:run.hi], run.action)
			key := run.first
			for range run.count {
				if l.taken(key) {
					written.Left = append(written.Left, allowlist.Entry{Prefix: key, Action: run.action, Owners: entries[0].Owners})
				} else {
					last = writeComments(out, entries, last)
					line = append(appendKey(append(line[:0], connectTag...), key), '\t')
					line = append(append(line, run.action.String()...), '\n')
					out.Write(line) // its error comes with Flush
					written.Entries++
				}
				key = nextKey(key)
			}
			return true
		})
	}
	return written, out.Flush()
}

// entriesOf gives the entries of an action, each once: the longest first, so that
// the comment right above a key is of the widest prefix it stands for.
func entriesOf(spans []allowlist.Span, a allowlist.Action) (entries []*allowlist.Entry) {
	seen := map[*allowlist.Entry]bool{}
	for _, s := range spans {
		if s.Action() == a && !seen[s.Entry] {
			seen[s.Entry] = true
			entries = append(entries, s.Entry)
		}
	}
	slices.SortStableFunc(entries, func(a, b *allowlist.Entry) int { return cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()) })
	return entries
}

// writeComments names the entries that a key stands for, unless there is one and
// its comment is the one above. It returns the entry that is above now.
func writeComments(out *bufio.Writer, entries []*allowlist.Entry, above *allowlist.Entry) *allowlist.Entry {
	if len(entries) > 1 || entries[0] != above {
		for _, e := range entries {
			out.WriteString(provenance(e)) // its error comes with Flush
			out.WriteByte('\n')
		}
	}
	return entries[len(entries)-1]
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

// nextKey is the key of the same length behind this one; behind the last of the
// family it is no prefix.
func nextKey(key netip.Prefix) netip.Prefix {
	if key.Addr().Is4() {
		octets := key.Addr().As4()
		if !increment(octets[:key.Bits()/8]) {
			return netip.Prefix{}
		}
		return netip.PrefixFrom(netip.AddrFrom4(octets), key.Bits())
	}
	bytes := key.Addr().As16()
	if !increment(bytes[:key.Bits()/8]) {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(netip.AddrFrom16(bytes), key.Bits())
}

func increment(bytes []byte) bool {
	for i := len(bytes) - 1; i >= 0; i-- {
		if bytes[i]++; bytes[i] != 0 {
			return true
		}
	}
	return false
}

// parseKey reads the address part of a key as Sendmail would match it. ok is
// false for what can never match an address: CIDR, leading zeros, "::", a host
// name (facts.md 1 and 2). Letters are folded, as makemap does.
func parseKey(key string) (p netip.Prefix, ok bool) {
	key = strings.ToLower(key)
	if groups, is6 := strings.CutPrefix(key, strings.ToLower(ipv6Tag)); is6 {
		var b [16]byte
		n := parseParts(groups, ":", 16, func(i int, v uint64) { b[2*i], b[2*i+1] = byte(v>>8), byte(v) }, 8, 1<<16)
		return netip.PrefixFrom(netip.AddrFrom16(b), 16*n), n > 0
	}
	var b [4]byte
	n := parseParts(key, ".", 10, func(i int, v uint64) { b[i] = byte(v) }, 4, 1<<8)
	return netip.PrefixFrom(netip.AddrFrom4(b), 8*n), n > 0
}

// parseParts reads up to most numbers below bound, written the one way Sendmail
// writes them; it returns how many, or 0 when the text is anything else.
func parseParts(s, sep string, base int, set func(int, uint64), most int, bound uint64) int {
	parts := strings.Split(s, sep)
	if len(parts) > most {
		return 0
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, base, 32)
		if err != nil || v >= bound || strconv.FormatUint(v, base) != part {
			return 0
		}
		set(i, v)
	}
	return len(parts)
}

// readSendmail reads a block, an entry a key.
func readSendmail(text []byte) ([]allowlist.Entry, error) {
	var entries []allowlist.Entry
	seen := map[netip.Prefix]int{}
	var above comments
	for i, raw := range lines(text) {
		line := string(raw)
		if above.read(line) {
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, _ := strings.Cut(line, "\t")
		address, tagged := strings.CutPrefix(key, connectTag)
		prefix, ok := parseKey(address)
		if !tagged || !ok {
			return nil, fmt.Errorf("line %d: %s: no key that mailallow writes", i+1, ascii.Printable(key, 80))
		}
		action, err := allowlist.ParseAction(value)
		if err != nil || action == allowlist.Exclude {
			return nil, fmt.Errorf("line %d: %s: no value that mailallow writes", i+1, ascii.Printable(value, 80))
		}
		if before, twice := seen[prefix]; twice {
			return nil, fmt.Errorf("line %d: the key of line %d again", i+1, before)
		}
		seen[prefix] = i + 1
		entries = append(entries, allowlist.Entry{Prefix: prefix, Action: action, Owners: above.Owners})
	}
	return entries, nil
}

// neediest is the source that most keys are for: no other is updated until something is done about it.
func neediest(trees []*keyTree, l list) (source string) {
	keys := map[string]int{}
	for _, tree := range trees {
		tree.walk(l.taken, func(run keyRun) bool {
			owner := entriesOf(tree.spans[run.lo:run.hi], run.action)[0].Owners[0].Source
			if keys[owner] += run.count; keys[owner] > keys[source] {
				source = owner
			}
			return true
		})
	}
	return source
}
