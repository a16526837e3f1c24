package report

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/plan"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/dnsbl"
	"mailallow/cmd/mailallow/internal/lint"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Bounds on what the page lists one by one, so that it stays below two megabytes whatever is in the list.
const (
	maxSources  = 200
	maxChanges  = 20 // sources with networks that come and go
	maxNetworks = 25 // of each
	maxFindings = 100
	maxZones    = 200
	maxWrong    = 25
)

// page is what the page shows.
type page struct {
	Host, Made, Config, Version string
	Basis                       string // where the list is from
	flags, run                  string // for a command to paste: those of the configuration, and all
	Verdict                     string
	Wrong                       []wrong
	Sources                     []sourceRow
	MoreSources                 int
	Targets                     []targetRow
	Held, Pending               []changeRow
	MoreHeld, MorePending       int
	Refusals                    *refusalsView
	NoLog                       bool
	Zones                       []dnsbl.Standing
	MoreZones                   int
	Findings                    []rule.Finding
	MoreFindings                int
	History                     historyView
	Map                         mapView
}

// wrong is something that somebody should look at.
type wrong struct {
	Grave bool
	Text  string
	Do    string // the next step; may be empty
}

type sourceRow struct {
	run.SourceDocument
	Age, About string
	Told       []string // problems
}

type targetRow struct{ Path, Format, Entries, State string }

type changeRow struct {
	Title, Counts, About string
	Came, Gone           []string
	MoreCame, MoreGone   int
	Targets              []string // in which it is; none: it is in no target
}

// gathering puts the page together.
type gathering struct {
	t        *terminal.Terminal // writes nothing: what it would say is on the page
	settings *config.Settings
	options  Options
	request  *run.Request
	unfit    error // why the request gives no list; nil: it may
	result   *run.Result
	wrong    []wrong
}

func (g *gathering) grave(do, format string, args ...any) {
	g.wrong = append(g.wrong, wrong{true, fmt.Sprintf(format, args...), do})
}

func (g *gathering) look(do, format string, args ...any) {
	g.wrong = append(g.wrong, wrong{false, fmt.Sprintf(format, args...), do})
}

// page gathers everything. A part that cannot be read is told, and the others are there.
func (g *gathering) page(ctx context.Context) *page {
	now := time.Now()
	p := &page{Host: hostName(), Made: now.Format(minute + " -0700"), Config: g.settings.Path, flags: g.options.Run.Config.Typed(), run: g.options.Run.Typed(), Version: g.options.Version,
		NoLog: len(g.options.Logs) == 0}
	findings := sync.OnceValues(func() ([]rule.Finding, error) { return lint.Find(ctx, g.settings, g.options.Run.Config) })
	go findings() // it needs nothing of the others
	sizes := g.history(p)
	g.list(ctx, p, sizes)
	g.zones(p)
	g.mistakes(p, findings)
	if len(g.options.Logs) > 0 && g.result != nil {
		p.Refusals = g.refusals(ctx, sizes)
	}
	if g.result != nil {
		p.Map = g.mapOf(g.result, sizes)
	}
	sort.SliceStable(g.wrong, func(i, j int) bool { return g.wrong[i].Grave && !g.wrong[j].Grave })
	p.Verdict = verdict(g.wrong)
	if more := len(g.wrong) - maxWrong; more > 0 {
		g.wrong = append(g.wrong[:maxWrong:maxWrong], wrong{Text: "and " + grouped(more) + " more: the sections below have them"})
	}
	p.Wrong = g.wrong
	return p
}

// verdict sums up what is wrong.
func verdict(all []wrong) string {
	grave := 0
	for _, w := range all {
		if w.Grave {
			grave++
		}
	}
	switch {
	case grave > 0:
		return terminal.Counted(uint64(grave), "thing is", "things are") + " wrong"
	case len(all) > 0:
		return "Nothing is wrong, and " + terminal.Counted(uint64(len(all)), "thing is", "things are") + " to look at"
	}
	return "Nothing is wrong"
}

