// Package dnsq asks the DNS and tells "there is nothing" apart from "I do not know": NXDOMAIN and an empty answer are
// an empty result without an error, everything else that is not an answer is an error. Only the first may shrink a
// list (docs/facts.md 16).
//
// It is a stub resolver: it needs resolvers that recurse, validates nothing itself, keeps what it learned for the life
// of a Client and looks at no TTL. A Client is meant for one run.
package dnsq

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// Config says whom to ask and how patiently. The zero value of a field is its default.
type Config struct {
	// Resolvers in the order of preference: an address or host name, with or without :port (53), IPv6 with a port in
	// brackets, or tls://host[:port] (853, DNS over TLS, RFC 7858). Host names are looked up the system's way. Empty:
	// the nameservers of /etc/resolv.conf, or 127.0.0.1 where it names none (resolv.conf(5)).
	Resolvers []string
	// Timeout of one try at one resolver, TCP after a truncated UDP answer included. Default 2s.
	Timeout time.Duration
	// Attempts is the number of tries for a question, going round the resolvers; each resolver gets at least one.
	// Default 3.
	Attempts int
	// Concurrency is the number of questions under way at once. Default 128: what forty policies ask in a round, and less
	// than any resolver takes (dnsmasq refuses beyond 150 of all its clients together).
	Concurrency int
	// RequireAD takes an answer without the AD flag (RFC 6840 section 5.8), NXDOMAIN too, for "don't know". It is
	// worth as much as the path to the resolver: use one on this host, or TLS.
	RequireAD bool
	// RootCAs verify tls:// resolvers. Nil: the system's.
	RootCAs *x509.CertPool
}

// Client asks every question, a name and a type, once and remembers what came of it, errors too, so that one run
// tells one story; only what the caller's own context cut short is forgotten. It is safe for concurrent use and holds
// no socket between questions.
type Client struct {
	resolvers []resolver
	timeout   time.Duration
	tries     int
	requireAD bool
	rootCAs   *x509.CertPool
	slots     chan struct{} // one for each question under way
	preferred atomic.Int64  // index of the resolver to ask first
	sent      atomic.Int64

	mu      sync.Mutex
	flights map[question]*flight
}

// question is a canonical name (see canonical) and a type; the class is always IN.
type question struct {
	name  string
	qtype uint16
}

// flight is a question under way or done; the fields below done are fixed once it is closed.
type flight struct {
	done      chan struct{}
	answer    answer
	err       error
	abandoned bool // the asker's context ended: whoever waited asks again
}

// New checks the configuration; it sends nothing. The error names every bad entry of Resolvers.
func New(c Config) (*Client, error) {
	entries := c.Resolvers
	if len(entries) == 0 {
		var err error
		if entries, err = systemResolvers(resolvConf); err != nil {
			return nil, err
		}
	}
	resolvers, err := parseResolvers(entries)
	if err != nil {
		return nil, err
	}
	return &Client{
		resolvers: resolvers,
		timeout:   positive(c.Timeout, 2*time.Second),
		tries:     max(positive(c.Attempts, 3), len(resolvers)),
		requireAD: c.RequireAD,
		rootCAs:   c.RootCAs,
		slots:     make(chan struct{}, positive(c.Concurrency, 128)),
		flights:   make(map[question]*flight),
	}, nil
}

// Apart returns a client for each resolver, in their order, for questions whose answers only mean something when one and
// the same resolver gave them. Each resolver gets its share of the attempts, at least one; the bound on what is under way
// is that of all together.
func (c *Client) Apart() []*Client {
	clients := make([]*Client, len(c.resolvers))
	for i, r := range c.resolvers {
		clients[i] = &Client{
			resolvers: []resolver{r},
			timeout:   c.timeout,
			tries:     (c.tries + len(c.resolvers) - 1) / len(c.resolvers),
			requireAD: c.requireAD,
			rootCAs:   c.rootCAs,
			slots:     c.slots,
			flights:   make(map[question]*flight),
		}
	}
	return clients
}

func positive[T cmp.Ordered](n, otherwise T) T {
	var zero T
	if n > zero {
		return n
	}
	return otherwise
}

