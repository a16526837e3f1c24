package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// Encode writes the snapshot as JSON to w. The paths of a source are a tree, in which each step is written once, and the
// ranges are below their steps, one to a line and in the order of the paths. So the diff of two snapshots shows how the
// list changed. Decode takes every snapshot whose sources are within their Bounds.
func (s *Snapshot) Encode(w io.Writer) error {
	out := writer{Writer: bufio.NewWriterSize(w, 64<<10)}
	fmt.Fprintf(out, "{\"version\": %d, \"sources\": [", version) // errors come with Flush
	for i, src := range s.Sources {
		fmt.Fprintf(out, "%s\n {\"name\": %s, \"definition\": %s, \"time\": %s, ",
			comma(i), encode(src.Name), encode(src.Definition), encode(src.Time))
		if src.Validator != nil {
			fmt.Fprintf(out, "\"validator\": %s, ", encode(src.Validator))
		}
		out.paths(src.Ranges)
		out.WriteByte('}')
	}
	out.WriteString("]}\n")
	return out.Flush()
}

// Bytes gives the text that Encode writes, for callers that install it with other files.
func (s *Snapshot) Bytes() ([]byte, error) {
	size := &counter{Writer: io.Discard}
	if err := s.Encode(size); err != nil {
		return nil, err
	}
	text := bytes.NewBuffer(make([]byte, 0, size.bytes)) // it never grows, so there is no second copy
	err := s.Encode(text)
	return text.Bytes(), err
}

// counter counts the bytes on their way.
type counter struct {
	io.Writer
	bytes int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.bytes += int64(n)
	return n, err
}

// writer writes the tree of the paths of a source.
type writer struct {
	*bufio.Writer
	open []branch // the steps of the last range; the first is the tree
}

// branch is a step whose object is not closed yet.
type branch struct {
	path *provenance.Path
	list string // the member whose array is open, or empty
}

func (w *writer) paths(ranges allowlist.Ranges) {
	w.WriteString("\"paths\": [") // errors come with Flush
	w.open = append(w.open[:0], branch{})
	for r := range ranges.ByPath() {
		if list, line := r.Path.Line(); line > 0 {
			w.enter(list)
			w.item("lines")
			fmt.Fprintf(w, "{\"line\": %d, \"prefix\": \"%s\"}", line, r.Prefix)
		} else {
			w.enter(r.Path)
			w.item("ranges")
			w.Write(append(r.Prefix.AppendTo(append(w.AvailableBuffer(), '"')), '"'))
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
	steps, shared := []*provenance.Path{path}, len(w.open)-2
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
		w.Write(encode(step.Step()))
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
	case in.list != "":
		fmt.Fprintf(w, "], \"%s\": [", list)
	default:
		fmt.Fprintf(w, ", \"%s\": [", list)
	}
	if in.list = list; !first || list != "ranges" {
		const deepest = 20 // columns; deeper steps stay there
		w.WriteString("\n " + strings.Repeat(" ", min(len(w.open), deepest)))
	}
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
