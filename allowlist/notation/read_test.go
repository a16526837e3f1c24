package notation

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mailallow/allowlist/ascii"
)

// lines is the layout of a list.
var lines = Layout{Lines: true, Comments: true}

// maxMessage bounds one message, in bytes: at most 80 are from the text, each an escape of up to six.
const maxMessage = 600

// finding is everything that a reader found in the text "doc".
type finding struct {
	Reader
	networks []netip.Prefix
	report   []string // "LINE PREFIX" of each network, and "LINE: TEXT" of each problem
	problems []string
}

// newFinding takes so many networks at most.
func newFinding(most int) *finding {
	f := &finding{}
	f.Reader = Reader{
		Name: "doc",
		Add: func(p netip.Prefix, line int) error {
			if len(f.networks) == most {
				return fmt.Errorf("more than %d addresses and networks", most)
			}
			f.networks = append(f.networks, p)
			f.report = append(f.report, fmt.Sprint(line, " ", p))
			return nil
		},
		Problem: func(kind string, text func() string) {
			f.problems = append(f.problems, text())
			f.report = append(f.report, strings.TrimPrefix(text(), "doc:"))
		},
	}
	return f
}

// sizeBehind matches what may not stand behind an address that is taken as one host.
var sizeBehind = regexp.MustCompile(`^[\])*_]*[ \t]*([/\\⁄∕／][ \t]*([0-9]|[12][0-9]|3[01])(\s|$)|[-–—][ \t]*[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+([\s,;)]|$)|(?i:net)?mask:? 255\.255\.[0-9]+\.[0-9]+([\s,;)]|$))`)

// FuzzRead checks that no address of the text is taken as one host if it has a size or another end each time it is there,
// unless it is a part of a range. Messages are printable and short.
func FuzzRead(f *testing.F) {
	for _, d := range dresses {
		f.Add(d.example, false)
		f.Add(d.example, true)
	}
	f.Add("start,end\n192.0.2.5,192.0.2.9\n", false)
	quad := regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+`)
	f.Fuzz(func(t *testing.T, text string, strict bool) {
		found := newFinding(1 << 16)
		found.Strict = strict
		if err := found.Read([]byte(text), lines); err != nil {
			found.problems = append(found.problems, strings.Split(err.Error(), "\n")...)
		}
		for _, message := range found.problems {
			if !ascii.AllShow(message) || len(message) > maxMessage {
				t.Errorf("message %q", message)
			}
		}
		if strict && len(found.problems) > 0 || !utf8.ValidString(text) {
			return
		}
		alone, sized := map[string]bool{}, map[string]bool{}
		for _, at := range quad.FindAllStringIndex(text, -1) {
			if a := text[at[0]:at[1]]; sizeBehind.MatchString(text[at[1]:]) {
				sized[a] = true
			} else {
				alone[a] = true
			}
		}
		for _, n := range found.networks {
			a := n.Addr()
			if n != n.Masked() {
				t.Errorf("%s has host bits", n)
			}
			if n.IsSingleIP() && sized[a.String()] && !alone[a.String()] && !hasPart(found.networks, a.Next()) && !hasPart(found.networks, a.Prev()) {
				t.Errorf("%s of %q has a size", a, text)
			}
		}
	})
}

// hasPart reports whether a network holds the address.
func hasPart(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}
