package dnsbl

import (
	"fmt"
	"strings"

	"mailallow/allowlist/dnsbl"
	"mailallow/cmd/mailallow/internal/terminal"
)

// tableEntry is a line of the table with the details below it: a listing, or an answer
// that several lists give or several addresses get.
type tableEntry struct {
	state     dnsbl.State
	addresses []string
	zones     []string
	codes     string
	details   []string
	url       string // never broken: to be copied
}

const detailIndent = "    "

// tell writes the table, and a line that sums it up.
func (c *check) tell(t *terminal.Terminal) {
	var of map[rowKey]verdict
	if c.changes {
		of = c.compared.changed
	}
	if len(c.results) == 0 || c.changes && len(of) == 0 {
		return
	}
	c.report(t.Width(), of, func(style terminal.Style, text string) { t.Data(style, "%s", text) })
	t.Summary(terminal.Bold, "%s", strings.Join(terminal.Wrap(c.sum(), t.Width()), "\n"))
}

// report lays out the rows of changed with their former verdict, or all rows if changed is
// nil, and gives line each row and detail.
func (c *check) report(width int, changed map[rowKey]verdict, line func(terminal.Style, string)) {
	entries := c.entries(changed)
	rows := [][]string{{"STATE", "ADDRESS", "LIST", "ANSWER"}}
	for _, e := range entries {
		state, addresses := string(e.state), strings.Join(e.addresses, ", ")
		if e.state == dnsbl.Listed {
			state = "LISTED"
		}
		if len(e.addresses) == len(c.addrs) && len(c.addrs) > 1 {
			addresses = fmt.Sprintf("all %d", len(c.addrs))
		}
		rows = append(rows, []string{state, addresses, strings.Join(e.zones, ", "), e.codes})
	}
	styles := map[dnsbl.State]terminal.Style{dnsbl.Listed: terminal.Red, dnsbl.Error: terminal.Yellow, dnsbl.Unknown: terminal.Yellow, dnsbl.Clean: terminal.Green}
	for i, laid := range terminal.Layout(width, rows) {
		if i == 0 {
			line(terminal.Bold, laid)
			continue
		}
		e := entries[i-1]
		line(styles[e.state], laid)
		for _, text := range e.below(width - len(detailIndent)) {
			line(terminal.Plain, detailIndent+text)
		}
	}
}

// below are the details of an entry, in lines of at most width, save for a longer URL.
func (e tableEntry) below(width int) (lines []string) {
	for _, detail := range e.details {
		lines = append(lines, terminal.Wrap(detail, width)...)
	}
	const removal = "look it up, ask for removal:"
	switch {
	case e.url == "":
		return lines
	case len(removal)+1+len(e.url) <= width:
		return append(lines, removal+" "+e.url)
	}
	return append(lines, removal, e.url)
}

// entries gives the lines of the table: first the listings, one by one, those by policy
// last; then the other answers, equal ones joined.
func (c *check) entries(changed map[rowKey]verdict) (entries []tableEntry) {
	for _, group := range []struct {
		state  dnsbl.State
		policy bool
	}{{dnsbl.Listed, false}, {dnsbl.Listed, true}, {dnsbl.Error, false}, {dnsbl.Unknown, false}, {dnsbl.Clean, false}} {
		var of []tableEntry
		for i := range c.results { // they are by address, and the table is by list
			res := c.results[i%len(c.addrs)*len(c.zones)+i/len(c.addrs)]
			before, isChanged := changed[keyOf(res)]
			if res.State != group.state || res.Policy != group.policy || changed != nil && !isChanged {
				continue
			}
			e := newTableEntry(res)
			if isChanged {
				e.details = append([]string{"before: " + before.text()}, e.details...)
			}
			of = append(of, e)
		}
		if group.state != dnsbl.Listed {
			of = mergedEntries(of)
		}
		entries = append(entries, of...)
	}
	return entries
}

// mergedEntries joins entries that differ in the addresses alone, then those that
// differ in the lists alone.
func mergedEntries(entries []tableEntry) []tableEntry {
	addresses := func(e *tableEntry) *[]string { return &e.addresses }
	zones := func(e *tableEntry) *[]string { return &e.zones }
	return mergedBy(zones, addresses, mergedBy(addresses, zones, entries))
}

// mergedBy joins the field one of entries whose field other and whose rest are equal.
func mergedBy(one, other func(*tableEntry) *[]string, entries []tableEntry) (joined []tableEntry) {
	at := map[string]int{}
	for _, e := range entries {
		alike := strings.Join(append(append([]string{e.codes, ""}, e.details...), *other(&e)...), "\n")
		if i, found := at[alike]; found {
			*one(&joined[i]) = append(*one(&joined[i]), *one(&e)...)
			continue
		}
		at[alike] = len(joined)
		joined = append(joined, e)
	}
	return joined
}

// newTableEntry makes an entry of a row, with its meaning as details.
func newTableEntry(res dnsbl.Result) tableEntry {
	e := tableEntry{state: res.State, addresses: []string{res.Address.String()},
		zones: []string{res.Zone.Written}, codes: strings.Join(codeTexts(res), " ")}
	if res.Meaning != dnsbl.NotListed {
		e.details = append(e.details, res.Meaning)
	}
	for _, text := range res.Text {
		e.details = append(e.details, "it says: "+text)
	}
	if res.State == dnsbl.Listed {
		e.url = res.URL
	}
	return e
}

// sum is the last line: how many rows have each state.
func (c *check) sum() string {
	count := map[dnsbl.State]int{}
	policy := 0
	for _, res := range c.results {
		count[res.State]++
		if res.Policy {
			policy++
		}
	}
	parts := []string{fmt.Sprintf("%d listed", count[dnsbl.Listed])}
	if policy > 0 {
		parts[0] += fmt.Sprintf(" (%d by policy)", policy)
	}
	parts = append(parts, fmt.Sprintf("%d clean", count[dnsbl.Clean]))
	for _, state := range []dnsbl.State{dnsbl.Error, dnsbl.Unknown} {
		if n := count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return fmt.Sprintf("%s in %s: %s", terminal.Counted(uint64(len(c.addrs)), "address", "addresses"), terminal.Counted(uint64(len(c.zones)), "list", "lists"), strings.Join(parts, ", "))
}
