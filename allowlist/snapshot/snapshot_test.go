package snapshot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/provenance"
)

func networks() *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		address := netip.MustParseAddr(rapid.SampledFrom([]string{"192.0.2.129", "2001:db8::a5"}).Draw(t, "address"))
		return netip.PrefixFrom(address, rapid.IntRange(0, address.BitLen()).Draw(t, "bits")).Masked()
	})
}

func TestSnapshotReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var drawn []allowlist.Resolved
		for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`[ -~é]{1,20}`), rapid.ID).Draw(t, "names") {
			r := allowlist.Resolved{Name: name, Definition: "sha256:1", Time: time.Unix(rapid.Int64Range(1, 4e9).Draw(t, "time"), 0)}
			for _, p := range rapid.SliceOfN(networks(), 0, 5).Draw(t, "prefixes") {
				path := provenance.Of(rapid.SliceOfN(rapid.SampledFrom([]string{"", "_spf.example <&> é", `a"\b`}), 1, 3).Draw(t, "path")...)
				if line := rapid.Uint32Range(0, 3).Draw(t, "line"); line > 0 {
					path = path.AtLine(line)
				}
				r.Ranges.Add(allowlist.Range{Prefix: p, Path: path})
			}
			drawn = append(drawn, r)
		}
		encoded := encodedText(t, New(time.Time{}, drawn))
		decoded, err := Decode(bytes.NewReader(encoded), "test")
		if err != nil {
			t.Fatal(err)
		}
		if again := encodedText(t, decoded); !bytes.Equal(again, encoded) {
			t.Fatalf("written, read and written again:\n%s", cmp.Diff(string(encoded), string(again)))
		}
	})
}

// A snapshot of a run says what it held and why, in whatever text a publisher chose, and is read again as it was written.
func TestSnapshotStatuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statuses := guard.Statuses()
		status := rapid.SampledFrom(statuses[:3]).Draw(t, "status")
		var problems []allowlist.Problem
		for range rapid.IntRange(0, 300).Draw(t, "problems") {
			text := "x" + rapid.SampledFrom([]string{"", "\n\x1b[2J", "é", "\xff", strings.Repeat("long ", 1000)}).Draw(t, "text")
			problems = append(problems, allowlist.Problem{Kind: rapid.SampledFrom([]string{"fetch", "permerror", "age"}).Draw(t, "kind"), Text: text})
		}
		src := Source{Status: status, Reasons: Reasons(status, problems)}
		src.Name, src.Definition = "a", "sha256:1"
		if status != guard.Held || rapid.Bool().Draw(t, "has a time") {
			src.Time = time.Unix(1e9, 0)
			src.Ranges.Add(allowlist.Range{Prefix: networks().Draw(t, "prefix"), Path: provenance.Of("x")})
		}
		if status == guard.Held {
			src.Refused = &guard.Proposed{Digest: "0123456789ab", Ranges: 1, Came: []netip.Prefix{networks().Draw(t, "came")}, Gone: []netip.Prefix{}}
		}
		encoded := encodedText(t, Of(time.Unix(2e9, 0), []Source{src}))
		decoded, err := Decode(bytes.NewReader(encoded), "test")
		if err != nil {
			t.Fatal(err)
		}
		got := decoded.Sources[0]
		if got.Status != status || len(got.Reasons) != len(src.Reasons) || !cmp.Equal(got.Refused, src.Refused, cmpopts.EquateComparable(netip.Prefix{})) || !decoded.Written.Equal(time.Unix(2e9, 0)) {
			t.Fatalf("got %+v, want %+v", got, src)
		}
		if again := encodedText(t, decoded); !bytes.Equal(again, encoded) {
			t.Fatalf("written, read and written again:\n%s", cmp.Diff(string(encoded), string(again)))
		}
	})
}

