package format

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

type jsonNetwork struct {
	Prefix netip.Prefix     `json:"prefix"`
	Action allowlist.Action `json:"action"`
}

type jsonEntry struct {
	jsonNetwork
	Sources []jsonOwner `json:"sources"`
}

type jsonOwner struct {
	Name  string   `json:"name"`
	Paths []string `json:"paths"` // as many as firstPaths gives
}

const (
	// maxJSONSources bounds the sources of an entry on one line, in bytes. The prefix and the action before them are shorter
	// than the other 100.
	maxJSONSources = maxLine - 100
	// maxJSONString bounds a name or a path on a line of its own, in bytes with its quotes. Names in a configuration are
	// shorter; a path can be cut.
	maxJSONString = maxLine - 24
	// maxJSONPaths bounds the paths of a source in an entry together, in bytes; one alone is shorter. An entry can have 120,000
	// paths, and others can divide it into as many networks, each of which would repeat them all.
	maxJSONPaths = 2 * maxLine
)

// writeJSON writes disjoint networks with their action and all owners:
// {"version":1,"entries":[{"prefix","action","sources"}]}. Each is on one line, unless its sources are too long: then each
// name and each path has a line. "more" counts the paths of a source that are left out.
func writeJSON(out *bufio.Writer, l list) (written Written, err error) {
	out.WriteString(`{"version": 1, "entries": [`)
	separator := "\n "
	var networks []netip.Prefix // of one span
	for s := range l.spans {
		owners := s.Entry().Owners
		sources := sourcesJSON(owners, "", "")
		if len(sources) > maxJSONSources {
			sources = sourcesJSON(owners, "\n  ", "\n   ")
		}
		networks = prefixes.AppendRange(networks[:0], s.From, s.To)
		for _, p := range networks {
			fmt.Fprintf(out, "%s{\"prefix\":\"%s\",\"action\":\"%s\",\"sources\":[%s]}\n", separator, p, s.Action(), sources)
			separator = ","
			written.Entries++
		}
	}
	out.WriteString("]}\n")
	return written, nil
}

func sourcesJSON(owners []allowlist.Owner, beforeSource, beforePath string) string {
	var b strings.Builder
	for i, o := range owners {
		if i > 0 {
			b.WriteByte(',')
		}
		paths, more := firstPaths(o.Paths)
		b.WriteString(beforeSource + `{"name":` + cutJSON(o.Source) + `,"paths":[` + beforePath + strings.Join(paths, ","+beforePath) + "]")
		if more > 0 {
			fmt.Fprintf(&b, `,"more":%d`, more)
		}
		b.WriteByte('}')
	}
	return b.String()
}

// firstPaths gives paths as JSON, up to maxJSONPaths, and how many more there are.
func firstPaths(all []*provenance.Path) (first []string, more int) {
	length := 0
	for i, path := range all {
		text := cutJSON(path.String())
		if length += len(text); length > maxJSONPaths {
			return first, len(all) - i
		}
		first = append(first, text)
	}
	return first, 0
}

// cutJSON gives a string as JSON in printable ASCII. One longer than maxJSONString is cut between characters and ends in
// "...".
func cutJSON(s string) string {
	const quotes, mark = 2, "..."
	if quoted := quoteJSON(s); len(quoted) <= maxJSONString {
		return quoted
	}
	length, end := quotes, 0 // of s[:i] as JSON; of the longest part of s that fits with the mark
	for i, r := range s {
		if length+len(mark) <= maxJSONString {
			end = i
		}
		if length += len(quoteJSON(string(r))) - quotes; length > maxJSONString {
			break
		}
	}
	return quoteJSON(s[:end] + mark)
}

func quoteJSON(s string) string {
	text, _ := ascii.JSON(s) // cannot fail for a string
	return string(text)
}

// readJSON goes through the lines twice, so that the text takes no more room than its length.
func readJSON(lines lines, owners bool, each func(allowlist.Entry)) error {
	length := 0
	for _, line := range lines {
		length += len(line) + 1
	}
	text := make([]byte, 0, length)
	for _, line := range lines {
		text = append(append(text, line...), '\n')
	}
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil
	case owners:
		return decodeJSON[jsonEntry](text, each)
	}
	return decodeJSON[jsonNetwork](text, each) // most of a text are paths
}

func decodeJSON[T interface {
	entry() (allowlist.Entry, error)
}](text []byte, each func(allowlist.Entry)) error {
	var doc struct {
		Version int `json:"version"`
		Entries []T `json:"entries"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return fault.JSON(err)
	}
	if doc.Version != 1 {
		return fmt.Errorf("unknown version %d", doc.Version)
	}
	for _, e := range doc.Entries {
		entry, err := e.entry()
		if err != nil {
			return err
		}
		each(entry)
	}
	return nil
}

func (n jsonNetwork) entry() (e allowlist.Entry, err error) {
	if !n.Prefix.IsValid() || n.Prefix != n.Prefix.Masked() {
		return e, fmt.Errorf("%s: not a prefix that mailallow writes", n.Prefix)
	}
	if !slices.Contains(Actions(), n.Action) {
		return e, fmt.Errorf("%s: not an action that mailallow writes", n.Prefix)
	}
	return allowlist.Entry{Prefix: n.Prefix, Action: n.Action}, nil
}

func (j jsonEntry) entry() (e allowlist.Entry, err error) {
	if e, err = j.jsonNetwork.entry(); err != nil {
		return e, err
	}
	for _, o := range j.Sources {
		if len(o.Paths) == 0 {
			return e, fmt.Errorf("%s: a source without a path", e.Prefix)
		}
		owner := allowlist.Owner{Source: o.Name}
		for _, path := range o.Paths {
			owner.Paths = append(owner.Paths, provenance.Of(path))
		}
		e.Owners = append(e.Owners, owner)
	}
	return e, nil
}
