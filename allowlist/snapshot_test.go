package allowlist

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSnapshotReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var drawn []Resolved
		for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`[ -~é]{1,20}`), rapid.ID).Draw(t, "names") {
			r := Resolved{Name: name, Definition: "sha256:1", Time: time.Unix(rapid.Int64Range(1, 4e9).Draw(t, "time"), 0)}
			for _, p := range rapid.SliceOfN(networks(), 0, 5).Draw(t, "prefixes") {
				path := rapid.SliceOfN(rapid.Just("_spf.example <&> é"), 1, 3).Draw(t, "path")
				r.Ranges.Add(Range{Prefix: p, Path: path})
			}
			drawn = append(drawn, r)
		}
		encoded := NewSnapshot(drawn).Encode()
		decoded, err := DecodeSnapshot(bytes.NewReader(encoded), "test")
		if err != nil {
			t.Fatal(err)
		}
		if again := decoded.Encode(); !bytes.Equal(again, encoded) {
			t.Fatalf("written, read and written again:\n%s", cmp.Diff(string(encoded), string(again)))
		}
	})
}

func TestDecodeSnapshotRefuses(t *testing.T) {
	const source = `{"name": "a", "definition": "sha256:1", "time": "2026-01-01T00:00:00Z", "ranges": [{"prefix": "192.0.2.0/24", "path": ["x"]}]}`
	for _, row := range []struct{ name, text, want string }{
		{"an empty file", "", "snapshot s.json: byte 0: the file is empty"},
		{"no JSON", "hello", "invalid character 'h'"},
		{"a half file", `{"version": 1, "sources": [` + source, "unexpected EOF"},
		{"two documents", `{"version": 1, "sources": []} {}`, "more text after its end"},
		{"another version", `{"version": 2, "sources": []}`, "version 2, and this mailallow reads version 1"},
		{"an unknown member", `{"version": 1, "sources": [], "action": "RELAY"}`, `unknown field "action"`},
		{"a member twice", `{"version": 1, "sources": [` + strings.Replace(source, `"path": ["x"]`, `"path": ["x"], "prefix": "0.0.0.0/0"`, 1) + `]}`, `field "prefix" is given twice`},
		{"a member twice, escaped", `{"version": 1, "sources": [` + strings.Replace(source, `"path": ["x"]`, `"path": ["x"], "\u0070refix": "0.0.0.0/0"`, 1) + `]}`, `field "prefix" is given twice`},
		{"sources twice", `{"version": 1, "sources": [], "sources": []}`, `field "sources" is given twice`},
		{"a member in other letters", `{"version": 1, "sources": [` + strings.Replace(source, `"prefix"`, `"Prefix"`, 1) + `]}`, `unknown field "Prefix"`},
		{"a member in letters that fold", `{"version": 1, "sources": [` + strings.Replace(source, `"ranges"`, `"range\u017f"`, 1) + `]}`, `unknown field "range\u017f"`},
		{"null for ranges", `{"version": 1, "sources": [{"name": "a", "ranges": null}]}`, "found a null, expected a ["},
		{"no name", `{"version": 1, "sources": [` + strings.Replace(source, `"a"`, `""`, 1) + `]}`, "it has no name"},
		{"a name twice", `{"version": 1, "sources": [` + source + "," + source + `]}`, `source "a": another source has the same name`},
		{"no definition", `{"version": 1, "sources": [` + strings.Replace(source, `"sha256:1"`, `""`, 1) + `]}`, "it has no definition"},
		{"no time", `{"version": 1, "sources": [` + strings.Replace(source, `"time": "2026-01-01T00:00:00Z", `, ``, 1) + `]}`, "it has no time"},
		{"host bits", `{"version": 1, "sources": [` + strings.Replace(source, `2.0/24`, `2.1/24`, 1) + `]}`, "192.0.2.1/24 has host bits set: 192.0.2.0/24 is meant"},
		{"no network", `{"version": 1, "sources": [` + strings.Replace(source, `2.0/24`, `2.0/33`, 1) + `]}`, "prefix length out of range"},
		{"a time before its own format", `{"version": 1, "sources": [` + strings.Replace(source, `2026-01-01T00:00:00Z`, `9999-12-31T23:59:59-12:00`, 1) + `]}`, "its time is in the year 10000"},
		{"a name that forges a line", `{"version": 1, "sources": [` + strings.Replace(source, `"a"`, `"a\nb"`, 1) + `]}`, "its name has characters that cannot be printed"},
		{"a path that forges a line", `{"version": 1, "sources": [` + strings.Replace(source, `["x"]`, `["x\u001b[2J"]`, 1) + `]}`, "a path with characters that cannot be printed"},
		{"no path", `{"version": 1, "sources": [` + strings.Replace(source, `["x"]`, `[]`, 1) + `]}`, "192.0.2.0/24 has a path of 0 steps"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := DecodeSnapshot(strings.NewReader(row.text), "s.json")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
}

func FuzzDecodeSnapshot(f *testing.F) {
	f.Add([]byte(`{"version": 1, "sources": [{"name": "a", "definition": "d", "time": "2026-01-01T00:00:00Z", "ranges": [{"prefix": "::/0", "path": ["x"]}]}]}`))
	f.Add(embeddedJSON)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := DecodeSnapshot(bytes.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		if name := ambiguous(json.NewDecoder(bytes.NewReader(text))); name != "" {
			t.Fatalf("member %q is given twice, or in other letters", name)
		}
		again, err := DecodeSnapshot(bytes.NewReader(s.Encode()), "fuzz")
		if err != nil || !bytes.Equal(again.Encode(), s.Encode()) {
			t.Fatalf("the snapshot changes when it is written and read again: %v", err)
		}
	})
}

// ambiguous gives a member that its object has twice, or whose name is not in lower case.
func ambiguous(dec *json.Decoder) (found string) {
	type object struct {
		names map[string]bool
		key   bool // the next token is a name
	}
	var open []*object
	for {
		token, err := dec.Token()
		if err != nil {
			return found
		}
		var in *object
		if len(open) > 0 {
			in = open[len(open)-1]
		}
		if name, isString := token.(string); isString && in != nil && in.names != nil && in.key {
			if in.names[name] || strings.ToLower(name) != name {
				found = name
			}
			in.names[name], in.key = true, false
			continue
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{names: map[string]bool{}, key: true})
			continue
		case json.Delim('['):
			open = append(open, &object{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			in = nil
			if len(open) > 0 {
				in = open[len(open)-1]
			}
		}
		if in != nil {
			in.key = true // after a value comes a name
		}
	}
}
