package spf

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// scenario is a document of the RFC 7208 test suite.
type scenario struct {
	Description string
	Tests       map[string]struct {
		Host, Mailfrom, Helo string
		Result               yaml.Node
	}
	Zonedata map[string][]yaml.Node
}

// receiverOnly names tests whose result comes from the receivers' limits, with the kind of problem that Walk reports
// instead.
var receiverOnly = map[string]string{
	"mx-limit":           KindMXLimit,
	"mech-over-limit":    KindLookupLimit,
	"include-over-limit": KindLookupLimit,
	"void-over-limit":    KindVoidLimit,
}

// TestSuite runs the public suite. If a test expects pass, its host must be in Pass, else it must not. If a test expects
// an error, the policy must have it. A client with an IPv4-mapped address is an IPv4 client (section 5), so Pass must not
// hold the mapped address.
func TestSuite(t *testing.T) {
	counts := map[string]int{}
	for _, s := range readSuite(t) {
		dns := s.dns(t)
		for name, test := range s.Tests {
			t.Run(strings.ReplaceAll(s.Description, " ", "_")+"/"+name, func(t *testing.T) {
				var want []string
				if err := test.Result.Decode(&want); err != nil {
					want = []string{test.Result.Value}
				}
				_, domain, mailfrom := strings.Cut(test.Mailfrom, "@")
				if !mailfrom {
					domain = test.Helo
				}
				res := walk(t, dns, domain)
				host := netip.MustParseAddr(test.Host)
				in := res.Pass.Contains(host.Unmap())
				if host.Is4In6() && res.Pass.Contains(host) {
					t.Errorf("%s: %s passes as an IPv6 address", domain, host)
				}
				if kind := receiverOnly[name]; kind != "" {
					if !strings.Contains(kinds(res), kind) {
						t.Errorf("no problem of kind %s: %v", kind, res.Problems)
					}
					counts["receivers' limit: reported"]++
					return
				}
				unlistable := strings.Contains(kinds(res), KindUnlistable)
				switch {
				case in && !slices.Contains(want, "pass"):
					t.Errorf("%s: %s passes, want %v", domain, test.Host, want)
				case !in && unlistable:
					counts["depends on the sender: not listed"]++
				case !in && slices.Equal(want, []string{"pass"}):
					t.Errorf("%s: %s does not pass: %v", domain, test.Host, res.Problems)
				case len(want) == 1 && strings.Contains("none permerror temperror", want[0]) && string(res.Error) != want[0]:
					t.Errorf("%s: error %q, want %v: %v", domain, res.Error, want, res.Problems)
				default:
					counts["checked exactly"]++
				}
			})
		}
	}
	t.Log(counts)
	if counts["checked exactly"] < 150 {
		t.Errorf("only %d tests checked exactly", counts["checked exactly"])
	}
}

func readSuite(t *testing.T) []scenario {
	data, err := os.ReadFile("../../fixtures/spf/rfc7208-tests.yml")
	if err != nil {
		t.Fatal(err)
	}
	var out []scenario
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var s scenario
		if err := dec.Decode(&s); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
}

// dns reads zonedata. An SPF record is a TXT record too if the name has no other; TXT NONE prevents that. TIMEOUT makes
// questions for types without a record fail.
func (s scenario) dns(t *testing.T) *fakeDNS {
	d := newFakeDNS()
	for name, records := range s.Zonedata {
		name = strings.ToLower(name)
		var spf, txt []string
		types := map[string]bool{}
		timeout := false
		for _, r := range records {
			if r.Value == "TIMEOUT" {
				timeout = true
				continue
			}
			kind, value := r.Content[0].Value, r.Content[1]
			types[kind] = true
			switch kind {
			case "SPF":
				spf = append(spf, joined(value))
			case "TXT":
				txt = append(txt, joined(value))
			case "A":
				d.a[name] = append(d.a[name], netip.MustParseAddr(value.Value))
			case "AAAA":
				d.aaaa[name] = append(d.aaaa[name], netip.MustParseAddr(value.Value))
			case "MX":
				d.mx[name] = append(d.mx[name], value.Content[1].Value)
			case "CNAME", "PTR":
			default:
				t.Fatalf("%s: record of type %s", name, kind)
			}
		}
		if !types["TXT"] {
			txt = spf
		}
		if txt = slices.DeleteFunc(txt, func(s string) bool { return s == "NONE" }); len(txt) > 0 {
			d.txt[name] = txt
		}
		for kind, exists := range map[string]bool{
			"TXT": len(txt) > 0, "A": types["A"], "AAAA": types["AAAA"], "MX": types["MX"],
		} {
			d.broken[question{kind, name}] = timeout && !exists
		}
	}
	for name, records := range s.Zonedata { // the only alias that a test needs leads to a TXT record
		for _, r := range records {
			if r.Value != "TIMEOUT" && r.Content[0].Value == "CNAME" {
				d.txt[name] = d.txt[strings.ToLower(r.Content[1].Value)]
			}
		}
	}
	return d
}

func joined(n *yaml.Node) string {
	if n.Kind != yaml.SequenceNode {
		return latin1(n.Value)
	}
	var b strings.Builder
	for _, c := range n.Content {
		b.WriteString(latin1(c.Value))
	}
	return b.String()
}

// latin1 gives a byte for each character, because \xNN is a character in YAML.
func latin1(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}
