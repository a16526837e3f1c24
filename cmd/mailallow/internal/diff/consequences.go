package diff

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/accessmap/plan"
	"mailallow/allowlist/prefixes"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// maxExamples bounds the clients that are named for each effect.
const maxExamples = 20

// addConsequences reads the logs, and adds to the result what the plans mean for the clients that DNSBLs had refused, and what was
// wrong with the logs; whole: nothing was. It compares the new text of the targets with the text that is there, and so needs to
// know nothing of the server.
func addConsequences(ctx context.Context, t *terminal.Terminal, logs []string, result *run.Result) (whole bool, err error) {
	known, err := catalogue.Of(result.List)
	if err != nil {
		return false, err
	}
	effectOn := effects(result.Plans)
	all, without := refusals.Total{}, uint64(0)
	clients := map[run.Effect]*refusals.Clients{run.LetsIn: refusals.NewClients(), run.Refuses: refusals.NewClients()}
	read := refusals.Read(ctx, t, logs, maillog.Options{Now: time.Now()}, func(e maillog.Event) error {
		if e.Kind != maillog.DNSBLReject {
			return nil
		}
		all.Add(e.Time)
		if !e.IP.IsValid() || e.Blames == maillog.Domain { // of a sender's domain no list of addresses decides
			without++
		} else if counted := clients[effectOn(e.IP)]; counted != nil {
			counted.Add(e)
		}
		return nil
	})
	c := &run.Consequences{Refused: all.Count, Since: all.Since, Until: all.Until, Unplaced: without,
		LetsIn: clients[run.LetsIn].Refused.Count, Refuses: clients[run.Refuses].Refused.Count, Examples: []run.ConsequenceExample{}}
	c.Unplaced += clients[run.LetsIn].Lost + clients[run.Refuses].Lost
	c.Providers = byProvider(clients, known, func(e run.ConsequenceExample) { c.Examples = append(c.Examples, e) })
	if read.OfMTA {
		result.Consequences = c
	}
	problems := read.Problems()
	result.List.Problems = append(result.List.Problems, problems...)
	return len(problems) == 0, context.Cause(ctx)
}

// byProvider counts the clients of each effect by their provider, and yields those that were refused most often.
func byProvider(clients map[run.Effect]*refusals.Clients, known *catalogue.Catalogue, yield func(run.ConsequenceExample)) []run.ProviderEffect {
	rows := map[string]*run.ProviderEffect{}
	row := func(name string) *run.ProviderEffect {
		if rows[name] == nil {
			rows[name] = &run.ProviderEffect{Name: name}
		}
		return rows[name]
	}
	for _, effect := range []run.Effect{run.LetsIn, run.Refuses} {
		for i, addr := range clients[effect].Often() {
			total, zones := clients[effect].Of(addr)
			provider := known.Provider(addr)
			if i < maxExamples {
				yield(run.ConsequenceExample{IP: addr, Total: total, Zones: zones, Provider: provider, Effect: effect})
			}
			if effect == run.LetsIn {
				row(provider).LetsIn += total.Count
			} else {
				row(provider).Refuses += total.Count
			}
		}
	}
	all := []run.ProviderEffect{}
	for _, r := range rows {
		all = append(all, *r)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		return cmp.Or(cmp.Compare(b.LetsIn+b.Refuses, a.LetsIn+a.Refuses), cmp.Compare(a.Name, b.Name)) < 0
	})
	return all
}

// effects gives the effect of the plans on a client; empty: they have none. It is enough that one target changes for it: a mail
// server with two asks both.
func effects(plans []*plan.Plan) func(netip.Addr) run.Effect {
	var sides []side
	for _, p := range plans {
		sides = append(sides, lettingIn(p.Difference()))
	}
	return func(addr netip.Addr) run.Effect {
		for _, s := range sides {
			switch added, removed := s.added.Contains(addr), s.removed.Contains(addr); {
			case added && !removed: // both: it is let in by another action
				return run.LetsIn
			case removed && !added:
				return run.Refuses
			}
		}
		return ""
	}
}

type side struct{ added, removed prefixes.List }

// lettingIn gives the networks of changes whose action lets a client in.
func lettingIn(d plan.Difference) side {
	var added, removed []prefixes.List
	for _, c := range d {
		if c.Action.LetsIn() {
			added, removed = append(added, c.Added.List), append(removed, c.Removed.List)
		}
	}
	return side{prefixes.Join(added...), prefixes.Join(removed...)}
}

// maxTold bounds the clients that a summary and a review name for each effect.
const maxTold = 5

// sentences say the consequences in words, and how much of the logs could not be placed.
func sentences(c *run.Consequences) (whole, unplaced string) {
	if c.Refused == 0 {
		return "The log has no refusal by a DNSBL.", ""
	}
	whole = "Of " + terminal.Counted(uint64(c.Refused), "refusal", "refusals") + " by DNSBLs in the log"
	if c.Since != 0 {
		whole += fmt.Sprintf(", %s to %s", c.Since, c.Until)
	}
	if c.LetsIn == 0 && c.Refuses == 0 {
		whole += ", the change concerns none."
	} else {
		whole += fmt.Sprintf(", the change would let in %s and shut out %s.", terminal.Grouped(uint64(c.LetsIn)), terminal.Grouped(uint64(c.Refuses)))
	}
	if c.Unplaced > 0 {
		unplaced = terminal.Counted(c.Unplaced, "refusal", "refusals") +
			" could not be placed: the line has no address, or the list is one of senders' domains."
	}
	return whole, unplaced
}

// table has a row for each provider, below a header.
func table(c *run.Consequences) [][]string {
	rows := [][]string{{"PROVIDER", "WOULD LET IN", "WOULD SHUT OUT"}}
	for _, p := range c.Providers {
		rows = append(rows, []string{cmp.Or(p.Name, "-"), terminal.Grouped(uint64(p.LetsIn)), terminal.Grouped(uint64(p.Refuses))})
	}
	return rows
}

// examples are the clients to name, each with the sign of its effect and the words about it.
func examples(c *run.Consequences) (told []example) {
	counts := map[run.Effect]int{}
	for _, e := range c.Examples {
		if counts[e.Effect]++; counts[e.Effect] > maxTold {
			continue
		}
		x := example{sign: "+", style: terminal.Green}
		if e.Effect == run.Refuses {
			x = example{sign: "-", style: terminal.Red}
		}
		x.text = fmt.Sprintf("%s  %s, refused %s, last %s", e.IP, cmp.Or(e.Provider, "no provider known"),
			terminal.Counted(uint64(e.Count), "time", "times"), e.Until)
		if zones := strings.Join(e.Zones, " "); zones != "" {
			x.text += ", by " + zones
		}
		told = append(told, x)
	}
	return told
}

type example struct {
	sign, text string
	style      terminal.Style
}

func tellConsequences(t *terminal.Terminal, c *run.Consequences) {
	if c == nil {
		return
	}
	whole, unplaced := sentences(c)
	t.About().Record("%s", whole)
	t.Summary(terminal.Bold, "%s", strings.Join(t.Folded(whole, 0), "\n"))
	if unplaced != "" {
		t.Summary(terminal.Plain, "%s", strings.Join(t.Folded(unplaced, 0), "\n"))
	}
	if len(c.Providers) == 0 {
		return
	}
	for _, row := range terminal.Layout(t.Width(), table(c)) {
		t.Summary(terminal.Plain, "  %s", row)
	}
	for _, x := range examples(c) {
		t.Summary(x.style, "    %s %s", x.sign, x.text)
	}
}
