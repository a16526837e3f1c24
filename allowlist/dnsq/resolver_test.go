package dnsq

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"
)

func TestParseResolver(t *testing.T) {
	const several = "more than one resolver: name each by itself"
	const shape = "neither an address nor host:port; an IPv6 address with a port needs brackets"
	for _, row := range []struct{ entry, want, err string }{
		{"192.0.2.53", "192.0.2.53:53", ""},
		{"192.0.2.53:5353", "192.0.2.53:5353", ""},
		{"192.0.2.53, 192.0.2.54", "", several},
		{"192.0.2.53:53,dns.example:53", "", several},
		{"192.0.2.53,", "", "not a host name"},
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

// TestSystemResolvers: one bad line beside a good one is a warning, and bad lines alone are an error; both have file and line.
func TestSystemResolvers(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		name, text, want string
		unread, err      string // FILE is the file
	}{
		{"two", "search example\nnameserver 192.0.2.1\n# nameserver 192.0.2.9\nnameserver 2001:db8::1\n", "192.0.2.1:53 [2001:db8::1]:53", "", ""},
		{"an interface", "nameserver fe80::1%eth0\n", "[fe80::1%eth0]:53", "", ""},
		{"a port", "nameserver 127.0.0.1:5353\n", "127.0.0.1:5353", "", ""},
		{"comments behind", "nameserver 127.0.0.1 # local\nnameserver 127.0.0.2;local\nnameserver 127.0.0.3#53\n", "127.0.0.1:53 127.0.0.2:53 127.0.0.3:53", "", ""},
		{"blanks and CRs", "\toptions ndots:5\r\n\tnameserver\t127.0.0.1\r\nnameserver\r\nnameservers 127.0.0.2\r\n", "127.0.0.1:53", "", ""},
		{"none", "options edns0\n", "127.0.0.1:53", "", ""},
		{"empty", "", "127.0.0.1:53", "", ""},
		{"one bad line", "nameserver 999.1.1.1\nnameserver 127.0.0.1\n", "127.0.0.1:53", `FILE:1: nameserver "999.1.1.1": not an address`, ""},
		{"bad lines", "nameserver 127.0.0.1\n\nnameserver dns.example\nnameserver [2001:db8::1]:53%eth0\nnameserver tls://\x1b\nnameserver 1.2.3\nnameserver 127.0.0.1:dns\n", "127.0.0.1:53",
			`FILE:3: nameserver "dns.example": not an address` + "\n" +
				`FILE:4: nameserver "[2001:db8::1]:53%eth0": the port must be 1 to 65535` + "\n" +
				`FILE:5: nameserver "tls://\x1b": not a host name` + "\n" +
				`FILE:6: nameserver "1.2.3": not an address` + "\n" +
				`FILE:7: nameserver "127.0.0.1:dns": the port must be 1 to 65535`, ""},
		{"bad lines alone", "nameserver 999.1.1.1\nnameserver 127.0.0.1/32\n", "", "",
			`FILE:1: nameserver "999.1.1.1": not an address` + "\n" + `FILE:2: nameserver "127.0.0.1/32": not a host name`},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(dir, "resolv.conf")
			if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			resolvers, unread, err := systemResolvers(path)
			got := []string{strings.Trim(fmt.Sprint(resolvers), "[]"), message(errors.Join(unread...)), message(err)}
			want := []string{strings.Trim(row.want, "[]"), row.unread, row.err}
			for i := range want {
				if want[i] = strings.ReplaceAll(want[i], "FILE", path); got[i] != want[i] {
					t.Errorf("got %s, want %s", got[i], want[i])
				}
			}
		})
	}
	if got, _, err := systemResolvers(filepath.Join(dir, "missing")); err != nil || len(got) != 1 || got[0].host != "127.0.0.1" {
		t.Error("no file:", got, err)
	}
	if _, _, err := systemResolvers(dir); err == nil || !strings.HasPrefix(err.Error(), "resolvers: ") {
		t.Error("unreadable:", err)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
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

// TestManyAddresses: an answer at its bound counts, and one with an address more is not known.
func TestManyAddresses(t *testing.T) {
	m := new(dns.Msg).SetQuestion("a.example.", dns.TypeA)
	for i := range maxAddresses + 1 {
		a, err := read(question{"a.example.", dns.TypeA}, m)
		if len(a.records) != i || err != nil {
			t.Fatalf("%d of %d records, %v", len(a.records), i, err)
		}
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeA, Class: dns.ClassINET, Rdlength: 4}, A: []byte{192, 0, byte(i >> 8), byte(i)}})
	}
	const want = "an answer of more than 1,000 addresses"
	if _, err := read(question{"a.example.", dns.TypeA}, m); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
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
		for _, r := range a.records {
			if !slices.ContainsFunc(other.Answers, func(o dnsmessage.Resource) bool { return sameRecord(r, o) }) {
				t.Errorf("%v is not in %v", r, other.Answers)
			}
		}
	})
}

// sameRecord compares what lookups return.
func sameRecord(r record, o dnsmessage.Resource) bool {
	switch body := o.Body.(type) {
	case *dnsmessage.AResource:
		return r.addr == netip.AddrFrom4(body.A)
	case *dnsmessage.AAAAResource:
		return r.addr == netip.AddrFrom16(body.AAAA)
	case *dnsmessage.TXTResource:
		return r.text == strings.Join(body.TXT, "")
	case *dnsmessage.MXResource:
		return r.text != "" && r.preference == body.Pref
	}
	return r == record{}
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