// list resolves the list without fetching, and compares it with the targets.
func (g *gathering) list(ctx context.Context, p *page, sizes *sizes) {
	p.Basis = "the last good state, with the lists in the configuration"
	if g.options.Run.Snapshot != "" {
		p.Basis = "the snapshot " + g.options.Run.Snapshot
	}
	if g.unfit != nil {
		g.grave("", "the list is not known: %v", g.unfit)
		return
	}
	result, err := g.request.Planned(ctx, g.t)
	if result == nil || result.List == nil {
		g.grave("", "the list is not known: %v", err)
		return
	}
	g.result = result
	if err != nil {
		g.grave("", "%v", err)
	}
	for _, problem := range result.List.Problems {
		g.look("", "%s", problem.Text)
	}
	documents := result.List.Documents()
	for i, s := range result.List.Sources {
		row := g.source(documents[i], sizes.last[s.Source.Name], s)
		if refused := say.Refused(s); refused != nil {
			p.Held, p.MoreHeld = withChange(p.Held, p.MoreHeld, *refused)
		}
		p.Sources = append(p.Sources, row)
	}
	if p.MoreSources = max(0, len(p.Sources)-maxSources); p.MoreSources > 0 {
		sort.SliceStable(p.Sources, func(i, j int) bool { return p.Sources[i].Status != guard.Fresh && p.Sources[j].Status == guard.Fresh })
		p.Sources = p.Sources[:maxSources]
	}
	for _, plan := range result.Plans {
		p.Targets = append(p.Targets, g.target(plan))
	}
	g.pending(p, result)
}

// pending gives what the next update would change, each change once with the targets that it is in.
func (g *gathering) pending(p *page, result *run.Result) {
	var told plan.Difference
	for _, target := range result.Plans {
	changes:
		for _, change := range say.Changes(result.List, target) {
			for i := range told {
				if told[i : i+1].Equal(plan.Difference{change.Change}) {
					if i < len(p.Pending) {
						p.Pending[i].Targets = append(p.Pending[i].Targets, target.Path)
					}
					continue changes
				}
			}
			told = append(told, change.Change)
			if p.Pending, p.MorePending = withChange(p.Pending, p.MorePending, change); p.MorePending == 0 {
				p.Pending[len(p.Pending)-1].Targets = []string{target.Path}
			}
		}
	}
}

// source makes the row of a source, and says what is wrong with it. The status of a source is that of the last run, which the
// history has, both where the last good state has its ranges and where no run has let any through yet.
func (g *gathering) source(d run.SourceDocument, last *ofSource, s run.Source) sourceRow {
	problems := d.Problems
	if last != nil && g.options.Run.Installed {
		switch never := last.Status == guard.Held || last.Status == guard.Missing; {
		case d.Status == guard.Fresh:
			d.Status = last.Status
			problems = append(slices.Clone(problems), last.Problems...)
		case d.Status == guard.Missing && never:
			d.Status, problems = last.Status, last.Problems
		}
	}
	row := sourceRow{SourceDocument: d, Age: d.AgeText(), About: s.Life.String()}
	for _, fact := range []bool{false, true} { // first why it has its status
		for _, problem := range problems {
			if say.IsFact(problem.Kind) == fact && len(row.Told) < 2 && !slices.Contains(row.Told, problem.Text) {
				row.Told = append(row.Told, problem.Text)
			}
		}
	}
	why := ""
	if len(row.Told) > 0 {
		why = ": " + row.Told[0]
	}
	accept := "look at it: " + g.options.Run.Look(d.Name)
	switch d.Status {
	case guard.Held:
		g.grave(accept, "source %q is held%s", d.Name, why)
	case guard.Stale:
		g.grave("", "source %q is stale%s", d.Name, why)
	case guard.Missing:
		g.grave("", "source %q is missing, and nothing of it is in the list%s", d.Name, why)
	case guard.Ended:
		g.look("take it out, or give it a later day", "source %q has ended on %s", d.Name, s.UntilText())
	default:
		if why != "" {
			g.look("", "source %q%s", d.Name, why)
		}
	}
	return row
}

