package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// release is one list as its publisher signed it.
type release struct {
	text, signature []byte
	table           string // what it makes of the host's file
}

// fleetServer is a web server in front of hosts. It counts what it serves.
type fleetServer struct {
	release
	down      bool
	bytes     int
	requests  int
	unchanged int
}

func (s *fleetServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests++
	tag := fmt.Sprintf("%q", fmt.Sprint(len(s.text), len(s.table), string(s.signature[60:90])))
	switch {
	case s.down:
		w.WriteHeader(http.StatusForbidden) // an outage that no try repeats, so that the test need not wait
	case strings.HasSuffix(r.URL.Path, ".minisig"):
		n, _ := w.Write(s.signature)
		s.bytes += n
	case r.Header.Get("If-None-Match") == tag:
		s.unchanged++
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("ETag", tag)
		n, _ := w.Write(s.text)
		s.bytes += n
	}
}

// publish makes the release of a day: eight networks that stay, and some of three more. Its ranges may be of an earlier day.
func publish(t *testing.T, key int, written, fetched time.Time, extra int) release {
	src := snapshot.Source{Status: guard.Fresh}
	src.Name, src.Definition, src.Time = "provider", "sha256:1", fetched
	var table strings.Builder
	for i := range 11 {
		if i < 8 || extra&(1<<(i-8)) != 0 {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{74, 125, byte(2 * i), 0}), 24)
			src.Ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of("spf.example", "ip4:"+p.String())})
			table.WriteString(p.String() + "\n")
		}
	}
	text, err := snapshot.Of(written, []snapshot.Source{src}).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return release{text, signed(key, text, "reviewed"), table.String() + "192.0.2.9/32\n"}
}

// TestSoakFleet has twenty hosts follow one web server over thirty days, four times a day, each at a time of its own: with
// outages, a list that somebody else signed, a genuine list played again, and a roll-back. No host ever has a list that
// nobody signed, and each has the newest with its first run that the server answers.
func TestSoakFleet(t *testing.T) {
	random := fixtures.Random(t)
	server := &fleetServer{}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	const runs = 4 // of a host in a day
	hosts, days := fixtures.Rounds(4, 20), fixtures.Rounds(6, 30)
	dirs := make([]string, hosts)
	for i := range dirs {
		dirs[i] = t.TempDir()
		fixtures.WriteFile(t, filepath.Join(dirs[i], "c.toml"), "state_dir = \"state\"\nguard.max_age = \"1000d\"\n[snapshot]\nurl = \""+web.URL+"/list.json\"\nkeys = [\""+signingKey(1).public+"\"]\n"+
			"[[source]]\nname = \"provider\"\nfrom = \"snapshot\"\naction = \"OK\"\n[[source]]\nname = \"own\"\ncidr = [\"192.0.2.9\"]\naction = \"OK\"\n[[target]]\nformat = \"cidr\"\npath = \"list.cidr\"\n")
	}
	begin := time.Now().Truncate(time.Second).AddDate(0, 0, -days-1)
	at := func(day int) time.Time { return begin.Add(time.Duration(day) * 24 * time.Hour) }
	genuine := map[string]bool{"": true, "192.0.2.9/32\n": true} // tables that somebody signed, and the host's own
	var all []release
	whole, late, unsigned := 0, 0, 0
	for day := range days {
		next := publish(t, 1, at(day), at(day), random.IntN(8))
		if day > 3 && day%10 == 5 { // the list of the day before yesterday, published again
			next = publish(t, 1, at(day), at(day-2), random.IntN(8))
		}
		all, genuine[next.table] = append(all, next), true
		for run := range runs {
			server.release, server.down = next, day%7 == 3 && run < 2
			want := exit.Done
			refused := false
			switch {
			case server.down:
				want = exit.Stale
			case day%9 == 4 && run == 0: // somebody else's key
				server.release = publish(t, 2, at(day), at(day), 0)
				server.text = bytes.ReplaceAll(server.text, []byte("74.125.0.0/24"), []byte("6.6.6.0/24"))
				server.signature, refused, want = signed(2, server.text, "trust me"), true, exit.Usage
			case day%9 == 2 && run == 1 && all[day-1].table != next.table: // the list of yesterday, played again
				server.release, refused, want = all[day-1], true, exit.Held
			}
			for _, i := range random.Perm(hosts) {
				var out bytes.Buffer
				code := execute(t.Context(), []string{"update", "-q", "-c", filepath.Join(dirs[i], "c.toml")}, strings.NewReader(""), &out, &out)
				whole += len(server.text) + len(server.signature)
				table, _ := os.ReadFile(filepath.Join(dirs[i], "list.cidr"))
				if !genuine[string(table)] {
					unsigned++
				}
				if code != want {
					t.Fatalf("day %d, run %d, host %d: exit code %d, want %d\n%s", day, run, i, code, want, &out)
				}
				if !server.down && !refused && string(table) != next.table {
					late++
				}
			}
		}
	}
	t.Logf("%d hosts, %d days, %d requests: %d bytes served, %d without ETag; %d answers without a body", hosts, days, server.requests, server.bytes, whole, server.unchanged)
	t.Logf("hosts that had a list nobody signed: %d; hosts without the newest list after a run that was answered: %d", unsigned, late)
	if unsigned > 0 || late > 0 || server.bytes > whole/2 {
		t.Error("a list that nobody signed, one that is late, or too many bytes")
	}
}
