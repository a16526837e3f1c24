package maillog

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/terminal"
)

// summary is the JSON document; the text for people is made of it.
type summary struct {
	Refused  refusedReport       `json:"refused"` // by DNSBLs
	Errors   []errorReport       `json:"errors"`
	Outbound []outboundReport    `json:"outbound"`
	Domain   refusals.Total      `json:"outbound_domain"` // refusals by other hosts for the sender's domain
	Other    refusals.Total      `json:"other"`           // refusals for another reason
	Unused   *unusedReport       `json:"unused"`          // null without --unused
	Problems []allowlist.Problem `json:"problems"`

	flags string // of the run, for a command to paste
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	report := newTally().report(&owners{}, 0)
	report.Problems = problems
	return report
}

type refusedReport struct {
	refusals.Total
	Addresses int              `json:"addresses"`
	Providers []providerReport `json:"providers"`
	Lists     []refusals.List  `json:"lists"`
	Clients   []clientReport   `json:"clients"`

	ThenCovered  int `json:"-"` // addresses that the list covered when they were refused
	SinceCovered int `json:"-"` // those that it did not cover then, and covers now
}

type providerReport struct {
	Name string `json:"name"` // empty: no provider of the catalogue sends from there
	refusals.Total
	Addresses int  `json:"addresses"`
	Mark      mark `json:"mark"`
}

type clientReport struct {
	IP netip.Addr `json:"ip"`
	refusals.Total
	Zones    []string      `json:"zones"`
	Provider string        `json:"provider"`
	Mark     mark          `json:"mark"`
	Then     history.Cover `json:"then"` // the list covered it when it was last refused
	Now      history.Cover `json:"now"`
}

// covered is the state of a client in the table.
func (c clientReport) covered() string {
	state, _ := c.Mark.words() // the row names the provider
	if c.Then == history.CoverUnknown {
		return state
	}
	if c.Mark.State == covered {
		state = "now yes"
	}
	return fmt.Sprintf("then %s, %s", c.Then, state)
}

type errorReport struct {
	Zone string `json:"zone"`
	Host string `json:"host"` // that asked it; empty: this one
	refusals.Total
}

type outboundReport struct {
	Zone    string      `json:"zone"`    // empty: the reply names none
	Private bool        `json:"private"` // a service that cannot be asked over DNS
	Host    string      `json:"host"`    // that refused; empty: the line names none
	IP      *netip.Addr `json:"ip"`      // of this host, from the last line that has one
	// Blames is the address: refusals for the sender's domain are only counted.
	Blames maillog.Blame `json:"blames"`
	refusals.Total
}

// Bounds on the listed addresses and hosts; with --verbose there are none.
const (
	maxRows       = 20   // in the text
	maxDocumented = 1000 // in the document
)

// tell writes the summary for people.
func (r *summary) tell(t *terminal.Terminal) {
	r.tellRefused(t)
	r.tellErrors(t)
	r.tellOutbound(t)
	if r.Other.Count > 0 {
		t.Summary(terminal.Plain, "\n%s for other reasons than a DNSBL (relaying, unknown users, rates, ...)", terminal.Counted(uint64(r.Other.Count), "refusal", "refusals"))
	}
	for _, p := range r.Problems {
		if p.Kind == "bound" {
			t.Warn("%s", p.Text)
		}
	}
}

func (r *summary) tellRefused(t *terminal.Terminal) {
	all := r.Refused
	if all.Count == 0 {
		t.Data(terminal.Bold, "Nobody was refused by a DNSBL.")
		return
	}
	t.Headline("Refused by a DNSBL: %s, %s, %s", terminal.Counted(uint64(all.Count), "time", "times"),
		terminal.Counted(uint64(all.Addresses), "address", "addresses"), refusals.Between(all.Since, all.Until))
	rows := [][]string{{"PROVIDER", "REFUSED", "ADDRESSES", "SINCE", "LAST", "COVERED"}}
	for _, p := range all.Providers {
		rows = append(rows, []string{cmp.Or(p.Name, "-"), terminal.Grouped(uint64(p.Count)), terminal.Grouped(uint64(p.Addresses)), p.Since.String(), p.Until.String(), p.Mark.String()})
	}
	t.Table(rows)
	t.Data(terminal.Plain, "")
	rows = [][]string{{"REFUSING LIST", "REFUSED", "ADDRESSES", "SINCE", "LAST"}}
	for _, l := range all.Lists {
		name := cmp.Or(l.Zone, "-")
		if l.Dead != nil {
			name += " (dead)"
		}
		if l.Blames == maillog.Domain {
			name += " (of domains)"
		}
		rows = append(rows, []string{name, terminal.Grouped(uint64(l.Count)), terminal.Grouped(uint64(l.Addresses)), l.Since.String(), l.Until.String()})
	}
	t.Table(rows)
	t.Data(terminal.Plain, "")
	rows = [][]string{{"ADDRESS", "REFUSED", "LAST", "BY", "PROVIDER", "COVERED"}}
	for _, c := range all.Clients {
		rows = append(rows, []string{c.IP.String(), terminal.Grouped(uint64(c.Count)), c.Until.String(), cmp.Or(strings.Join(c.Zones, " "), "-"), cmp.Or(c.Provider, "-"), c.covered()})
	}
	if all.Addresses > 0 {
		t.Table(rows)
	}
	if more := all.Addresses - len(all.Clients); more > 0 {
		t.Data(terminal.Faint, "and %s; --verbose lists them", terminal.Counted(uint64(more), "more address", "more addresses"))
	}
	r.adviseRefused(t)
}

