// Package history is the command that tells how the list changed: the runs that changed it, one of them whole, or when an
// address was in it. It changes nothing.
package history

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Config config.Flags
	Since  string   // leave out what is older; as config.ParseTime reads it
	Entry  string   // the id of the one entry to show whole
	Source string   // of which alone to tell
	Args   []string // an address, or the name of a source; none: of everything
}

// document is the JSON document of entries.
type document struct {
	Entries  []entryDocument     `json:"entries"`
	Problems []allowlist.Problem `json:"problems"`
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Entries: []entryDocument{}, Problems: problems}
}

// Run tells of the history.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	addr, err := o.subject()
	if err != nil {
		return err
	}
	err = o.tell(ctx, t, addr)
	if err != nil && addr.IsValid() && t.JSON { // it comes before the document
		doc := spansDocument{Address: addr.String(), Spans: []spanDocument{}, Problems: []allowlist.Problem{{Kind: "error", Text: err.Error()}}}
		return cmp.Or(t.Document(doc), err)
	}
	return err
}

func (o *Options) tell(ctx context.Context, t *terminal.Terminal, addr netip.Addr) (err error) {
	now := time.Now()
	var since time.Time
	if o.Since != "" {
		if since, err = config.ParseTime(o.Since, now); err != nil {
			return exit.Usagef("--since %w", err)
		}
	}
	s, err := config.Load(ctx, o.Config)
	if err != nil {
		return err
	}
	t.WarnOf(s.Writable)
	log, err := run.OpenHistory(s.StateDir)
	if err != nil {
		return err
	}
	if len(log.Segments) == 0 {
		t.Note("there is no history in %s yet: it begins with the next update", s.StateDir)
	}
	if addr.IsValid() {
		return tellAddress(t, log, addr, since)
	}
	return o.tellEntries(t, log, since)
}

// subject reads the arguments: an address, or none and the source is set.
func (o *Options) subject() (addr netip.Addr, err error) {
	switch {
	case len(o.Args) > 1:
		return addr, exit.Usagef("history takes one ADDRESS or SOURCE, and there are %d", len(o.Args))
	case len(o.Args) == 1 && o.Source != "":
		return addr, exit.Usagef("history takes either an argument or --source")
	case o.Entry != "" && o.Since != "":
		return addr, exit.Usagef("--entry shows one entry whole: leave out --since")
	case len(o.Args) == 0:
		return addr, nil
	}
	if addr, err := netip.ParseAddr(o.Args[0]); err == nil {
		if o.Entry != "" {
			return addr, exit.Usagef("--entry shows one entry whole: leave out the address")
		}
		return addr.Unmap().WithZone(""), nil
	}
	if network, err := netip.ParsePrefix(o.Args[0]); err == nil {
		return addr, fault.Hint("", "--source takes the name of a source, whatever it looks like",
			"%q is a network: history takes single addresses, such as %s", o.Args[0], network.Addr())
	}
	o.Source = o.Args[0]
	return addr, nil
}

