package notation

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// TestDresses reads the example of each dress: it is the dress that takes the text, it means a network or is told, and no
// address in it but 192.0.2.128 is taken as a host.
func TestDresses(t *testing.T) {
	for _, d := range dresses {
		f := newFinding(100)
		if err := f.Read([]byte(d.example), lines); err != nil {
			t.Fatal(err)
		}
		report := strings.Join(f.report, "\n")
		if report == "" {
			t.Errorf("%s, %q: it vanished", d.shape, d.example)
		}
		for _, n := range f.networks {
			if n.IsSingleIP() && n.Addr() != netip.MustParseAddr("192.0.2.128") {
				t.Errorf("%s, %q: %s", d.shape, d.example, report)
			}
		}
		if by := takenBy(d.example); by != d.shape {
			t.Errorf("%q is taken by %s, want %s", d.example, by, d.shape)
		}
	}
}

// takenBy gives the shape that takes the first items of a text.
func takenBy(text string) string {
	r := itemsOf(text)
	for i := range r.items {
		r.at = i
		for _, d := range dresses {
			if parts, _, ok := match(r.items[i:], d.shape, false, nil); ok && d.read(r, parts) {
				return d.shape
			}
		}
	}
	return "none: " + kindsOf(text)
}

// itemsOf reads the items of a text, and no more.
func itemsOf(text string) *reading {
	r := &reading{Reader: newFinding(100).Reader, Layout: lines, text: []byte(text), line: 1}
	r.newRecord()
	for r.pos < len(r.text) {
		if r.text[r.pos] == '\n' {
			r.items = append(r.items, item{kind: kindRecordEnd})
			r.pos++
			r.newRecord()
			continue
		}
		r.token()
	}
	return r
}

func kindsOf(text string) string {
	var kinds strings.Builder
	for _, it := range itemsOf(text).items {
		kinds.WriteByte(it.kind)
	}
	return kinds.String()
}

// Example_line goes the way of the example in the comment of the package.
func Example_line() {
	const text = "Office: 192.0.2.0 with the netmask 255.255.255.0 since 2019"
	fmt.Println(kindsOf(text))
	fmt.Println(takenBy(text))
	f := newFinding(1)
	fmt.Println(f.Read([]byte(text), lines), f.networks)
	// Output:
	// whwwsmwd
	// h*s*m
	// <nil> [192.0.2.0/24]
}
