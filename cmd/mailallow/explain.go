package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const explainText = `Says of each ADDRESS what the list does with it and who put it there: every source
and SPF path, the access key that Sendmail will match (hand-written ones included)
and what check_relay and check_rcpt make of it, the line of a Postfix table and
what it means where main.cf names it. Of an address that is in no source: the
nearest ranges, and the catalogue provider that would cover it. It goes the way of
diff and changes nothing; without a configuration only the catalogue is looked at.

An ADDRESS may be written as logs have it ([192.0.2.7], IPv6:2001:db8::1) or be a
host name: each of its addresses is explained, and the name is used for keys of host
names. --live asks what is installed, too: makemap -u and sendmail -bt, or postmap,
and says where they differ from the plan.`

// explaining is a run of explain. Without a configuration there is no request.
type explaining struct {
	settings *config.Settings
	request  *request
	list     *resolved
	explain  *allowlist.Explainer
	plans    []accessmap.TargetPlan
	postfix  *accessmap.PostfixMain // nil: there is none here, or it could not be read
	subjects []subject
}

func explain(t *terminal.Terminal, c *cli.Context) error {
	subjects, err := newSubjects(c.Args().Slice(), c.String("name"))
	if err != nil {
		return err
	}
	s, err := config.Load(configFlags(c))
	if err != nil {
		return err
	}
	x := &explaining{settings: s}
	if !s.Absent {
		if x.request, err = loadRequest(t, c); err != nil {
			return err
		}
	} else if c.String("snapshot") != "" {
		return exit.Usagef("--snapshot: there is no configuration %s whose sources it could hold", s.Path)
	} else {
		t.Note("there is no configuration %s: only the catalogue is looked at; 'mailallow init' writes one to start from", s.Path)
	}
	var problems []error
	if x.subjects, problems = lookUp(c.Context, s, subjects); len(x.subjects) == 0 {
		return exit.With(exit.Usage, errors.Join(problems...))
	}
	doc, err := x.document(c.Context, t, c.Bool("live"))
	if err != nil && doc == nil {
		return err
	}
	for _, p := range append(problems, err) {
		if p != nil {
			doc.Problems = append(doc.Problems, allowlist.Problem{Kind: "error", Text: p.Error()})
		}
	}
	x.tell(t, doc)
	if t.JSON {
		if err := t.Document(doc); err != nil {
			return err
		}
	}
	return x.outcome(append(problems, err))
}

// outcome is what the run came to: what went wrong has been told in the document, and is told on stderr with the exit code.
func (x *explaining) outcome(problems []error) error {
	var codes []int
	if x.list != nil {
		codes = x.list.codes()
	}
	err := errors.Join(problems...)
	if err == nil {
		return exit.Outcome(codes...)
	}
	for _, p := range problems {
		if p != nil {
			codes = append(codes, exit.Code(p))
		}
	}
	return exit.With(exit.Code(exit.Outcome(codes...)), err)
}

// resolve goes the way of diff. Where a target cannot be planned the others are, and the error says why.
func (x *explaining) resolve(ctx context.Context, t *terminal.Terminal) error {
	if x.request == nil {
		return nil
	}
	p, err := x.request.planned(ctx, t)
	if p.list == nil {
		return err
	}
	x.list, x.plans = p.list, p.plans
	x.explain = allowlist.NewExplainer(p.list.labelled())
	if slices.ContainsFunc(x.plans, func(p accessmap.TargetPlan) bool { return p.Format.Postfix }) {
		x.readPostfix(ctx, t)
	}
	return err
}

// readPostfix asks postconf where main.cf names the tables. A host may well have none: the tables are for others then.
func (x *explaining) readPostfix(ctx context.Context, t *terminal.Terminal) {
	postconf, err := accessmap.FindPostconf()
	if err == nil {
		x.postfix, err = accessmap.ReadPostfix(ctx, postconf, "")
	}
	if err != nil && !errors.Is(err, accessmap.ErrNoPostfix) {
		t.Warn("what main.cf says is not known: %v", err)
	}
}

