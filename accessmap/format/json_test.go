package format

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// TestJSONLines has entries that fit on one line, entries with a line for each name and path, and paths that are cut between
// characters.
func TestJSONLines(t *testing.T) {
	const head, tail = "{\"version\": 1, \"entries\": [\n ", "\n]}\n"
	fits := strings.Repeat("x", maxJSONSources-len(`{"name":"a","paths":[""]}`))
	long := func(paths ...string) string {
		return `{"prefix":"192.0.2.0/24","action":"OK","sources":[` + "\n  " + `{"name":"a","paths":[` + "\n   \"" +
			strings.Join(paths, "\",\n   \"") + "\"]}]}"
	}
	most := maxJSONString - len(`""`) // bytes of a path
	longest := strings.Repeat("x", most)
	short := strings.Split(strings.Repeat("12345678 ", 1_000_000-1)+"12345678", " ")
	left := func(n int, text string) string {
		return strings.TrimSuffix(text, "}]}") + fmt.Sprintf(`,"more":%d}]}`, n)
	}
	for _, row := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"fits", []string{fits}, fmt.Sprintf(`{"prefix":"192.0.2.0/24","action":"OK","sources":[{"name":"a","paths":["%s"]}]}`, fits)},
		{"one byte more", []string{fits + "x"}, long(fits + "x")},
		{"three paths", []string{"p" + fits, "q > r", "s" + fits}, long("p"+fits, "q > r", "s"+fits)},
		{"longest path", []string{strings.Repeat("x", most)}, long(strings.Repeat("x", most))},
		{"as many paths as fit", short[:100], long(short[:100]...)},
		{"one path more", short[:101], left(1, long(short[:100]...))},
		{"a million paths", short, left(1_000_000-100, long(short[:100]...))},
		{"long paths", slices.Repeat([]string{longest}, 1_000_000), left(1_000_000-2, long(longest, longest))},
		{"too long a path", []string{strings.Repeat("x", most+1)}, long(strings.Repeat("x", most-3) + "...")},
		{"between characters", []string{strings.Repeat("ü", most)}, long(strings.Repeat(`\u00fc`, (most-3)/6) + "...")},
		{"between surrogates", []string{strings.Repeat("😀", most)}, long(strings.Repeat(`\ud83d\ude00`, (most-3)/12) + "...")},
		{"no UTF-8", []string{strings.Repeat("\xff", most)}, long(strings.Repeat(`\ufffd`, (most-3)/6) + "...")},
	} {
		t.Run(row.name, func(t *testing.T) {
			owner := allowlist.Owner{Source: "a"}
			for _, path := range row.paths {
				owner.Paths = append(owner.Paths, provenance.Of(path))
			}
			spans := allowlist.Nest([]allowlist.Entry{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Action: allowlist.OK,
				Owners: []allowlist.Owner{owner}}})
			var text bytes.Buffer
			form, err := ByName("json")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := form.Write(&text, slices.Values(spans), Selection{}); err != nil {
				t.Fatal(err)
			}
			if got := text.String(); got != head+row.want+tail {
				t.Errorf("%s\nwant\n%s", got, head+row.want+tail)
			}
			written, _, _ := strings.Cut(row.want, `"more"`)
			if read, err := form.Read(text.Bytes()); err != nil || len(read) != 1 || len(read[0].Owners[0].Paths) != max(1, strings.Count(written, "\n")-1) {
				t.Errorf("read back: %v, %v", read, err)
			}
			for line := range bytes.Lines(text.Bytes()) {
				if len(line) > maxLine {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
		})
	}
}
