package allowlist_test

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/fixtures"
)

// The server sends a document again only after a change; a 304 gives the last good
// ranges.
func TestFetchDocument(t *testing.T) {
	const date = "Sun, 06 Nov 1994 08:49:37 GMT"
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	src := func(s *fixtures.HTTPServer) allowlist.Source {
		return allowlist.Source{Name: "web", URL: s.URL("/list")}
	}
	tests := []struct {
		name      string
		page      page
		last      *allowlist.Validator
		edited    bool   // the definition changed since the last good state
		asked     string // If-None-Match, If-Modified-Since
		want      string
		validator string
	}{
		{name: "nothing known", page: page{Header: header("ETag", `"a"`, "Last-Modified", date), Body: "11.0.0.0/24"},
			want: "11.0.0.0/24", asked: "|", validator: `"a"|` + date},
		{name: "same tag", page: page{Header: header("ETag", `W/"a"`), Body: "11.0.0.0/24"},
			last: &allowlist.Validator{ETag: `W/"a"`}, asked: `W/"a"|`, want: "12.0.0.0/24", validator: `W/"a"|`},
		{name: "other tag", page: page{Header: header("ETag", `"b"`), Body: "11.0.0.0/24"},
			last: &allowlist.Validator{ETag: `"a"`}, asked: `"a"|`, want: "11.0.0.0/24", validator: `"b"|`},
		{name: "same date", page: page{Header: header("Last-Modified", date), Body: "11.0.0.0/24"},
			last: &allowlist.Validator{LastModified: date}, asked: "|" + date, want: "12.0.0.0/24", validator: "|" + date},
		{name: "a date of this second", page: page{Header: header("ETag", `"a"`, "Last-Modified", date, "Date", date), Body: "11.0.0.0/24"},
			asked: "|", want: "11.0.0.0/24", validator: `"a"|`},
		{name: "no validator any more", page: page{Body: "11.0.0.0/24"},
			last: &allowlist.Validator{ETag: `"a"`}, asked: `"a"|`, want: "11.0.0.0/24"},
		{name: "another definition", page: page{Header: header("ETag", `"a"`), Body: "11.0.0.0/24"}, edited: true,
			last: &allowlist.Validator{ETag: `"a"`}, asked: "|", want: "11.0.0.0/24", validator: `"a"|`},
		{name: "an edited snapshot", page: page{Header: header("ETag", `"a"`), Body: "11.0.0.0/24"},
			last: &allowlist.Validator{ETag: "\"a\"\r\nX: y", LastModified: "yesterday"}, asked: "|", want: "11.0.0.0/24", validator: `"a"|`},
		{name: "a problem", page: page{Header: header("ETag", `"a"`), Body: "11.0.0.7/24"}, want: "11.0.0.0/24", asked: "|"},
		{name: "something the guard drops", page: page{Header: header("ETag", `"a"`), Body: "11.0.0.0/24 10.0.0.0/8"}, want: "10.0.0.0/8 11.0.0.0/24", asked: "|"},
		{name: "a tag too long", page: page{Header: header("ETag", `"`+strings.Repeat("a", 512)+`"`), Body: "11.0.0.0/24"}, want: "11.0.0.0/24", asked: "|"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := fixtures.HTTP(t)
			server.Set("/list", test.page)
			last := allowlist.Resolved{Name: "web", Definition: src(server).Definition(), Time: now.Add(-time.Hour), Validator: test.last}
			last.Ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix("12.0.0.0/24"), Path: provenance.Of("before")})
			if test.edited {
				last.Definition = "another"
			}
			f := allowlist.Fetcher{Web: &newWeb(nil).Web, Now: now, Last: reread(t, last)}
			got := f.Fetch(t.Context(), []allowlist.Source{src(server)})[0]
			if got.Err != nil || prefixes(got.Ranges) != test.want || !got.Time.Equal(now) {
				t.Errorf("%v: %s, of %s", got.Err, prefixes(got.Ranges), got.Time)
			}
			asked := server.Asked("/list")[0]
			if conditions := asked.Get("If-None-Match") + "|" + asked.Get("If-Modified-Since"); conditions != test.asked {
				t.Errorf("asked with %q, want %q", conditions, test.asked)
			}
			validator := ""
			if v := got.Validator; v != nil {
				validator = v.ETag + "|" + v.LastModified
			}
			if validator != test.validator {
				t.Errorf("validator %q, want %q", validator, test.validator)
			}
		})
	}
}

// reread gives a last good state after writing and reading it.
func reread(t *testing.T, src allowlist.Resolved) []allowlist.Resolved {
	t.Helper()
	text, err := snapshot.New(time.Time{}, []allowlist.Resolved{src}).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Decode(bytes.NewReader(text), "last")
	if err != nil {
		t.Fatal(err)
	}
	return s.Resolved()
}

// A source takes the families that it names, whatever its kind, and has another definition then.
func TestFetchFamilies(t *testing.T) {
	const list = "11.0.0.0/24\n2a01:4f8::/32\n"
	server := fixtures.HTTP(t)
	server.Set("/list", page{Body: list})
	server.Set("/json", page{Body: `["11.0.0.0/24", "2a01:4f8::/32"]`})
	path := t.TempDir() + "/list"
	fixtures.WriteFile(t, path, list)
	fetcher := allowlist.Fetcher{Web: &newWeb(nil).Web, Resolver: oneRecord("v=spf1 ip4:11.0.0.0/24 ip6:2a01:4f8::/32 -all")}
	for name, src := range map[string]allowlist.Source{
		"cidr":   {CIDR: []string{"11.0.0.0/24", "2a01:4f8::/32"}},
		"file":   {File: "list", FilePath: path},
		"url":    {URL: server.URL("/list")},
		"select": {URL: server.URL("/json"), Select: ".[]"},
		"spf":    {SPF: []string{"a.test"}},
	} {
		v4, v6 := src, src
		v4.NoIPv6, v6.NoIPv4 = true, true
		got := fetcher.Fetch(t.Context(), []allowlist.Source{src, v4, v6})
		for i, want := range []string{"11.0.0.0/24 2a01:4f8::/32", "11.0.0.0/24", "2a01:4f8::/32"} {
			if got[i].Err != nil || prefixes(got[i].Ranges) != want {
				t.Errorf("%s: %v, %s, want %s", name, got[i].Err, prefixes(got[i].Ranges), want)
			}
		}
		if a, b, c := got[0].Definition, got[1].Definition, got[2].Definition; a == b || b == c || a == c {
			t.Errorf("%s: definitions %s, %s, %s", name, a, b, c)
		}
	}
}

// oneRecord is a resolver in which each name has this TXT record and nothing else.
type oneRecord string

func (r oneRecord) TXT(context.Context, string) ([]string, error)      { return []string{string(r)}, nil }
func (r oneRecord) A(context.Context, string) ([]netip.Addr, error)    { return nil, nil }
func (r oneRecord) AAAA(context.Context, string) ([]netip.Addr, error) { return nil, nil }
func (r oneRecord) MX(context.Context, string) ([]string, error)       { return nil, nil }

func TestFetchWithoutWeb(t *testing.T) {
	got := new(allowlist.Fetcher).Fetch(t.Context(), []allowlist.Source{{Name: "web", URL: "https://lists.example/"}})[0]
	if want := "documents on the web are not fetched in this run"; message(got.Err) != want {
		t.Errorf("error %q, want %q", message(got.Err), want)
	}
}
