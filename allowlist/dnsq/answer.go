package dnsq

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// maxAliases bounds how often a CNAME is asked on. Resolvers follow aliases themselves, mostly up to about this many.
const maxAliases = 8

var errAliasLoop = errors.New("CNAME loop")

// answer is what a reply says about a question: records, or the name to ask instead, or, with neither, that there is
// nothing. It is shared between callers and never changed.
type answer struct {
	records []dns.RR
	next    string // canonical; an alias whose target the reply leaves open
}

// read takes the answer out of a reply to q. Only records on the CNAME chain that starts at q count: what a reply says
// about other names, nobody asked. An error means that the reply does not tell.
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

// at sorts the records of one owner into those of qtype and the target of its alias. Only a TXT record may have no data:
// one that holds no string says the same as one that holds an empty string.
func at(rrs []dns.RR, qtype uint16) (records []dns.RR, target string, err error) {
	for _, rr := range rrs {
		switch h := rr.Header(); {
		case h.Rrtype != qtype && h.Rrtype != dns.TypeCNAME:
		case h.Rdlength == 0 && h.Rrtype != dns.TypeTXT:
			return nil, "", errMalformed
		case h.Rrtype == qtype:
			records = append(records, rr)
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

// missing says what it means that the chain of q ends at owner without a record. That there is nothing is believed of an
// empty reply alone: what is taken for nothing makes a list smaller.
func missing(q question, owner string, m *dns.Msg) (answer, error) {
	switch {
	case m.Rcode == dns.RcodeSuccess && owner != q.name:
		return answer{next: owner}, nil
	case owner == q.name && len(m.Answer) > 0:
		return answer{}, errors.New("an answer about something else")
	}
	if referral(m) {
		return answer{}, errors.New("a referral, no answer")
	}
	return answer{}, nil // NXDOMAIN is of the chain's last name (RFC 6604 section 2.1)
}

// referral reports whether an empty reply only points elsewhere, as a server does that neither knows nor recurses; an
// SOA would make it a true "no data" (RFC 2308 section 2.2). Without any sign it is believed: small servers on one's own
// host set neither AA nor RA, and the guard stands behind it.
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
	if rcode == dns.RcodeBadVers { // the number is BADSIG's too, which only TSIG uses
		return "BADVERS"
	}
	if text, ok := dns.RcodeToString[rcode]; ok {
		return text
	}
	return fmt.Sprintf("RCODE %d", rcode)
}

// verdicts is the error of a question nobody answered: what was said, each with the resolvers that said it.
type verdicts []verdict

type verdict struct {
	said string
	from []string
}

func (v *verdicts) add(said, from string) {
	i := slices.IndexFunc(*v, func(w verdict) bool { return w.said == said })
	if i < 0 {
		*v = append(*v, verdict{said, []string{from}})
		return
	}
	if w := &(*v)[i]; !slices.Contains(w.from, from) {
		w.from = append(w.from, from)
	}
}

func (v verdicts) Error() string {
	var parts []string
	for _, w := range v {
		parts = append(parts, w.said+" from "+strings.Join(w.from, ", "))
	}
	return ascii.Cut(strings.Join(parts, "; "), maxVerdicts)
}
