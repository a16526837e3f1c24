package dnsq

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"
)

func TestParseResolver(t *testing.T) {
	const shape = "neither an address nor host:port; an IPv6 address with a port needs brackets"
	for _, row := range []struct{ entry, want, err string }{
		{"192.0.2.53", "192.0.2.53:53", ""},
		{"192.0.2.53:5353", "192.0.2.53:5353", ""},
		{"2001:db8::53", "[2001:db8::53]:53", ""},
		{"[2001:db8::53]", "[2001:db8::53]:53", ""},
		{"[2001:db8::53]:5353", "[2001:db8::53]:5353", ""},
		{"fe80::1%eth0", "[fe80::1%eth0]:53", ""},
		{"localhost", "localhost:53", ""},
		{"dns_1.example.net.:54", "dns_1.example.net.:54", ""},
		{"tls://dns.example", "tls://dns.example:853", ""},
		{"tls://dns.example:8853", "tls://dns.example:8853", ""},
		{"tls://192.0.2.53", "tls://192.0.2.53:853", ""},
		{"tls://2001:db8::53", "tls://[2001:db8::53]:853", ""},
		{"tls://[2001:db8::53]:8853", "tls://[2001:db8::53]:8853", ""},

		{"", "", "not a host name"},
		{"tls://", "", "not a host name"},
		{":53", "", "not a host name"},
		{"https://dns.example/dns-query", "", "unknown scheme: write host, host:port, [v6]:port or tls://host:port"},
		{"192.0.2.53:0", "", "the port must be 1 to 65535"},
		{"192.0.2.53:65536", "", "the port must be 1 to 65535"},
		{"192.0.2.53:dns", "", "the port must be 1 to 65535"},
		{"192.0.2.53:", "", "the port must be 1 to 65535"},
		{"192.0.2.256", "", "not an address"},
		{"192.0.2", "", "not an address"},
		{"[192.0.2.1]:53", "", "only an IPv6 address goes in brackets"},
		{"[dns.example]:53", "", "not an address"},
		{"2001:db8::53:", "", shape},
		{"[2001:db8::53]53", "", shape},
		{"[2001:db8::53", "", shape},
		{"dns example", "", "not a host name"},
		{"dns..example", "", "not a host name"},
		{"dns.example/path", "", "not a host name"},
		{strings.Repeat("x", 64) + ".example", "", "not a host name"},
	} {
		t.Run(row.entry, func(t *testing.T) {
			r, err := parseResolver(row.entry)
			if row.err != "" {
				if err == nil || err.Error() != row.err {
					t.Errorf("got %v, want %s", err, row.err)
				}
				return
			}
			if err != nil || r.String() != row.want {
				t.Errorf("got %s, %v, want %s", r, err, row.want)
			}
		})
	}
}

func TestNewNamesEveryBadResolver(t *testing.T) {
	_, err := New(Config{Resolvers: []string{"192.0.2", "192.0.2.1", "\x1bdns:x"}})
	const want = "resolver \"192.0.2\": not an address\nresolver \"\\x1bdns:x\": the port must be 1 to 65535"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSystemResolvers(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		name, text string
		want       []string
	}{
		{"two", "search example\nnameserver 192.0.2.1\n# nameserver 192.0.2.9\nnameserver 2001:db8::1\n",
			[]string{"192.0.2.1", "2001:db8::1"}},
		{"none", "options edns0\n", []string{"127.0.0.1"}},
		{"empty", "", []string{"127.0.0.1"}},
	} {
		path := filepath.Join(dir, row.name)
		if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := systemResolvers(path)
		if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
			t.Error(row.name, err, diff)
		}
	}
	if got, err := systemResolvers(filepath.Join(dir, "missing")); err != nil || len(got) != 1 || got[0] != "127.0.0.1" {
		t.Error("no file:", got, err)
	}
	if _, err := systemResolvers(dir); err == nil || !strings.HasPrefix(err.Error(), "resolvers: ") {
		t.Error("unreadable:", err)
	}
}

