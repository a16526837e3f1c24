// Package dnsq asks the DNS and distinguishes "no records" from "unknown". NXDOMAIN and an empty answer are an empty
// result without an error; everything else that is not an answer is an error. Only an empty result may make a list
// smaller (docs/facts.md 16).
//
// It is a stub resolver: it needs resolvers that recurse, and it does not validate DNSSEC. Against a resolver with forged
// answers in its cache, Config.Agree compares two. A Client is for one run: it keeps every answer and ignores TTLs.
package dnsq

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// Config configures a Client. A zero field means its default.
type Config struct {
	// Resolvers in the order of preference: an address or host name, with or without :port (53), IPv6 with a port in
	// brackets, or tls://host[:port] (853, DNS over TLS, RFC 7858). The system looks host names up. The default is the
	// nameservers of /etc/resolv.conf, or 127.0.0.1 if it has none (resolv.conf(5)).
	Resolvers []string
	// Timeout bounds one try at one resolver, including TCP after a truncated UDP answer. Default 2s.
	Timeout time.Duration
	// Attempts is the number of tries for a question, at one resolver after another; each resolver gets at least one.
	// Default 3.
	Attempts int
	// Concurrency is the number of questions at the same time. The default, 128, is enough for a round of forty policies,
	// and less than any resolver accepts (dnsmasq accepts 150 of all its clients together).
	Concurrency int
	// RequireAD makes an answer without the AD flag (RFC 6840 section 5.8), also NXDOMAIN, an error. Anyone on the path to
	// the resolver can set the flag: use a resolver on this host, or TLS.
	RequireAD bool
	// RootCAs verify tls:// resolvers; nil means the system's.
	RootCAs *x509.CertPool
	// Agree is the number of resolvers that have to give the same answer before it counts: 1, the default, or 2. With 2, a
	// Client asks two different resolvers at the same time, first those that come first, and the others in place of one
	// that fails. If two differ, or fewer than two answer, the lookup is an error that names the resolvers.
	Agree int
	// Origin and AgreeAt are for messages: where Resolvers were read, such as "--resolver", and where Agree is written, such
	// as "mailallow.toml:4".
	Origin, AgreeAt string
	// Places has for each of Resolvers where it is written, such as "mailallow.toml:3"; without, that is Origin.
	Places []string
}

// TooFewError is the error of New if there are fewer different resolvers than Config.Agree.
type TooFewError struct{ text string }

func (e *TooFewError) Error() string { return e.text }

// Client asks each question, a name and a type, only once and keeps the answer or the error, so that all callers in a
// run get the same. It does not keep an error that comes from the end of a caller's context. A Client is safe for
// concurrent use and holds no socket between questions.
type Client struct {
	resolvers []resolver
	unread    []error
	timeout   time.Duration
	tries     int
	agree     int
	requireAD bool
	rootCAs   *x509.CertPool
	slots     chan struct{} // an element for each question that is being asked
	sent      atomic.Int64
	ledger    *ledger

	mu      sync.Mutex
	ranking []int // indexes of the resolvers, in the order to ask them
	lookups map[inquiry]*lookup
}

// question is a canonical name (see canonical) and a type; the class is always IN.
type question struct {
	name  string
	qtype uint16
}

// inquiry is a question to one resolver, by its index, or to as many as Config.Agree says.
type inquiry struct {
	question
	resolver int
}

const byAgree = -1

// lookup is an inquiry that is being made or has been made. Once done is closed, the other fields do not change.
type lookup struct {
	done      chan struct{}
	answer    answer
	err       error
	abandoned bool // the context of the caller that asked ended: waiting callers ask again
}

