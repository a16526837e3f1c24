package snapshot

import (
	"bytes"
	"net/netip"
	"strconv"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// ahead gives the beginning of the next element of an array, as far as it is in memory. Lists are long, and token by token an
// element takes several times as long as one that is found to be as Encode writes it, and skipped.
func (r *reader) ahead() []byte {
	n, _ := r.dec.Buffered().Read(r.next[:])
	return bytes.TrimLeft(r.next[:n], ", \n")
}

// skip passes over the next element of an array, whose range is known.
func (r *reader) skip(src *decoded, one allowlist.Range) error {
	if err := r.dec.Decode(&r.skipped); err != nil {
		return err
	}
	return r.add(src, one)
}

// writtenLine reads a line as Encode writes it, at the beginning of text.
func writtenLine(text []byte, list *provenance.Path) (one allowlist.Range, ok bool) {
	number, text, first := between(text, `{"line": `, `, "prefix": "`)
	prefix, _, second := between(text, ``, `"}`)
	if !first || !second {
		return one, false
	}
	line, err := strconv.ParseUint(string(number), 10, 32)
	if err != nil || line == 0 || line > prefixes.MaxLabel {
		return one, false
	}
	one = allowlist.Range{Path: list.AtLine(uint32(line))}
	one.Prefix, err = netip.ParsePrefix(string(prefix))
	return one, err == nil
}

// writtenStep reads a step with one range and nothing below it as Encode writes it, at the beginning of text.
func writtenStep(text []byte, above *provenance.Path) (one allowlist.Range, ok bool) {
	step, text, first := between(text, `{"step": "`, `", "ranges": ["`)
	prefix, _, second := between(text, ``, `"]}`)
	if !first || !second || bytes.ContainsFunc(step, escaped) {
		return one, false
	}
	one.Path = above.Then(string(step))
	var err error
	one.Prefix, err = netip.ParsePrefix(string(prefix))
	return one, err == nil
}

// between gives what is between two words of a text that begins with the first, and what is behind the second.
func between(text []byte, begin, end string) (within, rest []byte, ok bool) {
	text, begins := bytes.CutPrefix(text, []byte(begin))
	within, rest, ends := bytes.Cut(text, []byte(end))
	return within, rest, begins && ends
}