// adviseRefused names the steps against refusals.
func (r *summary) adviseRefused(t *terminal.Terminal) {
	for _, l := range r.Refused.Lists {
		if l.Dead != nil {
			t.Warn("%s is a dead list: %s; take it out of the server's configuration", l.Zone, *l.Dead)
		}
	}
	var names []string
	coveredNow := false
	for _, p := range r.Refused.Providers {
		coveredNow = coveredNow || p.Mark.State == covered
		if p.Mark.State == coverable {
			names = append(names, p.Mark.Source)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		t.Note("to let in the clients that would be covered, write a [[source]] for each, with provider = \"%s\" and action = \"OK\"", strings.Join(names, `", "`))
	}
	if r.Refused.ThenCovered > 0 {
		t.Warn("refused while the list covered them: %s; the server does not read the list, or had not read it yet: 'mailallow lint%s' finds out why, 'mailallow explain --live%s ADDRESS' what it does now",
			terminal.Counted(uint64(r.Refused.ThenCovered), "address", "addresses"), r.flags, r.flags)
	}
	if r.Refused.SinceCovered > 0 {
		t.Note("refused before the list covered them, and covered now: %s", terminal.Counted(uint64(r.Refused.SinceCovered), "address", "addresses"))
	}
	if coveredNow && r.Refused.ThenCovered+r.Refused.SinceCovered == 0 {
		t.Note("covered now: if such refusals continue after 'mailallow update%s', the list does not take effect", r.flags)
	}
}

func (r *summary) tellErrors(t *terminal.Terminal) {
	if len(r.Errors) == 0 {
		return
	}
	t.Headline("\nNot a listing: the list refused the resolver that asked it, or did not answer")
	rows := [][]string{{"LIST", "ASKED BY", "TIMES", "SINCE", "LAST"}}
	own := false
	for _, e := range r.Errors {
		host := e.Host
		if host == "" {
			host, own = "this host", true
		}
		rows = append(rows, []string{cmp.Or(e.Zone, "-"), host, terminal.Grouped(uint64(e.Count)), e.Since.String(), e.Until.String()})
	}
	t.Table(rows)
	if own {
		t.Note("ask lists through a resolver of your own, not a public one, and take 127.255.255.x for no listing (Postfix: reject_rbl_client ZONE=127.0.0.[2..11])")
	}
}

func (r *summary) tellOutbound(t *terminal.Terminal) {
	if len(r.Outbound) > 0 {
		r.tellBlocks(t)
	}
	if n := r.Domain.Count; n > 0 {
		t.Headline("\nOther hosts refused mail %s for the sender's domain (SPF, DKIM, DMARC, a list of domains), and not for the address of this host",
			terminal.Counted(uint64(n), "time", "times"))
		t.Note("no removal from a list of addresses helps there, nor another address: the replies in the log say what is wrong with the domain")
	}
}

// tellBlocks lists the hosts that refuse this one for its address.
func (r *summary) tellBlocks(t *terminal.Terminal) {
	t.Data(terminal.Bold, "\nOther hosts refuse this one for its address")
	rows := [][]string{{"LIST OR SERVICE", "SAID BY", "THIS HOST", "TIMES", "SINCE", "LAST"}}
	public, private := false, map[string]bool{}
	shown := r.Outbound
	if len(shown) > maxRows && !t.Verbose {
		shown = shown[:maxRows]
	}
	for _, o := range shown {
		addr := "-"
		if o.IP != nil {
			addr = o.IP.String()
		}
		rows = append(rows, []string{cmp.Or(o.Zone, "-"), cmp.Or(o.Host, "-"), addr, terminal.Grouped(uint64(o.Count)), o.Since.String(), o.Until.String()})
		if o.Private {
			private[o.Zone] = true
		}
		public = public || !o.Private && o.Zone != ""
	}
	t.Table(rows)
	if more := len(r.Outbound) - len(shown); more > 0 {
		t.Data(terminal.Faint, "and %s; --verbose lists them", terminal.Counted(uint64(more), "more host", "more hosts"))
	}
	if public {
		t.Note("to see whether it is still listed, and where to ask for removal: 'mailallow dnsbl%s ADDRESS'", r.flags)
	}
	if len(private) > 0 {
		t.Note("%s: private, and not asked over DNS; the reply in the log names the page for removal (--events shows it)", strings.Join(slices.Sorted(maps.Keys(private)), ", "))
	}
}
