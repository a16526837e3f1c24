// Package explain is the command that explains addresses: the action of the list, the
// sources behind it, and the effect on Sendmail and Postfix. It changes nothing.
package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"mailallow/accessmap/format"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/postfix"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Run       run.Options
	Live      bool     // ask the installed programs, too
	Offline   bool     // take the last good state, and fetch no source
	Name      string   // of the client; may be empty
	At        string   // explain by the list of the history as it was then; empty: by that of now
	Addresses []string // addresses and host names, at least one
}

// explanation is a run of the command.
type explanation struct {
	settings *config.Settings
	flags    string       // of the run, for a command to paste
	request  *run.Request // nil, as are the next three: there is no configuration
	list     *run.List
	explain  *allowlist.Explainer
	statuses map[string]guard.Status // of the sources in explain
	plans    []*plan.Plan
	postfix  *postfix.Main // nil: there is none here, or it could not be read
	unread   error         // why it could not be read
	fetches  bool          // the run asks the network for its sources
	subjects []subject
}

// Run explains each address.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	subjects, err := newSubjects(o.Addresses, o.Name, o.Run.Typed())
	if err != nil {
		return err
	}
	s, err := config.Load(ctx, o.Run.Config)
	if err != nil {
		return err
	}
	if o.Live && s.Writable != nil { // it names sendmail.cf and makemap, and both have programs run
		return exit.With(exit.Usage, s.Writable)
	}
	if o.Offline && o.Run.Snapshot != "" {
		return exit.Usagef("--offline takes the last good state: leave out --snapshot")
	}
	o.Run.Installed, o.Run.ForAnswer = o.Offline, true
	x := &explanation{settings: s, flags: o.Run.Typed(), statuses: map[string]guard.Status{}}
	if o.At != "" {
		return x.then(ctx, t, o, subjects)
	}
	switch hasList := len(s.Sources)+len(s.Targets) > 0; { // a file with [dnsbl] alone has none
	case s.Absent && o.Run.Snapshot+o.Run.Signature != "":
		return exit.Usagef("--snapshot: there is no configuration %s whose sources it could hold", s.Path)
	case s.Absent:
		t.Note("there is no configuration %s: only the catalogue is looked at; 'mailallow init --write%s' makes one to start from", s.Path, o.Run.Config.Typed())
	case !hasList && o.Run.Snapshot == "":
		t.WarnOf(s.Writable)
		t.Note("%s has neither a [[source]] nor a [[target]]: only the catalogue is looked at", s.Path)
	default:
		x.request, err = run.New(s, o.Run)
		x.request.Announce(t)
		if err != nil {
			return err
		}
		x.fetches = x.request.Fetches() && !o.Offline
	}
	var problems []error
	if x.subjects, problems = x.lookUp(ctx, t, subjects); len(x.subjects) == 0 {
		return errors.Join(problems...)
	}
	doc, err := x.document(ctx, t, o.Live)
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
	return x.outcome(t, append(problems, err))
}

// outcome is the error of the run: the problems, which may be nil, with the code that
// counts among theirs and those of the sources.
func (x *explanation) outcome(t *terminal.Terminal, problems []error) error {
	var codes []int
	if x.list != nil {
		codes = x.list.Codes()
		t.Close(x.list.Holds(fault.NothingChanged))
	}
	for _, p := range problems {
		codes = append(codes, exit.Code(p))
	}
	return exit.Worst(errors.Join(problems...), codes...)
}

// resolve resolves the sources and plans the targets. If a target cannot be planned, the
// error says why, and the others are planned.
func (x *explanation) resolve(ctx context.Context, t *terminal.Terminal) error {
	if x.request == nil {
		return nil
	}
	result, err := x.request.Planned(ctx, t)
	if result.List == nil {
		return err
	}
	x.list, x.plans = result.List, result.Plans
	x.explain = allowlist.NewExplainer(x.list.Labelled())
	for _, s := range x.list.Sources {
		x.statuses[s.Source.Name] = s.Status
	}
	if slices.ContainsFunc(x.plans, func(p *plan.Plan) bool { return p.Format.Use != format.UseNone }) {
		x.readPostfix(ctx, t)
	}
	return err
}

