//go:build linux

package systemd

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"aead.dev/minisign"

	"mailallow/fixtures"
)

// publisher is a web server with one list and its signature.
type publisher struct {
	mu              sync.Mutex
	list, signature string
	status          int // of the list; 0 is 200
	unchanged       int // answers without a body
}

func (p *publisher) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, ".minisig") {
		w.Write([]byte(p.signature))
		return
	}
	tag := `"` + p.signature[len(p.signature)-20:len(p.signature)-1] + `"`
	w.Header().Set("ETag", tag)
	switch {
	case p.status != 0:
		w.WriteHeader(p.status)
	case r.Header.Get("If-None-Match") == tag:
		p.unchanged++
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Write([]byte(p.list))
	}
}

// TestSigned: the units follow a signed list on a web server. One that nobody signed never gets into a file, wherever it was
// changed, and the host's own list goes in when the fetch has failed.
func TestSigned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	list := func(network string) (text, signature string) {
		s.dns.Set(`spf.example. 60 IN TXT "v=spf1 ip4:` + network + ` -all"`)
		s.Write("/root/maker.toml", "state_dir = \"/root/state\"\n[[source]]\nname = \"provider\"\nspf = [\"spf.example\"]\naction = \"OK\"\n", 0o644)
		s.Run("mailallow", "-c", "/root/maker.toml", "-q", "fetch", "-o", "/root/list.json")
		text = s.Read("/root/list.json")
		return text, string(minisign.SignWithComments(private, []byte(text), "reviewed", "x"))
	}
	p := &publisher{}
	p.list, p.signature = list("74.125.4.0/23")
	web := httptest.NewUnstartedServer(p)
	web.Listener.Close()
	web.Listener = s.Listen("127.0.0.1:80")
	web.Start()
	t.Cleanup(web.Close)

	configure := func(own string) {
		s.Write("/etc/mailallow/mailallow.toml", config+"[[source]]\nname = \"own\"\ncidr = [\""+own+"\"]\naction = \"OK\"\n"+
			"[snapshot]\nurl = \"http://127.0.0.1/list.json\"\nkeys = [\""+public.String()+"\"]\n", 0o644)
	}
	configure("192.0.2.1")
	expect := func(what string, status int, says string, networks ...string) {
		t.Helper()
		got, journal := s.update()
		if got != status || !strings.Contains(journal, says) {
			t.Errorf("%s: status %d, want %d and %q\n%s", what, got, status, says, journal)
		}
		for _, network := range networks {
			if s.lookup(network) != "OK" {
				t.Errorf("%s: Sendmail does not find %s\n%s", what, network, journal)
			}
		}
		if s.lookup("74.125.9") == "OK" {
			t.Errorf("%s: a list that nobody signed is installed", what)
		}
	}
	expect("a signed list", 0, "signed by the key", "74.125.5", "192.0.2.1")
	expect("the same", 0, "signed by the key", "74.125.5")
	p.set(func() {
		if p.unchanged != 1 {
			t.Errorf("%d answers that the list has not changed, want 1", p.unchanged)
		}
	})

	good, signature := p.list, p.signature
	forged, _ := list("74.125.8.0/23")
	p.set(func() { p.list = forged; p.signature = strings.Replace(signature, "x", "y", 1) + " " })
	configure("192.0.2.2")
	expect("a list that nobody signed", 4, "its signature is refused", "74.125.5", "192.0.2.2")
	p.set(func() { p.list, p.signature, p.status = good, signature, http.StatusNotFound })
	configure("192.0.2.3")
	expect("no list", 4, "cannot be had", "74.125.5", "192.0.2.3")
	p.set(func() { p.status = 0 })
	fixtures.WriteFile(t, s.Path("/root/forged.json"), forged)
	s.Write("/run/systemd/system/mailallow.service.d/forged.conf", "[Service]\nExecStartPre=+/bin/cp /root/forged.json /run/mailallow-fetch/snapshot.json\n", 0o644)
	s.changed = true
	expect("a list that was changed between the two services", 2, "its signature is refused", "74.125.5", "192.0.2.3")
	s.Run("rm", "-r", "/run/systemd/system/mailallow.service.d")
	s.changed = true
	p.set(func() { p.list, p.signature = list("74.125.4.0/22") })
	expect("the next list", 0, "signed by the key", "74.125.7")
}