// New checks the configuration and sends nothing. The error names every bad entry of Resolvers, or is a TooFewError.
func New(c Config) (*Client, error) {
	var unread []error
	origin := cmp.Or(c.Origin, "Resolvers")
	resolvers, err := parseResolvers(c.Resolvers)
	if len(c.Resolvers) == 0 {
		origin = resolvConf
		resolvers, unread, err = systemResolvers(resolvConf)
	}
	if err != nil {
		return nil, err
	}
	for i := range resolvers {
		if len(c.Resolvers) > 0 && len(c.Places) == len(resolvers) {
			resolvers[i].place = c.Places[i]
		} else if len(c.Resolvers) > 0 {
			resolvers[i].place = origin
		}
	}
	if c.Agree > 1 {
		if resolvers, err = c.enough(resolvers, origin); err != nil {
			return nil, err
		}
	}
	return &Client{
		resolvers: resolvers,
		unread:    unread,
		timeout:   positive(c.Timeout, 2*time.Second),
		tries:     max(positive(c.Attempts, 3), len(resolvers)),
		agree:     positive(c.Agree, 1),
		requireAD: c.RequireAD,
		rootCAs:   c.RootCAs,
		slots:     make(chan struct{}, positive(c.Concurrency, 128)),
		ranking:   upTo(len(resolvers)),
		lookups:   make(map[inquiry]*lookup),
		ledger:    newLedger(),
	}, nil
}

// enough gives the different ones of resolvers, if they are as many as have to agree. A resolver that is written twice
// would agree with itself.
func (c Config) enough(resolvers []resolver, origin string) ([]resolver, error) {
	if c.Agree > 2 {
		return nil, fmt.Errorf("agree = %d is not between 1 and 2", c.Agree)
	}
	resolvers = different(resolvers)
	if len(resolvers) >= c.Agree {
		return resolvers, nil
	}
	text := fmt.Sprintf("agree = %d needs two resolvers, and %s gives only %s: name another that shares no cache with it",
		c.Agree, origin, resolvers[0])
	if c.AgreeAt != "" {
		text = c.AgreeAt + ": " + text
	}
	return nil, &TooFewError{text}
}

// Apart returns a client for each resolver, in their order, for answers that are comparable only if the same resolver
// gave them; Config.Agree does not bind them. Each resolver gets its share of the attempts, at least one. All these
// clients share one bound of concurrency.
func (c *Client) Apart() []*Client {
	clients := make([]*Client, len(c.resolvers))
	for i, r := range c.resolvers {
		clients[i] = &Client{
			resolvers: []resolver{r},
			timeout:   c.timeout,
			tries:     (c.tries + len(c.resolvers) - 1) / len(c.resolvers),
			agree:     1,
			requireAD: c.requireAD,
			rootCAs:   c.rootCAs,
			slots:     c.slots,
			ranking:   upTo(1),
			lookups:   make(map[inquiry]*lookup),
			ledger:    c.ledger,
		}
	}
	return clients
}

func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

func positive[T cmp.Ordered](n, def T) T {
	var zero T
	if n > zero {
		return n
	}
	return def
}

// TXT returns the TXT records of name. It joins the strings of each record without a separator (RFC 7208 section 3.3) and
// does not change their bytes. Like the other lookups it follows CNAMEs, and returns nothing and no error if there are no
// records. name is dotted; all its other bytes, also a backslash, mean themselves. The error wraps ErrName if no DNS
// message can hold the name.
func (c *Client) TXT(ctx context.Context, name string) ([]string, error) {
	records, err := c.records(ctx, name, dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, r := range records {
		texts = append(texts, r.text)
	}
	return texts, nil
}

// A returns the distinct IPv4 addresses of name in ascending order.
func (c *Client) A(ctx context.Context, name string) ([]netip.Addr, error) {
	return c.addresses(ctx, name, dns.TypeA)
}

// AAAA returns the distinct IPv6 addresses of name in ascending order; IPv4-mapped ones stay IPv6.
func (c *Client) AAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	return c.addresses(ctx, name, dns.TypeAAAA)
}