// readPostfix asks postconf where main.cf names the tables. A host without Postfix makes
// tables for other hosts.
func (x *explanation) readPostfix(ctx context.Context, t *terminal.Terminal) {
	if x.postfix != nil || x.unread != nil {
		return
	}
	postconf, err := postfix.Find("postconf")
	if err == nil {
		x.postfix, err = postfix.Read(ctx, postconf, "")
	}
	if x.unread = err; err != nil && !errors.Is(err, postfix.ErrNone) {
		t.Warn("the settings of main.cf are not known: %v", err)
	}
}

// document explains every address.
func (x *explanation) document(ctx context.Context, t *terminal.Terminal, live bool) (*document, error) {
	since := sync.OnceValue(x.openSince)
	go since() // a long history takes as long as the list
	planErr := x.resolve(ctx, t)
	if planErr != nil && x.list == nil {
		return nil, planErr
	}
	doc := &document{Addresses: []addressDocument{}, Sources: []run.SourceDocument{}, Problems: []allowlist.Problem{}}
	if x.list != nil {
		doc.Sources, doc.Problems = x.list.Documents(), append(doc.Problems, x.list.Problems...)
		say.Warn(t, x.list)
	}
	for i, s := range x.subjects {
		d := x.explained(s)
		d.Since = since().of(d, i)
		doc.Addresses = append(doc.Addresses, d)
	}
	for _, p := range x.plans {
		for i, target := range x.targets(ctx, t, p, live) {
			doc.Addresses[i].Targets = append(doc.Addresses[i].Targets, target)
		}
	}
	if live {
		for i, servers := range x.servers(ctx, t, doc.Addresses) {
			doc.Addresses[i].Servers = append(doc.Addresses[i].Servers, servers...)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return doc, errors.Join(planErr, x.addProviders(ctx, t, doc))
}

// explained explains an address by the list alone.
func (x *explanation) explained(s subject) addressDocument {
	d := addressDocument{Argument: s.argument, Address: s.Addr.String(), Name: s.shownName(), decidingDocument: newDecidingDocument(nil), Matches: []matchDocument{},
		Nearest: []nearDocument{}, Providers: []coverDocument{}, Targets: []targetDocument{}, Servers: []serverDocument{}}
	if x.explain == nil {
		return d
	}
	e := x.explain.Explain(s.Addr)
	d.decidingDocument = newDecidingDocument(e.Entry)
	for _, m := range slices.Concat(e.Excluded, e.Matches) {
		d.Matches = append(d.Matches, x.match(m))
	}
	if len(e.Excluded) > 0 {
		d.decidingDocument = decidingDocument{Action: allowlist.Exclude.String(), Prefix: e.Excluded[0].Prefix.String(),
			Sources: []ownerDocument{{e.Excluded[0].Source, []string{e.Excluded[0].PathString()}}}}
		if e.Without != nil {
			without := newDecidingDocument(e.Without)
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

func (x *explanation) match(m allowlist.Match) matchDocument {
	d := matchDocument{Source: m.Source, Action: m.Action.String(), Prefix: m.Prefix.String(), Path: m.PathString()}
	d.Status = x.statuses[m.Source]
	return d
}

// addProviders finds the providers that send from addresses in no source. It asks the
// network for their ranges only if the run fetches its sources, too.
func (x *explanation) addProviders(ctx context.Context, t *terminal.Terminal, doc *document) error {
	unlisted := func(d addressDocument) bool { return len(d.Matches) == 0 }
	if !slices.ContainsFunc(doc.Addresses, unlisted) {
		return nil
	}
	settings := x.settings
	if x.request != nil {
		settings = x.request.Settings // its deadline may be shorter
	}
	known, err := catalogue.Open(ctx, t, settings, x.fetches)
	if err != nil {
		return err
	}
	for i, s := range x.subjects {
		if d := &doc.Addresses[i]; unlisted(*d) {
			for _, m := range known.Holding(s.Addr) {
				d.Providers = append(d.Providers, x.cover(known, m))
			}
		}
	}
	return context.Cause(ctx)
}

func (x *explanation) cover(known *catalogue.Catalogue, m allowlist.Match) coverDocument {
	p, _ := allowlist.ProviderByName(m.Source) // the catalogue is made of them
	d := coverDocument{Name: p.Name, Title: p.Title, Shared: p.Shared, Prefix: m.Prefix.String(), Path: m.PathString(),
		Date:   known.Time(p.Name).Format("2006-01-02"),
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
