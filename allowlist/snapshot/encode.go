package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/provenance"
)

// Encode writes the snapshot as JSON to w. The paths of a source are a tree, in which each step is written once, and the
// ranges are below their steps, one to a line and in the order of the paths. So the diff of two snapshots shows how the
// list changed. Decode takes every snapshot whose sources are within their Bounds.
func (s *Snapshot) Encode(w io.Writer) error {
	out := writer{Writer: bufio.NewWriterSize(w, 64<<10)}
	fmt.Fprintf(out, "{\"version\": %d, ", version) // errors come with Flush
	if !s.Written.IsZero() {
		fmt.Fprintf(out, "\"time\": %s, ", encode(s.Written))
	}
	out.WriteString("\"sources\": [")
	for i, src := range s.Sources {
		out.WriteString(comma(i) + "\n {")
		out.head(src)
		out.paths(src.Ranges)
		out.WriteByte('}')
	}
	out.WriteString("]}\n")
	return out.Flush()
}

// head writes the members before the ranges of a source.
func (w *writer) head(src Source) {
	fmt.Fprintf(w, "\"name\": %s, \"definition\": %s, ", encode(src.Name), encode(src.Definition))
	if !src.Time.IsZero() {
		fmt.Fprintf(w, "\"time\": %s, ", encode(src.Time))
	}
	if src.Status != "" {
		fmt.Fprintf(w, "\"status\": %s, ", encode(src.Status))
	}
	if src.Validator != nil {
		fmt.Fprintf(w, "\"validator\": %s, ", encode(src.Validator))
	}
	if len(src.Reasons) > 0 {
		w.WriteString("\"reasons\": [")
		for i, reason := range src.Reasons {
			fmt.Fprintf(w, "%s\n  %s", comma(i), encode(reason))
		}
		w.WriteString("],\n  ")
	}
	if p := src.Refused; p != nil {
		fmt.Fprintf(w, "\"refused\": {\"digest\": %s, \"networks\": %d, \"ipv4_addresses\": %d", encode(p.Digest), p.Ranges, p.IPv4Addresses)
		w.networks("came", p.Came)
		w.networks("gone", p.Gone)
		w.WriteString("},\n  ")
	}
}

func (w *writer) networks(name string, networks []netip.Prefix) {
	fmt.Fprintf(w, ",\n   \"%s\": [", name)
	for i, p := range networks[:min(len(networks), guard.MaxChange)] {
		fmt.Fprintf(w, "%s\n    \"%s\"", comma(i), p)
	}
	w.WriteByte(']')
}

// Bytes gives the text that Encode writes.
func (s *Snapshot) Bytes() ([]byte, error) {
	var text bytes.Buffer
	err := s.Encode(&text)
	return text.Bytes(), err
}

// writer writes the tree of the paths of a source.
type writer struct {
	*bufio.Writer
	open  []branch           // the steps of the last range; the first is the tree
	steps []*provenance.Path // room for one
}

// branch is a step whose object is not closed yet.
type branch struct {
	path *provenance.Path
	list string // the member whose array is open, or empty
}

func (w *writer) paths(ranges allowlist.Ranges) {
	w.WriteString("\"paths\": [") // errors come with Flush
	w.open = append(w.open[:0], branch{})
	for network, at := range ranges.ByPath() {
		w.enter(at.Path)
		if at.Line > 0 {
			w.item("lines")
			b := strconv.AppendUint(append(w.AvailableBuffer(), `{"line": `...), uint64(at.Line), 10)
			w.Write(append(network.AppendTo(append(b, `, "prefix": "`...)), `"}`...))
		} else {
			w.item("ranges")
			w.Write(append(network.AppendTo(append(w.AvailableBuffer(), '"')), '"'))
		}
	}
	w.leave(1)
	w.WriteByte(']')
}

// enter closes the steps that path does not have and opens those that it has below them.
func (w *writer) enter(path *provenance.Path) {
	last := w.open[len(w.open)-1].path
	if path == last {
		return
	}
	steps, shared := append(w.steps[:0], path), len(w.open)-2
	w.steps = steps
	if last == nil || path.Above() != last.Above() || path.Step() == last.Step() { // most are neighbours
		steps, shared = path.Nodes(), 0
		for shared < min(len(steps), len(w.open)-1) && steps[shared].Step() == w.open[shared+1].path.Step() {
			shared++
		}
		steps = steps[shared:]
	}
	w.leave(shared + 1)
	for _, step := range steps {
		w.item("steps")
		w.WriteString("{\"step\": ")
		w.text(step.Step())
		w.open = append(w.open, branch{path: step})
	}
}

// leave closes the steps from the number depth on.
func (w *writer) leave(depth int) {
	for ; len(w.open) > depth; w.open = w.open[:len(w.open)-1] {
		w.WriteString("]}") // each step leads to a range, so one of its arrays is open
	}
}

// item begins an element of an array of the step that is open. Each has a line of its own, but for the first range.
func (w *writer) item(list string) {
	in := &w.open[len(w.open)-1]
	first := in.list != list
	switch {
	case !first:
		w.WriteByte(',')
	case in.path == nil:
	default:
		if in.list != "" {
			w.WriteByte(']')
		}
		w.WriteString(", ")
		w.text(list)
		w.WriteString(": [")
	}
	if in.list = list; !first || list != "ranges" {
		const indent = "                    " // deeper steps stay in its column
		w.WriteString("\n ")
		w.WriteString(indent[:min(len(w.open), len(indent))])
	}
}

func (w *writer) text(s string) {
	if !needsEscapes(s) { // as most do not
		w.WriteByte('"')
		w.WriteString(s)
		w.WriteByte('"')
		return
	}
	w.Write(encode(s))
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// encode gives JSON without escapes for HTML: ">" in a path is easier to review
// than its code.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("snapshot: a snapshot value has no JSON form: " + err.Error()) // strings and times have one
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func needsEscapes(s string) bool { return strings.IndexFunc(s, escaped) >= 0 }

// escaped reports whether a character may have an escape in JSON.
func escaped(r rune) bool { return r < ' ' || '~' < r || r == '"' || r == '\\' }