func encodedText(t interface{ Fatal(...any) }, s *Snapshot) []byte {
	text, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDecodeRefuses(t *testing.T) {
	const source = `{"name": "a", "definition": "sha256:1", "time": "2026-01-01T00:00:00Z", "ranges": [{"prefix": "192.0.2.0/24", "path": ["x"]}]}`
	const source2 = `{"name": "a", "definition": "sha256:1", "time": "2026-01-01T00:00:00Z", "paths": [{"step": "x", "ranges": ["192.0.2.0/24"]}]}`
	two := func(was, is string) string {
		return `{"version": 2, "sources": [` + strings.Replace(source2, was, is, 1) + `]}`
	}
	for _, row := range []struct{ name, text, want string }{
		{"an empty file", "", "snapshot s.json: byte 0: the file is empty"},
		{"no JSON", "hello", "invalid character 'h'"},
		{"a half file", `{"version": 1, "sources": [` + source, "unexpected EOF"},
		{"two documents", `{"version": 1, "sources": []} {}`, "more text after its end"},
		{"another version", `{"version": 3, "sources": [], "signature": ""}`, "version 3, and this mailallow reads versions 1 and 2"},
		{"half a version", `{"version": 2.5, "sources": []}`, "version 2.5, and this mailallow reads versions 1 and 2"},
		{"no version", `{}`, "it has no version"},
		{"sources before the version", `{"sources": [], "version": 1}`, "the version comes before the sources"},
		{"version 1 in version 2", `{"version": 2, "sources": [` + source + `]}`, `unknown field "ranges"`},
		{"version 2 in version 1", `{"version": 1, "sources": [` + source2 + `]}`, `unknown field "paths"`},
		{"2: ranges before the step", two(`"step": "x", "ranges": ["192.0.2.0/24"]`, `"ranges": ["192.0.2.0/24"], "step": "x"`), "the text of a step comes before its ranges, lines and steps"},
		{"2: no step", two(`"step": "x", `, ``), "the text of a step comes before its ranges, lines and steps"},
		{"2: a step twice", two(`"step": "x"`, `"step": "x", "step": "y"`), `field "step" is given twice`},
		{"2: ranges twice", two(`}`, `, "ranges": ["0.0.0.0/0"]}`), `field "ranges" is given twice`},
		{"2: an unknown member", two(`}`, `, "action": "OK"}`), `unknown field "action"`},
		{"2: no ranges", two(`["192.0.2.0/24"]`, `[]`), `the step "x" leads to no range`},
		{"2: no list of ranges", two(`, "ranges": ["192.0.2.0/24"]`, ``), `the step "x" leads to no range`},
		{"2: an empty step", two(`"ranges": ["192.0.2.0/24"]`, `"ranges": ["192.0.2.0/24"], "steps": [{}]`), "a step has no text"},
		{"2: no range below", two(`"ranges": ["192.0.2.0/24"]`, `"steps": [{"step": "y"}]`), `the step "y" leads to no range`},
		{"2: host bits", two(`2.0/24`, `2.1/24`), "192.0.2.1/24 has host bits set: 192.0.2.0/24 is meant"},
		{"2: an address", two(`2.0/24`, `2.1`), `"192.0.2.1" is no network: write 192.0.2.0/24 or 2001:db8::/32`},
		{"2: a number for a range", two(`"192.0.2.0/24"`, `1`), "found a number, expected a string"},
		{"2: a step that forges a line", two(`"x"`, `"x\u001b[2J"`), "characters that cannot be printed"},
		{"2: line 0", two(`"ranges": ["192.0.2.0/24"]`, `"lines": [{"line": 0, "prefix": "192.0.2.0/24"}]`), "line 0 is not between 1 and 67108863"},
		{"2: line too large", two(`"ranges": ["192.0.2.0/24"]`, `"lines": [{"line": 67108864, "prefix": "192.0.2.0/24"}]`), "line 67108864 is not between 1 and 67108863"},
		{"2: no line", two(`"ranges": ["192.0.2.0/24"]`, `"lines": [{"prefix": "192.0.2.0/24"}]`), "a range has no line"},
		{"2: a line without a network", two(`"ranges": ["192.0.2.0/24"]`, `"lines": [{"line": 1}]`), "a range has no prefix"},
		{"2: a time of the whole that is none", `{"version": 2, "time": "soon", "sources": []}`, `"soon" is no time: write 2026-12-31T12:00:00Z`},
		{"2: a time of the whole past its own format", `{"version": 2, "time": "9999-12-31T23:59:59-01:00", "sources": []}`, "its time is in the year 10000"},
		{"2: a time of the whole before all others", `{"version": 2, "time": "1969-12-31T23:59:59Z", "sources": []}`, "its time is in the year 1969"},
		{"1: a time of the whole", `{"version": 1, "time": "2026-01-01T00:00:00Z", "sources": []}`, `unknown field "time"`},
		{"2: a name of a kilobyte", two(`"a"`, `"`+strings.Repeat("a", 1000)+`"`), "its name is longer than 256 bytes"},
		{"2: a definition of a kilobyte", two(`"sha256:1"`, `"`+strings.Repeat("a", 1000)+`"`), "its definition is longer than 128 bytes"},
		{"2: another status", two(`"paths"`, `"status": "fine", "paths"`), `its status "fine" is none of fresh, stale, held, missing`},
		{"2: an empty status", two(`"paths"`, `"status": "", "paths"`), "an empty status"},
		{"2: fresh without a time", two(`"time": "2026-01-01T00:00:00Z"`, `"status": "fresh"`), "it has no time"},
		{"2: held, with ranges and no time", two(`"time": "2026-01-01T00:00:00Z"`, `"status": "held"`), "it has ranges and no time"},
		{"2: missing, with a time", two(`"paths"`, `"status": "missing", "paths"`), "it is missing and has a time"},
		{"2: refused, and not held", two(`"paths"`, `"status": "fresh", "refused": {"digest": "0123456789ab"}, "paths"`), "it names what was refused, and it is not held"},
		{"2: a digest that is none", two(`"paths"`, `"status": "held", "refused": {"digest": "0123"}, "paths"`), `the digest "0123" of what was refused is not 12 hex digits`},
		{"2: a count that cannot be", two(`"paths"`, `"status": "held", "refused": {"digest": "0123456789ab", "ipv4_addresses": 4294967297}, "paths"`), "which cannot be"},
		{"2: more networks than 32 bits count", two(`"paths"`, `"status": "held", "refused": {"digest": "0123456789ab", "networks": 4294967297}, "paths"`), "which cannot be"},
		{"2: a negative count", two(`"paths"`, `"status": "held", "refused": {"networks": -1}, "paths"`), "-1 is no whole number"},
		{"2: host bits in what came", two(`"paths"`, `"status": "held", "refused": {"came": ["192.0.2.1/24"]}, "paths"`), "192.0.2.1/24 has host bits set"},
		{"2: too many that went", two(`"paths"`, `"status": "held", "refused": {"gone": [`+strings.TrimSuffix(strings.Repeat(`"192.0.2.0/24",`, 250_001), ",")+`]}, "paths"`), "more than 250000 networks that came or went"},
		{"2: a reason that forges a line", two(`"paths"`, `"status": "stale", "reasons": [{"kind": "fetch", "text": "a\nb"}], "paths"`), `a reason of the kind "fetch"`},
		{"2: a kind that is no word", two(`"paths"`, `"status": "stale", "reasons": [{"kind": "Fetch it", "text": "a"}], "paths"`), `a reason of the kind "Fetch it"`},
		{"2: a reason without a text", two(`"paths"`, `"status": "stale", "reasons": [{"kind": "fetch"}], "paths"`), `a reason of the kind "fetch"`},
		{"2: too many reasons", two(`"paths"`, `"status": "stale", "reasons": [`+strings.TrimSuffix(strings.Repeat(`{"kind": "a", "text": "b"},`, 201), ",")+`], "paths"`), "a source with more than 200 reasons"},
		{"too many sources", `{"version": 2, "sources": [` + strings.TrimSuffix(strings.Repeat(source2+",", 10_001), ",") + `]}`, "more than 10000 sources"},
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
		{"no network", `{"version": 1, "sources": [` + strings.Replace(source, `2.0/24`, `2.0/33`, 1) + `]}`, `"192.0.2.0/33" is no network`},
		{"a time before its own format", `{"version": 1, "sources": [` + strings.Replace(source, `2026-01-01T00:00:00Z`, `9999-12-31T23:59:59-12:00`, 1) + `]}`, "its time is in the year 10000"},
		{"a name that forges a line", `{"version": 1, "sources": [` + strings.Replace(source, `"a"`, `"a\nb"`, 1) + `]}`, "its name has characters that cannot be printed"},
		{"a path that forges a line", `{"version": 1, "sources": [` + strings.Replace(source, `["x"]`, `["x\u001b[2J"]`, 1) + `]}`, "a path with characters that cannot be printed"},
		{"no path", `{"version": 1, "sources": [` + strings.Replace(source, `["x"]`, `[]`, 1) + `]}`, "192.0.2.0/24 has a path of 0 steps"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(row.text), "s.json")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version": 1, "sources": [{"name": "a", "definition": "d", "time": "2026-01-01T00:00:00Z", "ranges": [{"prefix": "::/0", "path": ["x"]}]}]}`))
	f.Add([]byte(`{"version": 2, "sources": [{"name": "a", "definition": "d", "time": "2026-01-01T00:00:00Z", "paths": [{"step": "x", "lines": [{"line": 2, "prefix": "::/0"}], "steps": [{"step": "y", "ranges": ["192.0.2.0/24"]}]}]}]}`))
	f.Add([]byte(`{"version": 2, "time": "2026-01-01T00:00:00Z", "sources": [{"name": "a", "definition": "d", "status": "held", "reasons": [{"kind": "wide", "text": "x"}], "refused": {"digest": "0123456789ab", "networks": 1, "ipv4_addresses": 256, "came": ["192.0.2.0/24"], "gone": []}, "paths": []}]}`))
	f.Add(embeddedJSON)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Decode(bytes.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		if name := ambiguous(json.NewDecoder(bytes.NewReader(text))); name != "" {
			t.Fatalf("member %q is given twice, or in other letters", name)
		}
		written := encodedText(t, s)
		again, err := Decode(bytes.NewReader(written), "fuzz")
		if err != nil || !bytes.Equal(encodedText(t, again), written) {
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

// TestAsWritten reads lines of a list and steps as Encode writes them, and others: all as token by token.
func TestAsWritten(t *testing.T) {
	above := provenance.Of("above")
	for _, element := range []struct {
		written func([]byte, *provenance.Path) (allowlist.Range, bool)
		byToken func(*reader, *decoded) error
		other   string          // an element that is not read at once
		texts   map[string]bool // whether they are read at once
	}{
		{writtenLine,
			func(r *reader, src *decoded) error { return r.line(src, above) },
			`{"prefix": "10.0.0.0/8", "line": 1}`,
			map[string]bool{
				`{"line": 7, "prefix": "192.0.2.0/24"}`:                              true,
				`{"line": 16777215, "prefix": "2001:db8::/32"}`:                      true,
				`{"line": 7, "prefix": "192.0.2.1/24"}`:                              false,
				`{"line":7,"prefix":"192.0.2.0/24"}`:                                 false,
				`{"prefix": "192.0.2.0/24", "line": 7}`:                              false,
				`{"line": 7, "prefix": "\u0031.0.2.0/24"}`:                           false,
				`{"line": 0, "prefix": "192.0.2.0/24"}`:                              false,
				`{"line": 07, "prefix": "192.0.2.0/24"}`:                             false,
				`{"line": +7, "prefix": "192.0.2.0/24"}`:                             false,
				`{"line": 99999999999, "prefix": "192.0.2.0/24"}`:                    false,
				`{"line": 7.0, "prefix": "192.0.2.0/24"}`:                            false,
				`{"line": 7, "prefix": "192.0.2.0"}`:                                 false,
				`{"line": 7, "prefix": "192.0.2.0/024"}`:                             false,
				`{"line": 7, "prefix": "192.0.2.0/24", "prefix": "198.51.100.0/24"}`: false,
				`{"line": 7, "line": 8, "prefix": "192.0.2.0/24"}`:                   false,
				`{"line": 7, "Prefix": "192.0.2.0/24"}`:                              false,
				`{"line": 7, "prefix": "192.0.2.0/24"  }`:                            false,
				`{"line": 7, "prefix": "192.0.2.0/24"`:                               false,
				`{"line": 7}`:                                                        false,
				`{"line": null}`:                                                     false,
				`[]`:                                                                 false,
			}},
		{writtenStep,
			func(r *reader, src *decoded) error { return r.step(src, above, 1) },
			`{"step": "other", "ranges":["10.0.0.0/8"]}`,
			map[string]bool{
				`{"step": "ip4:192.0.2.0/24", "ranges": ["192.0.2.0/24"]}`:                                                  true,
				`{"step": "exists:%{i}.[x]", "ranges": ["2001:db8::/32"]}`:                                                  true,
				`{"step": "", "ranges": ["192.0.2.1/24"]}`:                                                                  false,
				`{"step": "ip4:192.0.2.0/24", "ranges": ["192.0.2.0/24", "192.0.2.0/25"]}`:                                  false,
				`{"step": "ip4:192.0.2.0/24", "ranges": ["192.0.2.0/24"], "steps": [{"step": "b", "ranges": ["::1/128"]}]}`: false,
				`{"step": "ip4:192.0.2.0/24", "ranges": ["192.0.2.0/24"], "ranges": ["192.0.2.0/24"]}`:                      false,
				`{"step": "a", "steps": [{"step": "b", "ranges": ["192.0.2.0/24"]}]}`:                                       false,
				`{"step": "a", "steps": [{"step": "b", "ranges": ["192.0.2.0/24"]}], "ranges": ["::1/128"]}`:                false,
				`{"step": "a\u0062", "ranges": ["192.0.2.0/24"]}`:                                                           false,
				`{"step": "a\", \"ranges\": [\"b", "ranges": ["192.0.2.0/24"]}`:                                             false,
				"{\"step\": \"a\u202e\", \"ranges\": [\"192.0.2.0/24\"]}":                                                   false,
				"{\"step\": \"a\nb\", \"ranges\": [\"192.0.2.0/24\"]}":                                                      false,
				`{"step": "a", "ranges": ["192.0.2.0"]}`:                                                                    false,
				`{"step": "a", "ranges": []}`:                                                                               false,
				`{"step": "a", "ranges": ["192.0.2.0/24"], "steps": []}`:                                                    false,
				`{"step":"a","ranges":["192.0.2.0/24"]}`:                                                                    false,
				`{"Step": "a", "ranges": ["192.0.2.0/24"]}`:                                                                 false,
				`{"ranges": ["192.0.2.0/24"], "step": "a"}`:                                                                 false,
				`{"step": "a", "ranges": ["192.0.2.0/24"]`:                                                                  false,
				`{"step": "a"}`: false,
				`{}`:            false,
			}},
	} {
		for text, quick := range element.texts {
			one, ok := element.written([]byte(text), above)
			if ok != quick {
				t.Errorf("%s: read at once: %t", text, ok)
			}
			for _, array := range []string{"[\n %s,\n 7]", "[\n  %s,\n   %[1]s]", "[\n %s,\n %[1]s,\n %[1]s,\n 7]", "[\n %s,\n]", "[\n %s\n %[1]s]", "[\n %s,\n, 7]",
				"[%s,\n %[1]s,\n 7]", "[%s\n,\n %[1]s,\n 7]", "[\n,\n %s,\n 7]", "[\n %s,\n ", "[\n %s,",
				"[\n OTHER,\n %s,\n 7]", "[\n OTHER\n %s,\n 7]", "[\n OTHER\n %s,\n, 7]", "[\n OTHER\n, %s,\n 7]"} {
				alone := !strings.Contains(array, "OTHER") && !strings.HasPrefix(array, "[\n,")
				array = strings.ReplaceAll(array, "OTHER", element.other)

				run := func(read func(in *reader, src *decoded) error) (found string, at int64) {
					in := newReader(strings.NewReader(fmt.Sprintf(array, text)), 2, 1000)
					var src decoded
					err := read(in, &src)
					if err != nil && array == "[\n %s,\n]" {
						err = io.ErrUnexpectedEOF // each has its own words for the comma
					}
					return fmt.Sprint(slices.Collect(src.Ranges.All()), src.mistakes, err, in.ranges), in.dec.InputOffset() + in.lines.taken
				}
				written := func(text []byte) (allowlist.Range, bool) { return element.written(text, above) }
				got, at := run(func(in *reader, src *decoded) error {
					return in.elements(src, written, func() error { return element.byToken(in, src) })
				})
				want, wantAt := run(func(in *reader, src *decoded) error {
					return in.array(func() error { return element.byToken(in, src) })
				})
				if between := at - wantAt; got != want || between < 0 || between > int64(len(",\n ")) {
					t.Errorf("%q: %s at byte %d, want %s at %d", fmt.Sprintf(array, text), got, at, want, wantAt)
				}
				if quick && alone && !strings.Contains(want, one.Prefix.Addr().String()) {
					t.Errorf("%s: %v, want %s", text, one, want)
				}
			}
		}
	}
}
