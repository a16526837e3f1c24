package spf

// The receivers' limits (RFC 7208 section 4.6.4). A policy past one of them is a permerror there.
const (
	maxLookups = 10 // terms that ask the DNS
	maxVoids   = 2  // questions that find nothing
	maxMX      = 10 // exchanges of one mx term
)

// reportReceiverLimits reports the limits that the policy exceeds for a client that no term matches: such a client reaches
// every term that any client reaches.
func (e *evaluation) reportReceiverLimits() {
	if n, record, term := e.tally(maxLookups, e.lookups); n > maxLookups {
		e.problems.add(KindLookupLimit, record, term,
			"%s that ask the DNS, this one being number %d: receivers allow %d (RFC 7208 section 4.6.4) and may answer permerror from here on",
			counted(n, "terms"), maxLookups+1, maxLookups)
	}
	if n, record, term := e.tally(maxVoids, e.voids); n > maxVoids {
		e.problems.add(KindVoidLimit, record, term,
			"%s that find nothing, the last here being number %d: receivers allow %d (RFC 7208 section 4.6.4) and may answer permerror from here on",
			counted(n, "questions"), maxVoids+1, maxVoids)
	}
}

// counted gives the number of a tally, which ends at tooMany, with its noun.
func counted(n int, noun string) string {
	if n >= tooMany {
		return plural(tooMany, noun, "or more "+noun)
	}
	return plural(uint64(n), noun, noun)
}

// lookups returns 1 if term i counts against the limit of lookups.
func (e *evaluation) lookups(v *visit, i int) int {
	switch v.policy.rec.Terms[i].Mechanism {
	case Include, A, MX, PTR, Exists, Redirect:
		return 1
	}
	return 0
}

// voids counts the questions of term i that find nothing, in the family with fewer of them: hosts without IPv6 addresses
// are so common that reporting them would hide the rest.
func (e *evaluation) voids(v *visit, i int) int {
	t := v.policy.rec.Terms[i]
	if !t.Listable() {
		return 0
	}
	var n [2]int
	for family, name := range e.zone.names(v.policy.domain, t) {
		switch t.Mechanism {
		case Include, Redirect:
			n[family] = e.void(question{"TXT", name})
		case A:
			n[family] = e.void(addressQuestion(family, name))
		case Exists:
			n[family] = e.void(question{"A", name})
		case MX:
			n[family] = e.void(question{"MX", name})
			for _, host := range e.zone.asked[question{"MX", name}].names {
				n[family] += e.void(addressQuestion(family, host))
			}
		}
	}
	return min(n[v4], n[v6])
}

// void returns 1 for a question that finds nothing, or that was left out with its family: then the other one decides.
func (e *evaluation) void(q question) int {
	a, asked := e.zone.asked[q]
	if asked && a.void() || !asked && e.zone.skipped[q] {
		return 1
	}
	return 0
}

// tooMany is the bound of a tally: includes that branch can make numbers too large for any integer.
const tooMany = 1_000_000

// tally adds up weights over the terms of a policy. It counts a record as often as terms include it.
type tally struct {
	e      *evaluation
	weight func(v *visit, term int) int
	totals map[string]int // by domain
	active map[string]bool
}

// tally returns the sum of all weights, and the first term at which the sum exceeds most.
func (e *evaluation) tally(most int, weight func(*visit, int) int) (sum int, record, term string) {
	c := tally{e, weight, map[string]int{}, map[string]bool{}}
	if sum = c.total(e.zone.domain); sum > most {
		record, term = c.find(e.zone.domain, &most)
	}
	return sum, record, term
}

// total returns the sum for the record of domain and all records below it. A term that closes a loop adds nothing below it.
func (c *tally) total(domain string) int {
	v := c.e.visits[domain]
	if sum, known := c.totals[domain]; known || v == nil || c.active[domain] {
		return sum
	}
	c.active[domain] = true
	defer delete(c.active, domain)
	sum := 0
	for _, i := range v.policy.rec.order {
		if v.reached[i] {
			sum = min(tooMany, sum+c.weight(v, i)+c.below(v, i))
		}
	}
	c.totals[domain] = sum
	return sum
}

// below returns the sum of the record that term i leads to; if there is one for each family, the larger sum.
func (c *tally) below(v *visit, i int) int {
	sum := 0
	for _, name := range c.next(v, i) {
		sum = max(sum, c.total(name))
	}
	return sum
}

func (c *tally) next(v *visit, i int) []string {
	t := v.policy.rec.Terms[i]
	if t.Mechanism != Include && t.Mechanism != Redirect || !t.Listable() {
		return nil
	}
	names := c.e.zone.names(v.policy.domain, t)
	return names[:]
}

// find returns the first term at which *left is used up. It subtracts the weights before it from *left, and follows an
// include only if the term is below it.
func (c *tally) find(domain string, left *int) (record, term string) {
	v := c.e.visits[domain]
	c.active[domain] = true
	defer delete(c.active, domain)
	for _, i := range v.policy.rec.order {
		if !v.reached[i] {
			continue
		}
		if *left -= c.weight(v, i); *left < 0 {
			return domain, v.policy.rec.Terms[i].Text
		}
		if n := c.below(v, i); n <= *left {
			*left -= n
			continue
		}
		for _, name := range c.next(v, i) {
			if c.total(name) > *left && !c.active[name] {
				return c.find(name, left)
			}
		}
	}
	return domain, ""
}
