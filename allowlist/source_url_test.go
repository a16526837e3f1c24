package allowlist_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures"
)

// pauses is a Web that does not wait, but notes each pause.
type pauses struct {
	allowlist.Web
	waited []time.Duration
}

func newWeb(change func(*allowlist.Web)) *pauses {
	w := new(pauses)
	w.Pause = func(ctx context.Context, d time.Duration) error {
		w.waited = append(w.waited, d)
		return ctx.Err()
	}
	if change != nil {
		change(&w.Web)
	}
	return w
}

func prefixes(ranges allowlist.Ranges) string {
	var all []string
	for p := range ranges.Minimal() {
		all = append(all, p.String())
	}
	return strings.Join(all, " ")
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func list(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(fixtures.Path("lists", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type page = fixtures.Page

func header(pairs ...string) map[string]string {
	h := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	return h
}

// Answers of a server, over TLS. requests counts the requests for the document.
func TestDocumentAnswers(t *testing.T) {
	one := page{Body: "192.0.2.0/24\n"}
	down := page{Status: 503}
	const quoted = `net/http: HTTP/1.x transport connection broken: malformed MIME header line: "X: \x1b`
	small := func(w *allowlist.Web) { w.MaxBytes = 1 << 20 }
	tests := []struct {
		name     string
		pages    []page
		web      func(*allowlist.Web)
		within   time.Duration // the deadline; zero: none
		want     string
		err      string // after the document's name
		requests int
	}{
		{name: "a list", pages: []page{one}, want: "192.0.2.0/24", requests: 1},
		{name: "nothing in it", pages: []page{{}}, requests: 1},
		{name: "forbidden", pages: []page{{Status: 403}}, err: "403 Forbidden", requests: 1},
		{name: "not found", pages: []page{{Status: 404}}, err: "404 Not Found", requests: 1},
		{name: "gone", pages: []page{{Status: 410}}, err: "410 Gone", requests: 1},
		{name: "no content", pages: []page{{Status: 204}}, err: "204 No Content", requests: 1},
		{name: "304 to no condition", pages: []page{{Status: 304}}, err: "304 Not Modified", requests: 1},
		{name: "up again", pages: []page{down, {Status: 500}, one}, want: "192.0.2.0/24", requests: 3},
		{name: "down", pages: []page{down}, err: "503 Service Unavailable (try 4 of 4)", requests: 4},
		{name: "one try", pages: []page{down}, web: func(w *allowlist.Web) { w.Tries = 1 }, err: "503 Service Unavailable (try 1 of 1)", requests: 1},
		{name: "aborted once", pages: []page{{Fault: fixtures.CutShort, Body: "192.0.2.0/2"}, one}, want: "192.0.2.0/24", requests: 2},
		{name: "always cut short", pages: []page{{Fault: fixtures.CutShort, Body: "192.0.2.0/2"}},
			err: "after 11 bytes: unexpected EOF (try 4 of 4)", requests: 4},
		{name: "a wait past the limit", within: time.Minute, pages: []page{{Status: 429, Header: header("Retry-After", "3600")}},
			err: "429 Too Many Requests (try 1 of 4; the next, in 1h0m0s, is past the time limit)", requests: 1},
		{name: "an absurd wait", within: time.Minute, pages: []page{{Status: 503, Header: header("Retry-After", "18446744073709551615")}},
			err: "503 Service Unavailable (try 1 of 4; the next, in 277h46m40s, is past the time limit)", requests: 1},
		{name: "a wait until the past", pages: []page{{Status: 503, Header: header("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")}, one},
			want: "192.0.2.0/24", requests: 2},
		{name: "endless", pages: []page{{Fault: fixtures.Endless, Body: strings.Repeat("192.0.2.0/24\n", 5000)}}, web: small, err: "larger than 1,048,576 bytes", requests: 1},
		{name: "compressed bomb", pages: []page{{Fault: fixtures.Bomb}}, web: small, err: "larger than 1,048,576 bytes", requests: 1},
		{name: "as large as may be", pages: []page{one}, web: func(w *allowlist.Web) { w.MaxBytes = 13 }, want: "192.0.2.0/24", requests: 1},
		{name: "a byte too large", pages: []page{one}, web: func(w *allowlist.Web) { w.MaxBytes = 12 }, err: "larger than 12 bytes", requests: 1},
		{name: "too many networks", pages: []page{{Body: strings.Repeat("192.0.2.1 ", 120_001)}},
			err: "more than 120,000 addresses and networks", requests: 1},
		{name: "no gzip", pages: []page{{Fault: fixtures.BrokenGzip, Body: "192.0.2.0/24 is no gzip"}}, err: "after 0 bytes: gzip: invalid header (try 4 of 4)", requests: 4},
		{name: "another coding", pages: []page{{Body: "192.0.2.0/24", Header: header("Content-Encoding", "br")}},
			err: "the content-encoding br was not asked for", requests: 1},
		{name: "a header that is quoted", pages: []page{{Header: header("X", "\x1b"+strings.Repeat("a", 200_000))}},
			err: quoted + strings.Repeat("a", 500-len(quoted+"...")) + "... (try 4 of 4)", requests: 4},
		{name: "silent", pages: []page{{Fault: fixtures.Silent}}, within: 3 * time.Second,
			err: "not done within 3s", requests: 1},
		{name: "stalled", pages: []page{{Fault: fixtures.Stalled, Body: "192.0.2.0/24"}}, within: 3 * time.Second,
			err: "after 12 bytes: not done within 3s", requests: 1},
		{name: "no text", pages: []page{{Body: "PK\x03\x04\x00\x00192.0.2.0/24"}}, err: "it is not text: it is a ZIP archive", requests: 1},
		{name: "no text either", pages: []page{{Body: "\x00\x01\x02192.0.2.0/24"}}, err: "it is not text: it holds a zero byte", requests: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := fixtures.HTTPS(t)
			server.Set("/list", test.pages...)
			web := newWeb(test.web)
			web.RootCAs = server.Roots()
			ctx := t.Context()
			if test.within > 0 {
				var cancel func()
				ctx, cancel = context.WithTimeoutCause(ctx, test.within, fmt.Errorf("not done within %s", test.within))
				defer cancel()
			}
			doc, problems, err := web.Document(ctx, allowlist.Source{URL: server.URL("/list")}, nil)
			if got := prefixes(doc.Ranges); got != test.want || len(problems) > 0 {
				t.Errorf("ranges %q, want %q; problems %v", got, test.want, problems)
			}
			want := test.err
			if want != "" {
				want = server.URL("/list") + ": " + want
			}
			if message(err) != want {
				t.Errorf("error %q, want %q", message(err), want)
			}
			if n := len(server.Asked("/list")); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

func TestDocumentPauses(t *testing.T) {
	server := fixtures.HTTP(t)
	server.Set("/list", page{Status: 503}, page{Status: 503, Header: header("Retry-After", "7")}, page{Status: 503})
	web := newWeb(nil)
	if _, _, err := web.Document(t.Context(), allowlist.Source{URL: server.URL("/list")}, nil); err == nil {
		t.Fatal("no error")
	}
	within := func(d, least, most time.Duration) bool { return d >= least && d <= most }
	if w := web.waited; len(w) != 3 || !within(w[0], 250*time.Millisecond, 750*time.Millisecond) ||
		w[1] != 7*time.Second || !within(w[2], time.Second, 3*time.Second) {
		t.Errorf("paused %v", w)
	}
}

// A caller that gives up gets its own error, not that of a time limit, at once.
func TestDocumentCancelled(t *testing.T) {
	server := fixtures.HTTP(t)
	server.Set("/list", page{Status: 503})
	ctx, cancel := context.WithCancel(t.Context())
	web := allowlist.Web{Pause: func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}}
	_, _, err := web.Document(ctx, allowlist.Source{URL: server.URL("/list")}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// The URLs and redirects that are followed. PLAIN and SECURE are the servers, WILD
// and WILDSECURE are these under an address that is not loopback and not in the
// certificate, and no error may show SECRET.
func TestDocumentSchemes(t *testing.T) {
	to := func(place string) page { return page{Status: 302, Header: header("Location", place)} }
	tests := []struct {
		name          string
		url           string
		insecure      bool
		plain, secure page // at /r
		err           string
	}{
		{name: "https", url: "SECURE/list"},
		{name: "https to another host", url: "WILDSECURE/list",
			err: "WILDSECURE/list: tls: failed to verify certificate: x509: certificate is valid for 127.0.0.1, ::1, not 0.0.0.0"},
		{name: "http to loopback", url: "PLAIN/list"},
		{name: "http to a name of loopback", url: "http://localhost:PORT/list"},
		{name: "http to another host", url: "WILD/list", err: "WILD/list: dial tcp 0.0.0.0:PORT: http is for loopback alone: use https, or set insecure = true for a source"},
		{name: "http to another host, insecure", url: "WILD/list", insecure: true},
		{name: "another scheme", url: "ftp://lists.example/list", err: "the url begins with ftp: write https://host/path"},
		{name: "no host", url: "https:///list", err: "the url cannot be read: write https://host/path"},
		{name: "a password that breaks it", url: "https://user:SEC/RET@lists.example/", err: "the url cannot be read: write https://host/path"},
		{name: "secrets", url: "https://user:SECRET@SECUREHOST/none?key=SECRET#SECRET", err: "SECURE/none: 404 Not Found"},
		{name: "nobody there", url: "http://SECRET@127.0.0.1:1/?key=SECRET",
			err: "http://127.0.0.1:1/: dial tcp 127.0.0.1:1: connect: connection refused (try 4 of 4)"},
		{name: "no TLS there", url: "https://PLAINHOST/list", err: "https://PLAINHOST/list: tls: first record does not look like a TLS handshake"},
		{name: "redirect", url: "SECURE/r", secure: to("/list")},
		{name: "redirect upwards", url: "PLAIN/r", plain: to("SECURE/list")},
		{name: "redirect upwards to another host", url: "PLAIN/r", plain: to("WILDSECURE/list"),
			err: "PLAIN/r: redirected to WILDSECURE/list: tls: failed to verify certificate: x509: certificate is valid for 127.0.0.1, ::1, not 0.0.0.0"},
		{name: "redirect sideways", url: "PLAIN/r", plain: to("PLAIN/list")},
		{name: "redirect downwards", url: "SECURE/r", secure: to("PLAIN/list?SECRET"), err: "SECURE/r: redirected from https to PLAIN/list, which is not followed"},
		{name: "redirect downwards, insecure", url: "SECURE/r", insecure: true, secure: to("PLAIN/list"),
			err: "SECURE/r: redirected from https to PLAIN/list, which is not followed"},
		{name: "redirect away from loopback", url: "PLAIN/r", plain: to("WILD/list?SECRET"),
			err: "PLAIN/r: redirected to WILD/list: dial tcp 0.0.0.0:PORT: http is for loopback alone: use https, or set insecure = true for a source"},
		{name: "redirect away from loopback, insecure", url: "PLAIN/r", insecure: true, plain: to("WILD/list")},
		{name: "redirect to a file", url: "SECURE/r", secure: to("file:///etc/passwd"), err: "SECURE/r: 302 Found without a readable Location"},
		{name: "redirect to nowhere", url: "SECURE/r", secure: page{Status: 302}, err: "SECURE/r: 302 Found without a readable Location"},
		{name: "redirect to nonsense", url: "SECURE/r", secure: to("https://%zz/SECRET"), err: "SECURE/r: 302 Found without a readable Location"},
		{name: "redirect to itself", url: "SECURE/r?key=SECRET", secure: to("/r?key=SECRET"), err: "SECURE/r: more than 5 redirects, the last to SECURE/r"},
		{name: "not HTTP", url: "PLAIN/r", plain: page{Fault: fixtures.NotHTTP},
			err: `PLAIN/r: net/http: HTTP/1.x transport connection broken: malformed HTTP status code "mx.example" (try 4 of 4)`},
		{name: "endless header", url: "PLAIN/r", plain: page{Fault: fixtures.EndlessHead},
			err: "PLAIN/r: net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 262144 bytes; aborted (try 4 of 4)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			plain, secure := fixtures.HTTP(t), fixtures.HTTPS(t)
			names := strings.NewReplacer(
				"SECUREHOST", strings.TrimPrefix(secure.URL(""), "https://"), "PLAINHOST", strings.TrimPrefix(plain.URL(""), "http://"),
				"WILDSECURE", fmt.Sprintf("https://0.0.0.0:%d", secure.Port()), "SECURE", secure.URL(""), "PLAIN", plain.URL(""), "PORT", fmt.Sprint(plain.Port()),
				"WILD", fmt.Sprintf("http://0.0.0.0:%d", plain.Port()))
			for server, at := range map[*fixtures.HTTPServer]page{plain: test.plain, secure: test.secure} {
				if place := at.Header["Location"]; place != "" {
					at.Header = header("Location", names.Replace(place))
				}
				server.Set("/r", at)
				server.Set("/list", page{Body: "192.0.2.0/24"})
			}
			web := newWeb(func(w *allowlist.Web) { w.RootCAs = secure.Roots() })
			src := allowlist.Source{URL: names.Replace(test.url), Insecure: test.insecure}
			doc, _, err := web.Document(t.Context(), src, nil)
			if want := names.Replace(test.err); message(err) != want {
				t.Errorf("error %q, want %q", message(err), want)
			}
			if got := prefixes(doc.Ranges); err == nil && got != "192.0.2.0/24" {
				t.Errorf("ranges %q", got)
			}
		})
	}
}

// The query and the password go to the first server and to no other.
func TestDocumentSecrets(t *testing.T) {
	first, second := fixtures.HTTP(t), fixtures.HTTP(t)
	first.Set("/r", page{Status: 307, Header: header("Location", second.URL("/list"))})
	second.Set("/list", page{Body: "192.0.2.0/24"})
	url := strings.Replace(first.URL("/r?key=secret#part"), "http://", "http://user:password@", 1)
	doc, _, err := newWeb(nil).Document(t.Context(), allowlist.Source{URL: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := first.Asked("/r")[0]
	if asked.Get("Query") != "key=secret" || asked.Get("Authorization") != "Basic dXNlcjpwYXNzd29yZA==" {
		t.Errorf("the first server was asked with %v", asked)
	}
	for name, values := range second.Asked("/list")[0] {
		if text := strings.Join(values, " "); strings.Contains(text, "secret") || name == "Authorization" || name == "Referer" {
			t.Errorf("the second server got %s: %s", name, text)
		}
	}
	want := []allowlist.Range{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Path: provenance.Of(first.URL("/r")).AtLine(1)}}
	if diff := cmp.Diff(want, slices.Collect(doc.Ranges.All()), cmp.Comparer(func(a, b allowlist.Range) bool { return a.Prefix == b.Prefix && a.Path.Compare(b.Path) == 0 })); diff != "" {
		t.Error(diff)
	}
}

func TestDocumentTLS(t *testing.T) {
	tests := []struct {
		name   string
		change func(*tls.Config)
		roots  func(*fixtures.HTTPServer) *x509.CertPool
		err    string
	}{
		{"a stranger's certificate", func(*tls.Config) {}, func(*fixtures.HTTPServer) *x509.CertPool { return x509.NewCertPool() },
			"tls: failed to verify certificate: x509: certificate signed by unknown authority: its authority is not in ca_file"},
		{"TLS 1.1", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, (*fixtures.HTTPServer).Roots,
			"remote error: tls: protocol version not supported (try 4 of 4)"},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, (*fixtures.HTTPServer).Roots, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := fixtures.HTTPS(t, test.change)
			server.Set("/list", page{Body: "192.0.2.0/24"})
			web := newWeb(nil)
			web.RootCAs = test.roots(server)
			_, _, err := web.Document(t.Context(), allowlist.Source{URL: server.URL("/list")}, nil)
			if want := server.URL("/list: ") + test.err; err == nil && test.err != "" || err != nil && err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
}

// The authorities of a ca_file are the only ones for its source.
func TestDocumentCAFile(t *testing.T) {
	server := fixtures.HTTPS(t)
	server.Set("/list", page{Body: "192.0.2.0/24"})
	dir := t.TempDir()
	fixtures.WriteFile(t, dir+"/ca.pem", "# ours\n"+server.Certificate())
	fixtures.WriteFile(t, dir+"/none.pem", "none")
	for file, want := range map[string]string{
		"ca.pem":   "",
		"none.pem": "ca_file: " + dir + "/none.pem has no certificate in PEM",
		"gone.pem": "ca_file: open " + dir + "/gone.pem: no such file or directory",
		"":         "tls: failed to verify certificate: x509: certificate signed by unknown authority: install ca-certificates, or name its authority in ca_file",
	} {
		src := allowlist.Source{URL: server.URL("/list")}
		if file != "" {
			src.CAFile = dir + "/" + file
		}
		if want != "" {
			want = server.URL("/list") + ": " + want
		}
		doc, _, err := newWeb(nil).Document(t.Context(), src, nil)
		if message(err) != want || err == nil && prefixes(doc.Ranges) != "192.0.2.0/24" {
			t.Errorf("%s: %v, %s", file, err, prefixes(doc.Ranges))
		}
	}
}

func TestPublishedDocuments(t *testing.T) {
	tests := []struct {
		file, query string
		want        string // the ranges, or a file with the same ranges
	}{
		{"github_meta.json", ".hooks[]", "140.82.112.0/20 143.55.64.0/20 185.199.108.0/22 192.30.252.0/22 2606:50c0::/32 2a0a:a440::/29"},
		{"github_meta.json", ".hooks", "140.82.112.0/20 143.55.64.0/20 185.199.108.0/22 192.30.252.0/22 2606:50c0::/32 2a0a:a440::/29"},
		{"m365_endpoints_worldwide_EXCERPT.json", `.[] | select(.serviceArea == "Exchange" and (.tcpPorts // "" | split(",") | index("25"))) | .ips[]`,
			"40.92.0.0/15 40.107.0.0/16 52.100.0.0/14 104.47.0.0/17 2a01:111:f400::/48 2a01:111:f403::/48"},
		{"cloudflare_ips-v4.txt", "", "103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 104.16.0.0/13 104.24.0.0/14 108.162.192.0/18 131.0.72.0/22 " +
			"141.101.64.0/18 162.158.0.0/15 172.64.0.0/13 173.245.48.0/20 188.114.96.0/20 190.93.240.0/20 197.234.240.0/22 198.41.128.0/17"},
		{"lordalfred_google_ipv4.txt", "", "lordalfred_google_ipv4_merged.txt"},
		{"lordalfred_google_ipv6.txt", "", "lordalfred_google_ipv6_merged.txt"},
	}
	server := fixtures.HTTPS(t)
	for _, test := range tests {
		t.Run(test.file+" "+test.query, func(t *testing.T) {
			server.Set("/list", page{Body: list(t, test.file)})
			web := newWeb(func(w *allowlist.Web) { w.RootCAs = server.Roots() })
			doc, problems, err := web.Document(t.Context(), allowlist.Source{URL: server.URL("/list"), Select: test.query}, nil)
			if err != nil || len(problems) > 0 {
				t.Fatal(err, problems)
			}
			want := test.want
			if strings.HasSuffix(want, ".txt") {
				lines := strings.Fields(list(t, want))
				slices.SortFunc(lines, func(a, b string) int {
					return netip.MustParsePrefix(a).Compare(netip.MustParsePrefix(b))
				})
				want = strings.Join(lines, " ")
			}
			if diff := cmp.Diff(want, prefixes(doc.Ranges)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://lists.example/x?key=SECRET":  "",
		"http://localhost/x":                  "",
		"https://user:SEC/RET@lists.example/": "the url cannot be read: write https://host/path",
		"lists.example/SECRET":                "the url cannot be read: write https://host/path",
		"file://localhost/etc/passwd":         "the url begins with file: write https://host/path",
	} {
		if got := message(allowlist.CheckURL(url)); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

// Nobody reads what a server sends behind its answer: package net/http shows it on stderr where a connection is kept.
func TestDocumentBehind(t *testing.T) {
	var said strings.Builder
	log.SetOutput(&said)
	defer log.SetOutput(os.Stderr)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	closed := make(chan error, 1)
	go func() {
		client, err := server.Accept()
		if err == nil {
			defer client.Close()
			_, err = http.ReadRequest(bufio.NewReader(client))
			io.WriteString(client, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n192.0.2.7\nmailallow: all is well\n")
			io.Copy(io.Discard, client)
		}
		closed <- err
	}()
	got, _, err := newWeb(nil).Document(t.Context(), allowlist.Source{URL: "http://" + server.Addr().String()}, nil)
	if err = errors.Join(err, <-closed); err != nil || prefixes(got.Ranges) != "192.0.2.7/32" {
		t.Errorf("%q, %v", prefixes(got.Ranges), err)
	}
	log.SetOutput(os.Stderr)
	if strings.Contains(said.String(), "all is well") {
		t.Errorf("it says %q", &said)
	}
}

// A Web without Pause waits until the caller gives up.
func TestDocumentWaits(t *testing.T) {
	server := fixtures.HTTP(t)
	server.Set("/list", page{Status: 503, Header: header("Retry-After", "600")})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		web := allowlist.Web{}
		_, _, err := web.Document(ctx, allowlist.Source{URL: server.URL("/list")}, nil)
		failed <- err
	}()
	for len(server.Asked("/list")) == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) || len(server.Asked("/list")) != 1 {
		t.Errorf("%v after %d requests", err, len(server.Asked("/list")))
	}
}
