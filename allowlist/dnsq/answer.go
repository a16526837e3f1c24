package dnsq

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// maxAliases bounds the CNAMEs that a Client follows. Resolvers follow aliases themselves, most of them about as many.
const maxAliases = 8

// maxAddresses bounds those in an answer. No host in use has a hundred. With as many as a message may hold,
// the hosts of a hostile policy needed 400 MB.
const maxAddresses = 1000

var errAliasLoop = errors.New("CNAME loop")

// answer is the answer to a question: records, or the name to ask next, or neither if there are no records. Callers share
// it and do not change it.
type answer struct {
	records []record
	next    string // canonical; the alias whose records the reply does not have
}

// record is the part of a record that lookups return. A dns.RR takes several times the memory.
type record struct {
	addr       netip.Addr // of A and AAAA
	text       string     // of TXT; of MX, the canonical name of the exchange
	preference uint16     // of MX
}

// recordOf reads a record of a type that lookups ask for.
func recordOf(rr dns.RR) (r record) {
	switch rr := rr.(type) {
	case *dns.A:
		r.addr, _ = netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		r.addr, _ = netip.AddrFromSlice(rr.AAAA)
	case *dns.TXT:
		r.text = unescape(strings.Join(rr.Txt, ""))
	case *dns.MX:
		r.text, r.preference = dns.CanonicalName(rr.Mx), rr.Preference
	}
	return r
}

func (r record) compare(s record) int {
	return cmp.Or(r.addr.Compare(s.addr), cmp.Compare(r.preference, s.preference), cmp.Compare(r.text, s.text))
}

// follow asks about q, and about the aliases that an answer leaves open. It gives these aliases as errors show them.
func follow(q question, ask func(question) (answer, error)) (records []record, aliases string, err error) {
	asked := map[string]bool{}
	for len(asked) <= maxAliases {
		a, err := ask(q)
		if err != nil || a.next == "" {
			return a.records, aliases, err
		}
		asked[q.name] = true
		if asked[a.next] {
			return nil, aliases, fmt.Errorf("%w at %s", errAliasLoop, display(a.next))
		}
		q.name = a.next
		if aliases != "" {
			aliases += ": "
		}
		aliases = ascii.Cut(aliases+"CNAME "+display(a.next), maxSubject)
	}
	return nil, aliases, fmt.Errorf("more than %d CNAMEs to follow", maxAliases)
}

// read takes the answer out of a reply to q. Only records on the CNAME chain from q count, since a reply may hold records
// that nobody asked for. An error means that the reply leaves the answer unknown.
func read(q question, m *dns.Msg) (answer, error) {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return answer{}, errors.New(rcodeText(m.Rcode))
	}
	byOwner := map[string][]dns.RR{}
	for _, rr := range m.Answer {
		if rr.Header().Class != dns.ClassINET {
			return answer{}, errMalformed
		}
		owner := dns.CanonicalName(rr.Header().Name)
		byOwner[owner] = append(byOwner[owner], rr)
	}
	owner := q.name
	for seen := map[string]bool{}; ; {
		seen[owner] = true
		records, target, err := at(byOwner[owner], q.qtype)
		switch {
		case err != nil:
			return answer{}, err
		case len(records) > 0 && m.Rcode == dns.RcodeNameError:
			return answer{}, errors.New("NXDOMAIN with an answer")
		case len(records) > maxAddresses && (q.qtype == dns.TypeA || q.qtype == dns.TypeAAAA):
			return answer{}, fmt.Errorf("an answer of more than %s addresses", ascii.Count(maxAddresses))
		case len(records) > 0:
			return answer{records: records}, nil
		case target == "":
			return missing(q, owner, m)
		case seen[target]:
			return answer{}, fmt.Errorf("%w at %s", errAliasLoop, display(target))
		}
		owner = target
	}
}

// at gives the records of qtype of one owner, and the target of its alias. Only a TXT record may have no data: a record
// without a string means the same as one with an empty string.
func at(rrs []dns.RR, qtype uint16) (records []record, target string, err error) {
	for _, rr := range rrs {
		switch h := rr.Header(); {
		case h.Rrtype != qtype && h.Rrtype != dns.TypeCNAME:
		case h.Rdlength == 0 && h.Rrtype != dns.TypeTXT:
			return nil, "", errMalformed
		case h.Rrtype == qtype:
			records = append(records, recordOf(rr))
		default:
			t := dns.CanonicalName(rr.(*dns.CNAME).Target)
			if target != "" && target != t {
				return nil, "", fmt.Errorf("%s has two CNAMEs", display(h.Name))
			}
			target = t
		}
	}
	return records, target, nil
}

// missing gives the answer if the chain of q ends at owner without a record. Only an empty reply means that there are no
// records, because that may make a list smaller.
func missing(q question, owner string, m *dns.Msg) (answer, error) {
	switch {
	case m.Rcode == dns.RcodeSuccess && owner != q.name:
		return answer{next: owner}, nil
	case owner == q.name && len(m.Answer) > 0:
		return answer{}, errors.New("an answer to another question")
	}
	if referral(m) {
		return answer{}, errors.New("a referral, not an answer")
	}
	return answer{}, nil // NXDOMAIN is about the last name of the chain (RFC 6604 section 3)
}

// referral reports whether an empty reply only refers to other servers, because its server neither has the zone nor
// recurses. An SOA record makes it "no data" instead (RFC 2308 section 2.2). A reply with neither NS nor SOA is "no data"
// too: small servers on the same host set neither AA nor RA.
func referral(m *dns.Msg) bool {
	if m.Rcode != dns.RcodeSuccess || m.Authoritative {
		return false
	}
	var ns bool
	for _, rr := range m.Ns {
		switch rr.Header().Rrtype {
		case dns.TypeSOA:
			return false
		case dns.TypeNS:
			ns = true
		}
	}
	return ns
}

func rcodeText(rcode int) string {
	if rcode == dns.RcodeBadVers { // BADSIG has the same number, but only TSIG uses it
		return "BADVERS"
	}
	if text, ok := dns.RcodeToString[rcode]; ok {
		return text
	}
	return fmt.Sprintf("RCODE %d", rcode)
}

// failures is the error of a question without an answer: each failure with the resolvers that it is from.
type failures []failure

type failure struct {
	text    string
	from    []string
	timeout bool
}

func (fs *failures) add(err error, from string) {
	text := err.Error()
	i := slices.IndexFunc(*fs, func(f failure) bool { return f.text == text })
	if i < 0 {
		silent, _ := errors.AsType[noReply](err)
		*fs = append(*fs, failure{text, []string{from}, silent.timeout})
		return
	}
	if f := &(*fs)[i]; !slices.Contains(f.from, from) {
		f.from = append(f.from, from)
	}
}

// NoAnswer reports whether the text begins with "no answer", because the first resolver's time ran out.
func (fs failures) NoAnswer() bool { return fs[0].timeout }

func (fs failures) Error() string {
	var parts []string
	for _, f := range fs {
		parts = append(parts, f.text+" from "+strings.Join(f.from, ", "))
	}
	return ascii.Cut(strings.Join(parts, "; "), maxFailures)
}