// document explains every address.
func (x *explaining) document(ctx context.Context, t *terminal.Terminal, live bool) (*explainDocument, error) {
	planErr := x.resolve(ctx, t)
	if planErr != nil && x.list == nil {
		return nil, planErr
	}
	doc := &explainDocument{Version: terminal.DocumentVersion, Addresses: []explainedDocument{}, Sources: []sourceDocument{}, Problems: []allowlist.Problem{}}
	if x.list != nil {
		doc.Sources = x.request.sourceDocuments(x.list)
		x.request.warnSources(t, x.list)
	}
	for _, s := range x.subjects {
		doc.Addresses = append(doc.Addresses, x.explained(s))
	}
	for _, p := range x.plans {
		for i, target := range x.targets(ctx, t, p, live) {
			doc.Addresses[i].Targets = append(doc.Addresses[i].Targets, target)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return doc, errors.Join(planErr, x.addProviders(ctx, t, doc))
}

// explained is what the list itself says.
func (x *explaining) explained(s subject) explainedDocument {
	d := explainedDocument{Argument: s.argument, Address: s.Addr.String(), Name: s.Name, Matches: []matchDocument{},
		Nearest: []nearDocument{}, Providers: []coverDocument{}, Targets: []explainedTarget{}}
	if x.explain == nil {
		return d
	}
	e := x.explain.Explain(s.Addr)
	d.decidingDocument = decidingDocumentOf(e.Entry)
	for _, m := range slices.Concat(e.Excluded, e.Matches) {
		d.Matches = append(d.Matches, x.match(m))
	}
	if len(e.Excluded) > 0 {
		d.decidingDocument = decidingDocument{Action: allowlist.Exclude.String(), Prefix: e.Excluded[0].Prefix.String(),
			Sources: []ownerDocument{{e.Excluded[0].Source, []string{e.Excluded[0].PathString()}}}}
		if e.Without != nil {
			without := decidingDocumentOf(e.Without)
			d.Without = &without
		}
		return d
	}
	for _, n := range []struct {
		side string
		*allowlist.Neighbour
	}{{"below", e.Below}, {"above", e.Above}} {
		if n.Neighbour != nil {
			d.Nearest = append(d.Nearest, nearDocument{n.side, n.Source, n.Action.String(), n.Prefix.String(), n.Edge.String(), distance(s.Addr, n.Edge)})
		}
	}
	return d
}

func (x *explaining) match(m allowlist.Match) matchDocument {
	d := matchDocument{Source: m.Source, Action: m.Action.String(), Prefix: m.Prefix.String(), Path: m.PathString()}
	for _, s := range x.list.sources {
		if s.Source.Name == m.Source {
			d.Status = s.Status
		}
	}
	return d
}

// addProviders finds, for addresses that are in no source, who in the catalogue sends from them. It is asked for anew
// only where the run fetches, and only when somebody's answer depends on it.
func (x *explaining) addProviders(ctx context.Context, t *terminal.Terminal, doc *explainDocument) error {
	unlisted := func(d explainedDocument) bool { return len(d.Matches) == 0 }
	if !slices.ContainsFunc(doc.Addresses, unlisted) {
		return nil
	}
	known, err := openCatalogue(ctx, t, x.settings, x.request != nil && x.request.snapshot == "")
	if err != nil {
		return err
	}
	for i, s := range x.subjects {
		if d := &doc.Addresses[i]; unlisted(*d) {
			for _, m := range known.holding(s.Addr) {
				d.Providers = append(d.Providers, x.cover(known, m))
			}
		}
	}
	return context.Cause(ctx)
}

func (x *explaining) cover(known *catalogue, m allowlist.Match) coverDocument {
	p, _ := allowlist.ProviderByName(m.Source) // the catalogue is made of them
	d := coverDocument{Name: p.Name, Title: p.Title, Shared: p.Shared, Prefix: m.Prefix.String(), Path: m.PathString(),
		Date:   known.times[p.Name].Format("2006-01-02"),
		Source: fmt.Sprintf("[[source]]\nname = %q\nprovider = %q\naction = \"OK\"\n", p.Name, p.Name)}
	for _, s := range x.settings.Sources {
		if s.Provider == p.Name || slices.ContainsFunc(s.SPF, func(name string) bool {
			return slices.Contains(p.SPF, strings.ToLower(strings.TrimSuffix(name, ".")))
		}) {
			d.Configured = s.Name
		}
	}
	return d
}