func (o *Options) tellEntries(t *terminal.Terminal, log history.Log, since time.Time) error {
	var names []string
	from := since
	if o.Source != "" { // older entries know its name, too
		from = time.Time{}
	}
	entries, problems := log.Entries(from, func(e history.Entry) bool {
		for _, s := range e.Sources {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
		return !e.Time.Before(since) && (e.ID == o.Entry || o.Entry == "" && (o.Source == "" || slices.ContainsFunc(e.Sources, o.isSource)))
	})
	for _, p := range problems {
		t.Warn("%s", p.Text)
	}
	if o.Entry != "" && len(entries) == 0 {
		return exit.Usagef("--entry %q: the history has no such entry: 'mailallow history%s' lists them", o.Entry, o.Config.Typed())
	}
	if o.Source != "" && len(entries) == 0 && len(names) > 0 && !slices.Contains(names, o.Source) {
		return exit.Usagef("no entry tells of a source %q%s", o.Source, exit.DidYouMean(o.Source, names))
	}
	if o.Source != "" {
		for i, e := range entries {
			entries[i].Sources = nil
			for _, s := range e.Sources {
				if o.isSource(s) {
					entries[i].Sources = append(entries[i].Sources, s)
				}
			}
		}
		if o.Entry != "" && len(entries[0].Sources) == 0 {
			return exit.Usagef("the entry %s does not tell of a source %q", o.Entry, o.Source)
		}
	}
	switch {
	case t.JSON:
		doc := document{Entries: []entryDocument{}, Problems: append([]allowlist.Problem{}, problems...)}
		for _, e := range entries {
			doc.Entries = append(doc.Entries, newEntryDocument(e))
		}
		return t.Document(doc)
	case o.Entry != "":
		tellWhole(t, entries[0])
	default:
		tellList(t, entries)
	}
	return nil
}

// isSource reports whether an entry tells of the source under the name it has or had.
func (o *Options) isSource(s history.Source) bool {
	return s.Name == o.Source || s.From == o.Source
}

// spansDocument is the JSON document of an address.
type spansDocument struct {
	Address  string              `json:"address"`
	Spans    []spanDocument      `json:"spans"`
	Problems []allowlist.Problem `json:"problems"`
}

type spanDocument struct {
	From   time.Time  `json:"from"`
	Until  *time.Time `json:"until"` // null: it is in the list
	Action string     `json:"action"`
	Source string     `json:"source"`
	Prefix string     `json:"prefix"`
	Path   string     `json:"path"`
}

func tellAddress(t *terminal.Terminal, log history.Log, addr netip.Addr, since time.Time) error {
	all, problems := log.Spans(addr)
	var spans []history.Span
	for _, s := range all {
		if s.Until.IsZero() || !s.Until.Before(since) {
			spans = append(spans, s)
		}
	}
	for _, p := range problems {
		t.Warn("%s", p.Text)
	}
	if !t.JSON {
		tellSpans(t, addr, spans)
		return nil
	}
	doc := spansDocument{Address: addr.String(), Spans: []spanDocument{}, Problems: append([]allowlist.Problem{}, problems...)}
	for _, s := range spans {
		d := spanDocument{From: s.From, Action: s.Action.String(), Source: s.Source, Prefix: s.Prefix.String(), Path: s.Path.String()}
		if !s.Until.IsZero() {
			d.Until = &s.Until
		}
		doc.Spans = append(doc.Spans, d)
	}
	return t.Document(doc)
}

// entryDocument is an entry.
type entryDocument struct {
	ID      string           `json:"id"`
	Time    time.Time        `json:"time"`
	Command string           `json:"command"`
	By      string           `json:"by"`
	Reason  string           `json:"reason"`
	Targets []string         `json:"targets"`
	Sources []sourceDocument `json:"sources"`
}

type sourceDocument struct {
	Name     string              `json:"name"`
	Action   string              `json:"action"`
	Was      *string             `json:"was"`    // the action before; null: the same
	Change   *string             `json:"change"` // null: it has the same name and definition
	Status   string              `json:"status"` // empty: it was removed
	Reason   string              `json:"reason"` // of the source, like the next two
	Owner    string              `json:"owner"`
	Until    *string             `json:"until"` // null: it had no end
	Came     []netip.Prefix      `json:"came"`
	Gone     []netip.Prefix      `json:"gone"`
	Problems []allowlist.Problem `json:"problems"`
}

func newEntryDocument(e history.Entry) entryDocument {
	d := entryDocument{ID: e.ID, Time: e.Time, Command: e.Command, By: e.By, Reason: e.Reason,
		Targets: append([]string{}, e.Targets...), Sources: []sourceDocument{}}
	for _, s := range e.Sources {
		one := sourceDocument{Name: s.Name, Action: s.Action.String(), Status: string(s.Status), Reason: s.Reason, Owner: s.Owner,
			Came: []netip.Prefix{}, Gone: []netip.Prefix{}, Problems: append([]allowlist.Problem{}, s.Problems...)}
		if s.Was != allowlist.None {
			was := s.Was.String()
			one.Was = &was
		}
		if s.Change != "" {
			one.Change = &s.Change
		}
		if s.Until != "" {
			one.Until = &s.Until
		}
		came, gone := s.Networks()
		for p := range came.All() {
			one.Came = append(one.Came, p)
		}
		for p := range gone.All() {
			one.Gone = append(one.Gone, p)
		}
		d.Sources = append(d.Sources, one)
	}
	return d
}

// whose names the user of an entry.
func whose(e history.Entry) string { return cmp.Or(e.By, "-") }
