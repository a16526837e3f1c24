package format

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

type jsonEntry struct {
	Prefix  netip.Prefix     `json:"prefix"`
	Action  allowlist.Action `json:"action"`
	Sources []jsonOwner      `json:"sources"`
}

type jsonOwner struct {
	Name  string   `json:"name"`
	Paths []string `json:"paths"`
}

const (
	// maxJSONSources bounds the sources of an entry that is on one line: prefix and
	// action, which stand before them, are well below the rest.
	maxJSONSources = maxLine - 100
	// maxJSONString bounds a name or a path on a line of its own, quotes included.
	// The names that a configuration may have are below; a path can be cut.
	maxJSONString = maxLine - 24
)

// writeJSON writes disjoint networks with their action and all who put them
// there: {"version":1,"entries":[{"prefix","action","sources"}]}. Each is on one
// line; where its sources are too long for that, each name and path has a line.
func writeJSON(w io.Writer, l list) (written Written, err error) {
	out := bufio.NewWriterSize(w, outBuffer)
	out.WriteString(`{"version": 1, "entries": [`) // errors come with Flush
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
	return written, out.Flush()
}

// sourcesJSON gives owners as JSON, with these breaks before each and its paths.
func sourcesJSON(owners []allowlist.Owner, beforeSource, beforePath string) string {
	var b strings.Builder
	for i, o := range owners {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(beforeSource + `{"name":` + cutJSON(o.Source) + `,"paths":[`)
		for j, path := range o.Paths {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(beforePath + cutJSON(path.String()))
		}
		b.WriteString("]}")
	}
	return b.String()
}

// cutJSON is a string as JSON in printable ASCII. What is cut off is cut between
// characters, and ends in "...".
func cutJSON(s string) string {
	const quotes, mark = 2, "..."
	if whole := quoteJSON(s); len(whole) <= maxJSONString {
		return whole
	}
	length, whole := quotes, 0 // as JSON; of s, what fits together with the mark
	for i, r := range s {
		if length+len(mark) <= maxJSONString {
			whole = i
		}
		if length += len(quoteJSON(string(r))) - quotes; length > maxJSONString {
			break
		}
	}
	return quoteJSON(s[:whole] + mark)
}

func quoteJSON(s string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // a path has ">" in it
	_ = encoder.Encode(s)        // any string can be encoded
	return string(ascii.EscapeJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

func readJSON(text []byte) ([]allowlist.Entry, error) {
	var doc struct {
		Version int         `json:"version"`
		Entries []jsonEntry `json:"entries"`
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Version != 1 {
		return nil, fmt.Errorf("version %d is not known", doc.Version)
	}
	var entries []allowlist.Entry
	for _, e := range doc.Entries {
		if !e.Prefix.IsValid() || e.Prefix != e.Prefix.Masked() {
			return nil, fmt.Errorf("%s: no prefix that mailallow writes", e.Prefix)
		}
		if !slices.Contains(Actions(), e.Action) {
			return nil, fmt.Errorf("%s: no action that mailallow writes", e.Prefix)
		}
		entry := allowlist.Entry{Prefix: e.Prefix, Action: e.Action}
		for _, o := range e.Sources {
			if len(o.Paths) == 0 {
				return nil, fmt.Errorf("%s: a source without a path", e.Prefix)
			}
			owner := allowlist.Owner{Source: o.Name}
			for _, path := range o.Paths {
				owner.Paths = append(owner.Paths, provenance.Of(path))
			}
			entry.Owners = append(entry.Owners, owner)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}
