package allowlist_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/fixtures"
)

// fieldCase is a line of fixtures/field/sources.jsonl.
type fieldCase struct {
	ID, Kind, As, Body, Select string
	ContentType                string `json:"content_type"`
	Bytes                      []byte `json:"body_base64"`
	Either                     bool
	Want                       struct {
		Networks   []netip.Prefix
		Pieces     []fieldPiece
		RefuseOK   bool   `json:"refuse_ok"`
		RefuseSays string `json:"refuse_says"`
		Error      bool
	}
}

type fieldPiece struct {
	Text     string
	Networks []netip.Prefix
}

// TestField reads lists as people publish and write them, over HTTP and from files, and logs the score of each kind.
func TestField(t *testing.T) {
	server := fixtures.HTTP(t)
	right, all := map[string]int{}, map[string]int{}
	for line := range strings.Lines(fixtures.ReadFile(t, fixtures.Path("field", "sources.jsonl"))) {
		var c fieldCase
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		all[c.Kind]++
		if t.Run(c.ID, func(t *testing.T) { c.check(t, c.fetch(t, server)) }) {
			right[c.Kind]++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		t.Logf("%-22s %2d of %2d", kind, right[kind], all[kind])
	}
}

// fetch reads the list of the case as a source.
func (c fieldCase) fetch(t *testing.T, server *fixtures.HTTPServer) allowlist.Fetched {
	body := c.Body
	if c.Bytes != nil {
		body = string(c.Bytes)
	}
	src := allowlist.Source{Name: c.ID, Action: allowlist.OK}
	if c.As == "file" {
		src.File, src.FilePath = "list", t.TempDir()+"/list"
		fixtures.WriteFile(t, src.FilePath, body)
	} else {
		server.Set("/list", page{Body: body, Header: header("Content-Type", c.ContentType)})
		src.URL, src.Select = server.URL("/list"), c.Select
	}
	fetcher := allowlist.Fetcher{Web: &newWeb(nil).Web}
	return fetcher.Fetch(t.Context(), []allowlist.Source{src})[0]
}

func (c fieldCase) check(t *testing.T, got allowlist.Fetched) {
	told := message(got.Err)
	for _, p := range got.Problems {
		told += "\n" + p.Text
	}
	switch refused := got.Err != nil; {
	case refused && (c.Want.Error || c.Want.RefuseOK && strings.Contains(told, c.Want.RefuseSays)):
		return
	case refused && c.Either && c.As == "file" && c.Want.RefuseSays == "":
		return
	case refused || c.Want.Error:
		t.Fatalf("installed %s, said %q", prefixes(got.Ranges), told)
	}
	want := c.Want.Networks
	for _, piece := range c.Want.Pieces {
		if !strings.Contains(told, piece.Text) || installs(got.Ranges, piece.Networks) {
			want = append(want, piece.Networks...)
		}
	}
	if diff := fmt.Sprint(prefixes(rangesOf(want))); diff != prefixes(got.Ranges) {
		t.Errorf("installed %s, want %s; said %q", prefixes(got.Ranges), diff, told)
	}
}

// installs reports whether the ranges cover one of the networks.
func installs(ranges allowlist.Ranges, networks []netip.Prefix) bool {
	for p := range ranges.Minimal() {
		if slices.ContainsFunc(networks, func(n netip.Prefix) bool { return p.Overlaps(n) }) {
			return true
		}
	}
	return false
}

func rangesOf(networks []netip.Prefix) (ranges allowlist.Ranges) {
	for _, p := range networks {
		ranges.Add(allowlist.Range{Prefix: p})
	}
	return ranges
}
