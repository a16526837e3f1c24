package dnsq

import (
	"context"
	"errors"
	"fmt"
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
	records []record // distinct, sorted
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
	return compare(q.qtype, replies[0], replies[1])
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

// distinct gives the records without repetitions, sorted. A set of records has neither an order nor repetitions (RFC 2181
// section 5), and resolvers rotate it.
func distinct(records []record) []record {
	records = slices.Clone(records)
	sort.Slice(records, func(i, j int) bool { return records[i].compare(records[j]) < 0 })
	return slices.Compact(records)
}

// shown gives a record of a type as errors show it.
func (r record) shown(qtype uint16) string {
	switch qtype {
	case dns.TypeTXT:
		return ascii.Cut(strconv.QuoteToASCII(r.text), maxShown)
	case dns.TypeMX:
		return ascii.Cut(fmt.Sprintf("%d %s", r.preference, r.text), maxShown)
	}
	return r.addr.String()
}

// compare gives the answer that both replies hold. Its error names both resolvers and the records that only one has.
// NXDOMAIN and no data are equal: in both replies, no record is there.
func compare(qtype uint16, a, b reply) (answer, error) {
	onlyA, onlyB := missingFrom(b, a), missingFrom(a, b)
	if len(onlyA)+len(onlyB) == 0 {
		return answer{records: a.records}, nil
	}
	var parts []string
	for _, only := range []struct {
		from    resolver
		records []record
	}{{a.from, onlyA}, {b.from, onlyB}} {
		switch n := len(only.records); {
		case n == 1:
			parts = append(parts, fmt.Sprintf("only %s has %s", only.from, only.records[0].shown(qtype)))
		case n > 1:
			parts = append(parts, fmt.Sprintf("only %s has %s and %s more", only.from, only.records[0].shown(qtype), ascii.Count(n-1)))
		}
	}
	text := fmt.Sprintf("%s and %s do not agree: %s", a.from, b.from, strings.Join(parts, "; "))
	return answer{}, errors.New(ascii.Cut(text, maxFailures))
}

// missingFrom gives the records that has holds and lacks does not.
func missingFrom(lacks, has reply) (records []record) {
	for _, r := range has.records {
		if _, found := slices.BinarySearchFunc(lacks.records, r, record.compare); !found {
			records = append(records, r)
		}
	}
	return records
}
