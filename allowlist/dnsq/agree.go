package dnsq

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// maxShown bounds a record in an error, in bytes: enough to recognise an SPF policy.
const maxShown = 100

// reply is the answer of one resolver, with all aliases followed, or the error of its try.
type reply struct {
	from    resolver
	records []dns.RR // distinct, in the order of their values
	err     error
}

// agreed asks two resolvers at the same time and gives their answer if both say the same set. The next resolver takes the
// place of one that fails, since a resolver that answers must agree with another one that answers, not with a silent one.
// No third resolver decides between two that differ: an attacker who forges the answers of two would win that vote too.
func (c *Client) agreed(ctx context.Context, q question) (answer, error) {
	var (
		replies []reply
		failed  failures
		tried   = make([]int, len(c.resolvers))
		waiting = c.ranked()
	)
	for range c.tries {
		asked := waiting[:c.agree-len(replies)]
		round := make([]reply, len(asked))
		var wait sync.WaitGroup
		for i, n := range asked {
			wait.Go(func() { round[i] = c.replyOf(ctx, n, tried[n], q) })
		}
		wait.Wait()
		waiting = waiting[len(asked):]
		for i, n := range asked {
			if err := round[i].err; err != nil {
				c.demote(n, err)
				failed.add(err, c.resolvers[n].String())
				tried[n]++
				waiting = append(waiting, n)
				continue
			}
			replies = append(replies, round[i])
		}
		if len(replies) == c.agree || ctx.Err() != nil {
			break
		}
	}
	switch len(replies) {
	case 0:
		return answer{}, failed
	case 1:
		return answer{}, fmt.Errorf("%w; only %s answers, and agree = %d needs two that do", failed, replies[0].from, c.agree)
	}
	return compare(replies[0], replies[1])
}

// replyOf asks resolver n once, and follows the aliases that it does not follow itself. Different resolvers may follow an
// alias to a different length, or to a server near to them, so only the records at its end are comparable.
func (c *Client) replyOf(ctx context.Context, n, tried int, q question) reply {
	r := c.resolvers[n]
	records, aliases, err := follow(q, func(q question) (answer, error) {
		return c.ask(ctx, inquiry{q, n}, func(ctx context.Context, q question) (answer, error) {
			return c.try(ctx, r, tried, q)
		})
	})
	if err != nil && aliases != "" {
		err = fmt.Errorf("%s: %w", aliases, err)
	}
	return reply{r, distinct(records), err}
}

// distinct gives the records without repetitions, in the order of their values. A set of records has neither an order nor
// repetitions (RFC 2181 section 5), and resolvers rotate it.
func distinct(records []dns.RR) []dns.RR {
	records = slices.Clone(records)
	sort.Slice(records, func(i, j int) bool { return value(records[i]) < value(records[j]) })
	kept := records[:0]
	for _, r := range records {
		if len(kept) == 0 || value(kept[len(kept)-1]) != value(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// value gives the part of a record that lookups return, as printable text. It leaves out the owner, the TTL, and the
// letter case of a name.
func value(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.TXT:
		return strconv.QuoteToASCII(unescape(strings.Join(rr.Txt, "")))
	case *dns.MX:
		return fmt.Sprintf("%d %s", rr.Preference, dns.CanonicalName(rr.Mx))
	}
	addr, _ := address(rr)
	return addr.String()
}

// address gives the address in an A or AAAA record.
func address(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		return netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}

// compare gives the answer that both replies hold. Its error names both resolvers and the records that only one has.
// NXDOMAIN and no data are equal: in both replies, no record is there.
func compare(a, b reply) (answer, error) {
	onlyA, onlyB := missingFrom(b, a), missingFrom(a, b)
	if len(onlyA)+len(onlyB) == 0 {
		return answer{records: a.records}, nil
	}
	var parts []string
	for _, only := range []struct {
		from   resolver
		values []string
	}{{a.from, onlyA}, {b.from, onlyB}} {
		switch n := len(only.values); {
		case n == 1:
			parts = append(parts, fmt.Sprintf("only %s has %s", only.from, only.values[0]))
		case n > 1:
			parts = append(parts, fmt.Sprintf("only %s has %s and %d more", only.from, only.values[0], n-1))
		}
	}
	text := fmt.Sprintf("%s and %s do not agree: %s", a.from, b.from, strings.Join(parts, "; "))
	return answer{}, errors.New(ascii.Cut(text, maxFailures))
}

// missingFrom gives the values of the records that have holds and lacks does not, as errors show them.
func missingFrom(lacks, has reply) (values []string) {
	in := make(map[string]bool, len(lacks.records))
	for _, rr := range lacks.records {
		in[value(rr)] = true
	}
	for _, rr := range has.records {
		if v := value(rr); !in[v] {
			values = append(values, ascii.Cut(v, maxShown))
		}
	}
	return values
}
