package explain

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"mailallow/accessmap/format"
	"mailallow/accessmap/live"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The part of a client that a key matches.
const (
	byName    = "name"
	byAddress = "address"
)

// targets explains every address in one target.
func (x *explanation) targets(ctx context.Context, t *terminal.Terminal, p *plan.Plan, ask bool) []targetDocument {
	explained := make([]targetDocument, len(x.subjects))
	for i := range explained {
		explained[i] = targetDocument{format: p.Format, flags: x.flags, Path: p.Path, Format: p.Format.Name, Problems: p.Refused(), LeftAlone: p.LeftAlone, Keys: []keyDocument{},
			NameKeys: []keyDocument{}, Pending: []sendmail.KeyDifference{}, Live: []liveDocument{}}
	}
	if p.Err != nil {
		return explained
	}
	var clients []sendmail.Client
	for _, s := range x.subjects {
		clients = append(clients, s.Client)
	}
	var planned *sendmail.Text
	if p.Format.Map {
		planned = sendmail.NewText(p.New, p.WholeFile)
		x.accessTargets(explained, p, planned, clients)
	} else {
		text := p.Text()
		for i, c := range clients {
			x.tableTarget(&explained[i], p, text, c)
		}
	}
	if ask {
		addLive(t, x.flags, explained, live.Ask(ctx, p, planned, clients))
	}
	return explained
}

// accessTargets adds the keys that match the clients, and the decisions of Sendmail.
func (x *explanation) accessTargets(explained []targetDocument, p *plan.Plan, planned *sendmail.Text, clients []sendmail.Client) {
	installed := planned
	if !bytes.Equal(p.Old, p.New) {
		installed = sendmail.NewText(p.Old, p.WholeFile)
	}
	for i, c := range clients {
		d := &explained[i]
		ruling := planned.Rule(c, p.CF() != nil && p.CF().AccessSkip)
		d.Keys = append(keyDocuments(byName, ruling.Names), keyDocuments(byAddress, ruling.Addresses)...)
		if c.Name == "" {
			d.NameKeys = keyDocuments(byName, planned.NameKeys())
		}
		d.Sendmail = newSendmailDocument(p.CF(), ruling)
		if p.CF() == nil {
			if other := planned.Rule(c, true); other.Relay != ruling.Relay {
				with := newRelayDocument(other)
				d.Sendmail.WithSkip = &with
			}
		}
		d.Pending = append(d.Pending, planned.Compare(installed, c)...)
	}
}

func newSendmailDocument(cf *sendmail.CF, r sendmail.Ruling) *sendmailDocument {
	d := &sendmailDocument{Relay: newRelayDocument(r)}
	if cf != nil {
		d.DelayChecks, d.Skip, d.DNSBLs = &cf.DelayChecks, &cf.AccessSkip, append([]string{}, cf.Zones()...)
	}
	if r.Relays && !d.Relay.stops() {
		d.Rcpt.Relays = true
		if r.RelaysBy != nil {
			d.Rcpt.Key = r.RelaysBy.Key
		}
	}
	return d
}

func newRelayDocument(r sendmail.Ruling) relayDocument {
	d := relayDocument{Outcome: r.Relay, Reply: r.Reply}
	if r.By != nil {
		d.Key = r.By.Key
	}
	return d
}

// tableTarget adds the line of a table that holds the client, and its effect in Postfix.
func (x *explanation) tableTarget(d *targetDocument, p *plan.Plan, text []byte, c sendmail.Client) {
	line, found := p.Format.FindLine(text, c.Addr)
	if found {
		d.Line = &lineDocument{line.Line, line.Network.String(), line.Value}
	}
	if old, had := p.Format.FindLine(p.Old, c.Addr); had != found || old.Value != line.Value {
		d.Pending = append(d.Pending, sendmail.KeyDifference{Key: c.Addr.String(), Planned: lineValue(line, found), Installed: lineValue(old, had)})
	}
	if p.Format.Use == format.UseNone || x.postfix == nil {
		return
	}
	d.Postfix, d.StillAsked = []effectDocument{}, []askedDocument{}
	permitted := false
	for _, e := range x.postfix.Effects(p.Path, line.Value) {
		d.Postfix = append(d.Postfix, effectDocument{e.List, e.Class, e.Does, append([]string{}, e.DNSBLs...)})
		permitted = permitted || e.Does == postfix.EndsList || e.Does == postfix.RelaysToAll
	}
	if found && !permitted {
		return
	}
	table := p.Path
	if !found {
		table = "" // no line ends a list before its DNSBLs
	}
	still := x.postfix.StillAsked(table)
	for _, list := range postfix.RestrictionLists() {
		if asked := still[list]; len(asked) > 0 {
			row := askedDocument{List: list}
			for _, item := range asked {
				row.DNSBLs = append(row.DNSBLs, item.Zone())
			}
			d.StillAsked = append(d.StillAsked, row)
		}
	}
}

// lineValue is the value of a line, or its network if it has none.
func lineValue(line format.Line, found bool) string {
	if found && line.Value == "" {
		return line.Network.String()
	}
	return line.Value
}

// addLive adds the answers of the installed programs. It warns of a program without an
// answer once, not for every address.
func addLive(t *terminal.Terminal, flags string, explained []targetDocument, answers []live.Answers) {
	for _, answer := range answers {
		if errors.Is(answer.Err, live.ErrNoMap) {
			answer.Err = fmt.Errorf("%w: 'mailallow update%s' makes it", answer.Err, flags)
		}
		if answer.Err != nil {
			t.Warn("%s: the installed entries are not known: %v", answer.By, answer.Err)
		}
		for i := range explained {
			d := liveDocument{By: answer.By, Differs: []sendmail.KeyDifference{}}
			if answer.Err != nil {
				d.Error = answer.Err.Error()
			} else {
				d.Relays, d.Differs = answer.Clients[i].Relays, append(d.Differs, answer.Clients[i].Differs...)
			}
			explained[i].Live = append(explained[i].Live, d)
		}
	}
}
