package accessmap

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"mailallow/allowlist"

	"go4.org/netipx"
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

// writeJSON writes disjoint networks with their action and all who put them
// there, one a line: {"version":1,"entries":[{"prefix","action","sources"}]}.
func writeJSON(w io.Writer, l list) (written Written, err error) {
	out := bufio.NewWriter(w)
	out.WriteString(`{"version": 1, "entries": [`) // errors come with Flush
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false) // a path has ">" in it
	for _, s := range l.spans {
		e := jsonEntry{Action: s.Action()}
		for _, o := range s.Entry.Owners {
			e.Sources = append(e.Sources, jsonOwner{o.Source, o.Paths})
		}
		for _, e.Prefix = range netipx.IPRangeFrom(s.From, s.To).Prefixes() {
			separator := ","
			if written.Entries == 0 {
				separator = "\n "
			}
			line.Reset()
			if err := encoder.Encode(e); err != nil {
				return written, err
			}
			out.WriteString(separator)
			out.Write(InASCII(line.Bytes()))
			written.Entries++
		}
	}
	out.WriteString("]}\n")
	return written, out.Flush()
}

// InASCII gives JSON with every character outside printable ASCII as an escape:
// names that others chose reach no terminal as they are.
func InASCII(text []byte) []byte {
	escaped := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if text = text[size:]; r <= '~' {
			escaped = append(escaped, byte(r))
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			escaped = fmt.Appendf(escaped, `\u%04x`, unit)
		}
	}
	return escaped
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
		if !slices.Contains(actions(), e.Action) {
			return nil, fmt.Errorf("%s: no action that mailallow writes", e.Prefix)
		}
		entry := allowlist.Entry{Prefix: e.Prefix, Action: e.Action}
		for _, o := range e.Sources {
			if len(o.Paths) == 0 {
				return nil, fmt.Errorf("%s: a source without a path", e.Prefix)
			}
			entry.Owners = append(entry.Owners, allowlist.Owner{Source: o.Name, Paths: o.Paths})
		}
		entries = append(entries, entry)
	}
	return entries, nil
}
