package allowlist

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// maxMessage bounds one message, in bytes: at most 80 are from the document, each an escape of up to six.
const maxMessage = 600

// FuzzParseList checks that every word outside comments is a network with its line, or an error.
func FuzzParseList(f *testing.F) {
	for _, text := range []string{
		"192.0.2.0/24 # a\n2001:db8::1, 10.0.0.1\r\n", "\ufeff1.2.3.4;x\n::ffff:1.2.3.0/120\n", "1.2.3.4/24\n1.2.3.256\n", "\x00\n\xff\n1.2.3.4\u00a05.6.7.8",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, problems, err := ParseList(text, "list")
		if err != nil {
			for message := range strings.SplitSeq(err.Error(), "\n") {
				if !isPrintable(message) || len(message) > maxMessage {
					t.Errorf("message %q", message)
				}
			}
			return
		}
		var ranges []Range // by line; within a line, IPv4 first
		for r := range list.All() {
			ranges = append(ranges, r)
		}
		words := 0
		for i, line := range strings.Split(string(text), "\n") {
			if end := strings.IndexAny(line, "#;"); end >= 0 {
				line = line[:end]
			}
			for _, word := range strings.Fields(strings.NewReplacer(",", " ", "\ufeff", " ").Replace(line)) {
				addr, bits, isPrefix := strings.Cut(word, "/")
				a, err := netip.ParseAddr(addr)
				if err != nil {
					t.Fatalf("%q was read as a network", word)
				}
				if !isPrefix {
					bits = fmt.Sprint(a.BitLen())
				}
				path := fmt.Sprintf("list:%d", i+1)
				at := slices.IndexFunc(ranges, func(r Range) bool {
					return r.PathString() == path && (r.Prefix.Contains(a.Unmap()) || r.Prefix.Contains(a)) && r.Prefix == r.Prefix.Masked() &&
						(a.Is4In6() || r.Prefix.Addr().Is4In6() || fmt.Sprint(r.Prefix.Bits()) == bits)
				})
				if at < 0 {
					t.Fatalf("%q of %s is in no range of that line", word, path)
				}
				ranges = slices.Delete(ranges, at, at+1)
				words++
			}
		}
		if len(ranges) > 0 || len(problems) > words {
			t.Fatalf("%d ranges belong to no word, and %d words have %d problems", len(ranges), words, len(problems))
		}
	})
}

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
		found := &finding{name: "doc", max: 1000}
		err := found.readSelected(t.Context(), body, query, 10_000, 100_000)
		if err != nil {
			for message := range strings.SplitSeq(err.Error(), "\n") {
				if !isPrintable(message) || len(message) > maxMessage {
					t.Errorf("message %q", message)
				}
			}
		}
		for r := range found.ranges.All() {
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
		network, _, err := ParseCIDR(v)
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
			found := &finding{name: "doc", max: 1 << 20}
			if err := (&textReader{finding: found, line: 1}).read(text); err != nil {
				t.Fatal(err)
			}
			return found
		}
		visible := visibleText([]byte(text))
		if strings.Count(string(visible), "\n") > strings.Count(text, "\n") {
			t.Fatalf("more lines than the page has: %q", visible)
		}
		read(string(visible))
		if strings.ContainsAny(text, "\x00\r") { // HTML cannot hold them
			return
		}
		want, got := read(text), read(string(visibleText([]byte("<p>"+html.EscapeString(text)))))
		if fmt.Sprint(slices.Collect(want.ranges.All()), want.problems) != fmt.Sprint(slices.Collect(got.ranges.All()), got.problems) {
			t.Fatalf("as a text %v %v, as a page %v %v", slices.Collect(want.ranges.All()), want.problems, slices.Collect(got.ranges.All()), got.problems)
		}
	})
}