func (c *Client) addresses(ctx context.Context, name string, qtype uint16) ([]netip.Addr, error) {
	records, err := c.records(ctx, name, qtype)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, r := range records {
		if r.addr.IsValid() {
			addrs = append(addrs, r.addr)
		}
	}
	sort.Slice(addrs, func(i, j int) bool { return addrs[i].Less(addrs[j]) })
	return slices.Compact(addrs), nil
}

// MX returns the mail exchanges of name by preference, then by name, in lower case and without a final dot. It leaves
// out a null MX (RFC 7505), which names no exchange. An exchange with a dot inside a label is an error, since a dotted
// name cannot express it.
func (c *Client) MX(ctx context.Context, name string) ([]string, error) {
	records, err := c.records(ctx, name, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, r := range distinct(records) {
		host, err := plain(r.text)
		if err != nil {
			return nil, fmt.Errorf("MX %s: %w", printable(name), err)
		}
		if host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}

// Unread gives an error for each line of /etc/resolv.conf that names a server which cannot be asked; it has file and line.
func (c *Client) Unread() []error { return c.unread }

// Queries gives the number of messages sent so far, including retries, TCP and the names of CNAME chains.
func (c *Client) Queries() int { return int(c.sent.Load()) }

// records asks about name and follows its CNAMEs.
func (c *Client) records(ctx context.Context, name string, qtype uint16) ([]record, error) {
	subject := dns.TypeToString[qtype] + " " + printable(name)
	first, err := canonical(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject, err)
	}
	records, aliases, err := follow(question{first, qtype}, func(q question) (answer, error) {
		return c.ask(ctx, inquiry{q, byAgree}, c.resolve)
	})
	if err != nil && aliases != "" {
		subject = ascii.Cut(subject+": "+aliases, maxSubject)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject, err)
	}
	return records, nil
}

// asker finds the answer to a question.
type asker func(ctx context.Context, q question) (answer, error)

// ask returns the answer to an inquiry, which find gets. It calls find only if no other caller has. It follows no alias: a
// lookup that waits for another one could wait for itself.
func (c *Client) ask(ctx context.Context, q inquiry, find asker) (answer, error) {
	for {
		c.mu.Lock()
		l, known := c.lookups[q]
		if !known {
			l = &lookup{done: make(chan struct{})}
			c.lookups[q] = l
		}
		c.mu.Unlock()
		if !known {
			c.finish(ctx, q, l, find)
			return l.answer, l.err
		}
		select {
		case <-l.done:
			if !l.abandoned {
				return l.answer, l.err
			}
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		}
	}
}

// finish gets the answer and ends the lookup. It forgets the lookup if ctx ended it, and the failed try of one resolver,
// which agreed may repeat.
func (c *Client) finish(ctx context.Context, q inquiry, l *lookup, find asker) {
	l.answer, l.err = find(ctx, q.question)
	ended := l.err != nil && ctx.Err() != nil
	if ended {
		l.err, l.abandoned = context.Cause(ctx), true
	}
	if ended || l.err != nil && q.resolver != byAgree {
		c.mu.Lock()
		delete(c.lookups, q)
		c.mu.Unlock()
	}
	close(l.done)
}

// resolve asks one resolver after another until one answers, or until two agree.
func (c *Client) resolve(ctx context.Context, q question) (answer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	if c.agree > 1 {
		return c.agreed(ctx, q)
	}
	var failed failures
	order := c.ranked()
	for i := range c.tries {
		n := order[i%len(order)]
		a, err := c.try(ctx, c.resolvers[n], i/len(order), q)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		c.demote(n, err)
		failed.add(err, c.resolvers[n].String())
	}
	return answer{}, failed
}

// ranked gives the indexes of the resolvers in the order to ask them.
func (c *Client) ranked() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ranking)
}

// demote moves resolver n to the end of the order if its error is silence: later questions should not wait for it first. A
// resolver that replies, even with SERVFAIL, keeps its place in the administrator's order.
func (c *Client) demote(n int, err error) {
	if !errors.As(err, new(noReply)) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.ranking, n)
	c.ranking = append(slices.Delete(c.ranking, i, i+1), n)
}
