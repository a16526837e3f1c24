package dnsq

import (
	"errors"
	"sync"
)

// Silence is a resolver from which no reply has come.
type Silence struct {
	Resolver  string
	Place     string // where it is written: a file with its line, or Config.Origin
	Tries     int
	Why       string // what became of the first try
	Untrusted bool   // this host did not believe its certificate then
}

// ledger counts the tries at each resolver that got no reply. The clients of Apart share it.
type ledger struct {
	mu      sync.Mutex
	silent  map[resolver]Silence
	replied map[resolver]bool
}

func newLedger() *ledger {
	return &ledger{silent: map[resolver]Silence{}, replied: map[resolver]bool{}}
}

// note notes a try. Any reply is a sign of life, also one that is no answer.
func (l *ledger) note(r resolver, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	none, silent := errors.AsType[noReply](err)
	if !silent {
		l.replied[r] = true
		return
	}
	s, known := l.silent[r]
	if !known {
		s = Silence{Resolver: r.String(), Place: r.place, Why: err.Error(), Untrusted: none.untrusted}
	}
	s.Tries++
	l.silent[r] = s
}

// Silent gives the resolvers that were asked and have sent no reply so far, in the order in which they are written. all: none
// of those asked has.
func (c *Client) Silent() (silent []Silence, all bool) {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	for _, r := range c.resolvers {
		if s, asked := c.ledger.silent[r]; asked && !c.ledger.replied[r] {
			silent = append(silent, s)
		}
	}
	return silent, len(silent) > 0 && len(c.ledger.replied) == 0
}
