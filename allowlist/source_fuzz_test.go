package allowlist

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist/ascii"
)

// maxMessage bounds one message, in bytes: at most 80 are from the document, each an escape of up to six.
const maxMessage = 600

// dressed matches a text in which a word may be a part of a range, or a size.
var dressed = regexp.MustCompile(`[^0-9a-fA-F:./,;# \t\r\n]|255|(?i)ff|(^|[\s,;])[/:.]|[/.:]([\s,;]|$)|\.\.|;[^ \n]|\b0\.`)

// FuzzParseList checks that every word outside comments is a network with its line, or an error. Messages are printable and
// short.
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
				if !ascii.AllShow(message) || len(message) > maxMessage {
					t.Errorf("message %q", message)
				}
			}
			return
		}
		if dressed.Match(text) || !bytes.Contains(text, []byte("\n")) {
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
