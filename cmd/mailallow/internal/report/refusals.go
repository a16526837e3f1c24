package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	maxDays      = 400 // in a chart, the last ones
	maxProviders = 12  // with a chart of their own; the others are one
	maxDayRows   = 31  // in the table of days
)

// others is the row of the providers beyond maxProviders; unknown that of clients of which none is known.
const (
	others  = "other providers"
	unknown = "no provider known"
)

// refusalsView is the section of the page.
type refusalsView struct {
	Text       string
	From, Till string // of the charts; empty: there are none, for no line has a time
	Providers  []providerRow
	Lists      []refusals.List
	Days       []dayRow
}

type providerRow struct {
	Name, Refused, Addresses, LetIn, Since, Last string
	Covered                                      string // since when the list covers it
	CoveredX                                     string // in the chart; empty: not within it
	Bars                                         string
}

type dayRow struct {
	Day     string
	Refused []string // the providers with a refusal, and how many
}

// count is what the log says of a provider.
type count struct {
	refusals.Total
	addresses, letIn int
	days             map[int]uint32 // by the number of the day
}

// refusals reads the logs, and counts the refusals because of DNSBLs by provider and day.
func (g *gathering) refusals(ctx context.Context, sizes *sizes) *refusalsView {
	known, err := catalogue.Of(g.result.List)
	if err != nil {
		g.look("", "%v", err)
		return nil
	}
	clients, counts := refusals.NewClients(), map[string]*count{}
	of := func(provider string) *count {
		provider = cmp.Or(provider, unknown)
		if counts[provider] == nil {
			counts[provider] = &count{days: map[int]uint32{}}
		}
		return counts[provider]
	}
	covers := g.covers(sizes)
	late := refusals.Total{}
	read := refusals.Read(ctx, g.t, g.options.Logs, maillog.Options{Now: time.Now()}, func(e maillog.Event) error {
		if e.Kind != maillog.DNSBLReject {
			return nil
		}
		clients.Add(e)
		provider := ""
		if e.IP.IsValid() {
			provider = known.Provider(e.IP)
		}
		one := of(provider)
		one.Add(e.Time)
		if !e.Time.IsZero() {
			one.days[dayOf(e.Time)]++
		}
		if since, ok := covers[provider]; ok && provider != "" && e.Blames != maillog.Domain && e.Time.After(since.Add(24*time.Hour)) && g.isLetIn(e) {
			late.Add(e.Time)
		}
		return nil
	})
	for _, problem := range read.Problems() {
		g.look("", "%s", problem.Text)
	}
	for _, addr := range clients.Often() {
		one := of(known.Provider(addr))
		one.addresses++
		if entry := g.result.List.Set.Lookup(addr); entry != nil && entry.Action.LetsIn() {
			one.letIn++
		}
	}
	if late.Count > 0 {
		g.look("mailallow explain --live"+g.options.Run.Config.Typed()+" ADDRESS says why", "%s of clients that the list had let in for a day, the last on %s: it does not take effect everywhere",
			terminal.Counted(uint64(late.Count), "refusal", "refusals"), late.Until)
	}
	if !read.OfMTA {
		return nil
	}
	return g.viewRefusals(clients, counts, covers)
}

func (g *gathering) isLetIn(e maillog.Event) bool {
	entry := g.result.List.Set.Lookup(e.IP)
	return entry != nil && entry.Action.LetsIn()
}

// covers gives the day since which the list lets in the addresses of each provider that is a source.
func (g *gathering) covers(sizes *sizes) map[string]time.Time {
	since := map[string]time.Time{}
	for _, s := range g.result.List.Sources {
		if o := sizes.last[s.Source.Name]; o != nil && s.Provider != "" && !o.covers.IsZero() {
			since[s.Provider] = o.covers
		}
	}
	return since
}

// dayOf numbers the days of the local time.
func dayOf(at time.Time) int {
	at = at.Local()
	return int(time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func dateOf(number int) string { return time.Unix(int64(number)*86400, 0).UTC().Format(day) }

// viewRefusals draws the providers, the most often refused first.
func (g *gathering) viewRefusals(clients *refusals.Clients, counts map[string]*count, covers map[string]time.Time) *refusalsView {
	all := clients.Refused
	v := &refusalsView{Text: "Nobody was refused by a DNSBL.", Lists: clients.Lists()}
	v.Lists = v.Lists[:min(len(v.Lists), maxZones)]
	if all.Count == 0 {
		return v
	}
	v.Text = fmt.Sprintf("Refused by a DNSBL: %s, %s.", terminal.Counted(uint64(all.Count), "time", "times"), refusals.Between(all.Since, all.Until))
	names := slices.Sorted(maps.Keys(counts))
	sort.SliceStable(names, func(i, j int) bool { return counts[names[i]].Count > counts[names[j]].Count })
	if len(names) > maxProviders {
		rest := &count{days: map[int]uint32{}}
		for _, name := range names[maxProviders-1:] {
			rest.join(counts[name])
		}
		counts[others] = rest
		names = append(names[:maxProviders-1:maxProviders-1], others)
	}
	first, last := 0, -1
	if all.Until != 0 {
		last = dayOf(time.Unix(int64(all.Until), 0))
		first = max(dayOf(time.Unix(int64(all.Since), 0)), last-maxDays+1)
		v.From, v.Till = dateOf(first), dateOf(last)
	}
	for _, name := range names {
		v.Providers = append(v.Providers, counts[name].row(name, first, last, covers[name]))
	}
	v.Days = dayRows(names, counts, first, last)
	return v
}

func (c *count) join(other *count) {
	c.Join(other.Total)
	c.addresses, c.letIn = c.addresses+other.addresses, c.letIn+other.letIn
	for d, n := range other.days {
		c.days[d] += n
	}
}

// row draws a provider from the first day to the last.
func (c *count) row(name string, first, last int, covered time.Time) providerRow {
	row := providerRow{Name: name, Refused: terminal.Grouped(uint64(c.Count)), Addresses: terminal.Grouped(uint64(c.addresses)),
		LetIn: terminal.Grouped(uint64(c.letIn)), Since: c.Since.String(), Last: c.Until.String(), Covered: "-"}
	numbers := make([]uint32, max(0, last-first+1))
	for i := range numbers {
		numbers[i] = c.days[first+i]
	}
	row.Bars = bars(numbers)
	if !covered.IsZero() {
		row.Covered = covered.Format(day)
		if at := dayOf(covered); at >= first && at <= last {
			row.CoveredX = fmt.Sprintf("%.1f", float64(at-first)/float64(len(numbers))*chartWidth)
		}
	}
	return row
}

// dayRows is the table of the last days with a refusal, the newest first.
func dayRows(names []string, counts map[string]*count, first, last int) (rows []dayRow) {
	for d := last; d >= first && len(rows) < maxDayRows; d-- {
		row := dayRow{Day: dateOf(d)}
		for _, name := range names {
			if n := counts[name].days[d]; n > 0 {
				row.Refused = append(row.Refused, name+" "+terminal.Grouped(uint64(n)))
			}
		}
		if len(row.Refused) > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}