// TXT returns the TXT records of name, the strings of each joined without a separator (RFC 7208 section 3.3), bytes as
// they are. Like the other lookups it follows CNAMEs, takes dotted names whose other bytes, a backslash too, stand for
// themselves, and returns nothing and no error where there is nothing. ErrName marks a name that cannot be asked.
func (c *Client) TXT(ctx context.Context, name string) ([]string, error) {
	records, err := c.lookup(ctx, name, dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, rr := range records {
		texts = append(texts, unescape(strings.Join(rr.(*dns.TXT).Txt, "")))
	}
	return texts, nil
}

// A returns the IPv4 addresses of name in ascending order, each once.
func (c *Client) A(ctx context.Context, name string) ([]netip.Addr, error) {
	return c.addresses(ctx, name, dns.TypeA)
}

// AAAA returns the IPv6 addresses of name in ascending order, each once; IPv4-mapped ones stay IPv6.
func (c *Client) AAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	return c.addresses(ctx, name, dns.TypeAAAA)
}

func (c *Client) addresses(ctx context.Context, name string, qtype uint16) ([]netip.Addr, error) {
	records, err := c.lookup(ctx, name, qtype)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, rr := range records {
		var ip []byte
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A.To4()
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, addr)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), nil
}

// MX returns the mail exchanges of name by preference, then by name: lower case, no final dot, ready for A and AAAA.
// A null MX (RFC 7505) names no exchange and is left out. An exchange with a dot inside a label, which a dotted name
// cannot say, is an error.
func (c *Client) MX(ctx context.Context, name string) ([]string, error) {
	records, err := c.lookup(ctx, name, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	records = slices.SortedFunc(slices.Values(records), func(a, b dns.RR) int {
		x, y := a.(*dns.MX), b.(*dns.MX)
		return cmp.Or(
			cmp.Compare(x.Preference, y.Preference),
			cmp.Compare(dns.CanonicalName(x.Mx), dns.CanonicalName(y.Mx)))
	})
	var hosts []string
	for _, rr := range records {
		host, err := plain(dns.CanonicalName(rr.(*dns.MX).Mx))
		if err != nil {
			return nil, fmt.Errorf("MX %s: %w", printable(name), err)
		}
		if host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}

// Queries is the number of messages sent so far: retries, TCP and the links of CNAME chains count.
func (c *Client) Queries() int { return int(c.sent.Load()) }

// lookup asks for name and follows where its CNAMEs lead.
func (c *Client) lookup(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	subject := dns.TypeToString[qtype] + " " + printable(name)
	first, err := canonical(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject, err)
	}
	q := question{first, qtype}
	asked := map[string]bool{}
	for len(asked) <= maxAliases {
		a, err := c.ask(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", subject, err)
		}
		if a.next == "" {
			return a.records, nil
		}
		asked[q.name] = true
		if asked[a.next] {
			return nil, fmt.Errorf("%s: %w at %s", subject, errAliasLoop, display(a.next))
		}
		q.name = a.next
		subject = ascii.Cut(subject+": CNAME "+display(a.next), maxSubject)
	}
	return nil, fmt.Errorf("%s: more than %d CNAMEs to follow", subject, maxAliases)
}

// ask returns what is known of q, asking if nobody has. It follows no alias: a flight that waited for another could
// wait for itself.
func (c *Client) ask(ctx context.Context, q question) (answer, error) {
	for {
		c.mu.Lock()
		f, known := c.flights[q]
		if !known {
			f = &flight{done: make(chan struct{})}
			c.flights[q] = f
		}
		c.mu.Unlock()
		if !known {
			c.fly(ctx, q, f)
			return f.answer, f.err
		}
		select {
		case <-f.done:
			if !f.abandoned {
				return f.answer, f.err
			}
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		}
	}
}

// fly settles f, and forgets it when it was ctx that ended it.
func (c *Client) fly(ctx context.Context, q question, f *flight) {
	f.answer, f.err = c.resolve(ctx, q)
	if f.err != nil && ctx.Err() != nil {
		f.err, f.abandoned = context.Cause(ctx), true
		c.mu.Lock()
		delete(c.flights, q)
		c.mu.Unlock()
	}
	close(f.done)
}

// resolve puts q to one resolver after the other until one of them knows.
func (c *Client) resolve(ctx context.Context, q question) (answer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	var said verdicts
	first := int(c.preferred.Load())
	for i := range c.tries {
		n := (first + i) % len(c.resolvers)
		a, err := c.try(ctx, c.resolvers[n], i/len(c.resolvers), q)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		if errors.As(err, new(noReply)) {
			// Later questions should not wait for a dead resolver first. One that answers, be it SERVFAIL, keeps its
			// place: the order is the administrator's.
			c.preferred.CompareAndSwap(int64(n), int64((n+1)%len(c.resolvers)))
		}
		said.add(err.Error(), c.resolvers[n].String())
	}
	return answer{}, said
}