func (g *gathering) target(p *plan.Plan) targetRow {
	row := targetRow{Path: p.Path, Format: p.Format.Name, Entries: terminal.Grouped(uint64(p.Entries)), State: "as it is to be"}
	diff := "mailallow diff" + g.options.Run.Typed() + " shows it"
	switch {
	case p.Err != nil:
		row.Entries, row.State = "-", "not known: "+p.Err.Error()
	case !p.Exists:
		row.State = "not installed"
		g.grave("mailallow update"+g.options.Run.Typed()+" installs it", "%s does not exist: the list is not installed there", p.Path)
	case p.TextChanged():
		added, removed := p.Difference().Len()
		changes := fmt.Sprintf("%s would come, and %s would go", terminal.Counted(uint64(added), "network", "networks"),
			terminal.Counted(uint64(removed), "network", "networks"))
		if added+removed == 0 {
			changes = "in other lines than those of networks"
		}
		row.State = "the next update changes it: " + changes
		g.look(diff, "%s differs from the list: %s", p.Path, changes)
	case p.Changed():
		row.State = "the next update rebuilds its map"
		g.look(diff, "%s: its map does not match its text", p.Path)
	}
	for _, problem := range p.Problems {
		if problem.Kind != "error" && problem.Kind != "overlap" && problem.Kind != "hand-written" {
			g.look("", "%s: %s", terminal.Place(p.Path, problem.Line), problem.Text)
		}
	}
	return row
}

func withChange(rows []changeRow, more int, c say.SourceChange) ([]changeRow, int) {
	if len(rows) == maxChanges {
		return rows, more + 1
	}
	return append(rows, changeOf(c)), more
}

func changeOf(c say.SourceChange) changeRow {
	row := changeRow{Title: c.Title, Counts: c.Counts(), About: c.About}
	for _, side := range []struct {
		plan.Networks
		shown *[]string
		more  *int
	}{{c.Added, &row.Came, &row.MoreCame}, {c.Removed, &row.Gone, &row.MoreGone}} {
		for i := range min(side.Len(), maxNetworks) {
			p, _ := side.At(i)
			text := p.String()
			if path := side.Path(p).String(); path != "" {
				text += "  " + shortened(path, maxName)
			}
			*side.shown = append(*side.shown, text)
		}
		*side.more = max(0, side.Len()-maxNetworks)
	}
	return row
}

// zones takes what the last runs of dnsbl found out about this host's own addresses.
func (g *gathering) zones(p *page) {
	all, err := dnsbl.Remembered(g.settings)
	if err != nil {
		g.look("", "%v", err)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Listed() && !all[j].Listed() })
	flags := g.options.Run.Config.Typed()
	for _, s := range all {
		if s.Listed() {
			g.grave("mailallow dnsbl"+flags+" "+s.Address+" says what it means, and where to ask for removal",
				"%s, an address of this host, is listed by %s (%s)", s.Address, s.Zone, strings.Join(s.Codes, " "))
		}
	}
	p.Zones = all[:min(len(all), maxZones)]
	p.MoreZones = len(all) - len(p.Zones)
}

// mistakes are those that lint finds in the files of this host.
func (g *gathering) mistakes(p *page, find func() ([]rule.Finding, error)) {
	findings, err := find()
	if err != nil {
		g.look("", "not all files could be checked: %v", err)
	}
	count := map[rule.Severity]int{}
	for _, f := range findings {
		count[f.Severity]++
	}
	if n := count[rule.Error]; n > 0 {
		g.grave("see the section on mistakes", "%s in the files of this host", terminal.Counted(uint64(n), "mistake", "mistakes"))
	}
	if n := count[rule.Warning]; n > 0 {
		g.look("see the section on mistakes", "%s about the files of this host", terminal.Counted(uint64(n), "warning", "warnings"))
	}
	sort.SliceStable(findings, func(i, j int) bool { return findings[i].Severity == rule.Error && findings[j].Severity != rule.Error })
	p.Findings = findings[:min(len(findings), maxFindings)]
	p.MoreFindings = len(findings) - len(p.Findings)
}

// Bounds in characters: on a name that others chose, and on a message or a command, which may have several of them.
const (
	maxName     = 200
	maxSentence = 1000
)

func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