// TestParseCutMessage cuts a message at each octet; none of these may pass for a whole message.
func TestParseCutMessage(t *testing.T) {
	m := new(dns.Msg).SetQuestion("a.example.", dns.TypeA)
	m.Response = true
	for _, text := range []string{"a.example. 1 IN A 192.0.2.1", "a.example. 1 IN A 192.0.2.2"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer, m.Ns = append(m.Answer, rr), append(m.Ns, rr)
	}
	m.SetEdns0(udpSize, false)
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parse(wire); err != nil || !fits(m, got) || len(got.Answer) != 2 {
		t.Fatal(got, err)
	}
	for n := range wire {
		if got, err := parse(wire[:n]); err == nil && fits(m, got) {
			t.Errorf("cut to %d of %d octets: passes", n, len(wire))
		}
	}
}

// FuzzParse compares answers with another parser of messages, which must find the same records, byte for byte.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`a.example. 1 IN TXT "v=spf1 \\ \195" "-all"`, "a.example. 1 IN A 192.0.2.1", "a.example. 1 IN AAAA 2001:db8::1", "a.example. 1 IN MX 10 b.example.", "a.example. 1 IN CNAME b.example."} {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		m := new(dns.Msg).SetQuestion("a.example.", rr.Header().Rrtype)
		m.Response, m.Answer = true, []dns.RR{rr}
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		reply, err := parse(msg)
		if err != nil || len(reply.Question) != 1 {
			return
		}
		q := question{dns.CanonicalName(reply.Question[0].Name), reply.Question[0].Qtype}
		a, err := read(q, reply)
		if err != nil {
			return
		}
		if len(a.records) > 0 && a.next != "" {
			t.Error("both an answer and a name to ask")
		}
		var other dnsmessage.Message
		if reply.Truncated || other.Unpack(msg) != nil {
			return // the other parser is stricter, and exchange repeats a truncated message
		}
		for _, rr := range a.records {
			if !slices.ContainsFunc(other.Answers, func(o dnsmessage.Resource) bool { return sameRecord(rr, o) }) {
				t.Errorf("%v is not in %v", rr, other.Answers)
			}
		}
	})
}

// sameRecord compares the fields that lookups use.
func sameRecord(rr dns.RR, o dnsmessage.Resource) bool {
	switch body := o.Body.(type) {
	case *dnsmessage.AResource:
		a, ok := rr.(*dns.A)
		return ok && a.A.Equal(body.A[:])
	case *dnsmessage.AAAAResource:
		a, ok := rr.(*dns.AAAA)
		return ok && a.AAAA.Equal(body.AAAA[:])
	case *dnsmessage.TXTResource:
		txt, ok := rr.(*dns.TXT)
		return ok && unescape(strings.Join(txt.Txt, "")) == strings.Join(body.TXT, "")
	case *dnsmessage.MXResource:
		mx, ok := rr.(*dns.MX)
		return ok && mx.Preference == body.Pref
	}
	return rr.Header().Rrtype == uint16(o.Header.Type)
}

// FuzzCanonical checks that plain undoes canonical, except for case and the final dot.
func FuzzCanonical(f *testing.F) {
	f.Add(`back\slash.\065.example.`)
	f.Add("\xff\x00 \";@$().example")
	f.Fuzz(func(t *testing.T, name string) {
		text, err := canonical(name)
		if err != nil {
			return
		}
		wire := make([]byte, 256)
		if _, err := dns.PackDomainName(text, wire, 0, nil, false); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got, err := plain(text)
		want := []byte(strings.TrimSuffix(name, "."))
		for i, c := range want {
			if 'A' <= c && c <= 'Z' {
				want[i] += 'a' - 'A'
			}
		}
		if err != nil || got != string(want) {
			t.Errorf("%q -> %q -> %q, %v", name, text, got, err)
		}
	})
}
