package document

import (
	"encoding/json"
	"fmt"
	"html"
	"net/netip"
	"strings"
	"testing"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/notation"
)

// maxMessage bounds one message, in bytes: at most 80 are from the document, each an escape of up to six.
const maxMessage = 600

// FuzzSelect runs fixed queries over any document: their results are in the document, and their errors are printable
// and short. It only compiles the fuzzed query, because queries come from the administrator.
func FuzzSelect(f *testing.F) {
	for _, text := range []string{`["192.0.2.0/24"]`, `{"a":["1.2.3.4",null,{"b":"::1"}]}`, `"\u0031.2.3.4"`, `[[[["x"]]]]`, "{\"a\":\"\u202e\x7f\"}", `1e999`, `{"a":1,"a":"1.1.1.1"}`} {
		f.Add([]byte(text), uint8(0), ".hooks[]")
	}
	queries := []string{".", ".[]", ".. | strings", "to_entries[].value", "keys", `.[] | select(.a == "b") | .c[]`, "tojson", `[..] | map(tostring)`}
	f.Fuzz(func(t *testing.T, body []byte, which uint8, query string) {
		if len(query) < 200 {
			if err := CheckSelect(query); err != nil && len(err.Error()) > 2000 {
				t.Errorf("%d bytes of an error", len(err.Error()))
			}
		}
		var doc any
		if json.Unmarshal(body, &doc) == nil && countValues(body) < countAny(doc) {
			t.Fatalf("countValues gives %d, fewer than the %d values", countValues(body), countAny(doc))
		}
		query = queries[int(which)%len(queries)]
		found := newFinding(1000)
		err := found.Selected(t.Context(), body, query, 10_000, 100_000)
		if err != nil {
			for message := range strings.SplitSeq(err.Error(), "\n") {
				if !ascii.AllShow(message) || len(message) > maxMessage {
					t.Errorf("message %q", message)
				}
			}
		}
		for _, r := range found.networks {
			if !holds(doc, r.Prefix) && query != "tojson" && !strings.Contains(query, "tostring") {
				t.Errorf("%s is not in %q", r.Prefix, body)
			}
		}
	})
}

// countAny counts values and keys.
func countAny(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += countAny(e)
		}
	case map[string]any:
		for _, e := range v {
			n += 1 + countAny(e)
		}
	}
	return n
}

// holds reports whether a string or a key of the document is the network p.
func holds(v any, p netip.Prefix) bool {
	switch v := v.(type) {
	case string:
		network, _, err := notation.ParseCIDR(v)
		return err == nil && network == p
	case []any:
		for _, e := range v {
			if holds(e, p) {
				return true
			}
		}
	case map[string]any:
		for k, e := range v {
			if holds(k, p) || holds(e, p) {
				return true
			}
		}
	}
	return false
}

// FuzzHTML compares the reader of HTML with that of plain text: a text with its characters escaped for HTML has the
// same ranges on the same lines. Broken HTML must not add lines.
func FuzzHTML(f *testing.F) {
	for _, text := range []string{"192.0.2.0/24\n10.0.0.1 - 10.0.0.9\n", "<b>1.2.3.4</b> &#49;.2.3.4 &amp;", "1.2.3\n.4 <script>1.2.3.4</script>", "<!-- 1.2.3.4 --><a href='1.2.3.5'>1.2.3.6<p>1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := func(text string) *finding {
			found := newFinding(1 << 20)
			if err := found.Read([]byte(text), notation.Layout{Marks: true}); err != nil {
				t.Fatal(err)
			}
			return found
		}
		visible := markHTML([]byte(text)).out.String()
		if strings.Count(visible, "\n") > strings.Count(text, "\n") {
			t.Fatalf("more lines than the page has: %q", visible)
		}
		read(visible)
		if strings.ContainsAny(text, "\x00\r\x1d\x1e\x1f") { // HTML cannot hold them, or they are marks
			return
		}
		want, got := read(text), read(markHTML([]byte("<p>"+html.EscapeString(text))).out.String())
		if fmt.Sprint(want.networks, want.problems) != fmt.Sprint(got.networks, got.problems) {
			t.Fatalf("as a text %v %v, as a page %v %v", want.networks, want.problems, got.networks, got.problems)
		}
	})
}
