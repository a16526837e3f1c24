// Package providers is the command that lists the catalogue of mail providers, and with
// Check fetches all of them. It reads the configuration only for Check.
package providers

import (
	"context"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Config config.Flags // for Check alone
	Check  bool         // fetch every provider
}

type document struct {
	Providers []providerDocument  `json:"providers"`
	Problems  []allowlist.Problem `json:"problems,omitempty"` // of the run, not of a provider
}

type providerDocument struct {
	Name       string   `json:"name"`
	Title      string   `json:"title"`
	SPF        []string `json:"spf"`
	URL        string   `json:"url"`
	Select     string   `json:"select"`
	Shared     bool     `json:"shared"`
	Doc        string   `json:"doc"`
	Note       string   `json:"note"`
	Unlistable string   `json:"unlistable"`
	// Check is the result for a provider that can be listed, with --check.
	Check *checkDocument `json:"check,omitempty"`
}

type checkDocument struct {
	Error         string              `json:"error"` // empty: it answers
	Ranges        int                 `json:"ranges"`
	IPv4Addresses uint64              `json:"ipv4_addresses"`
	Problems      []allowlist.Problem `json:"problems"`
}

// Run lists the providers. With Check it ends with exit.Stale if one does not answer.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	all, err := allowlist.Providers()
	if err != nil {
		return err
	}
	checks := make([]*checkDocument, len(all))
	if o.Check {
		if checks, err = check(ctx, t, o.Config, all); err != nil {
			return err
		}
	}
	if t.JSON {
		err = t.Document(newDocument(all, checks))
	} else {
		tell(t, all, checks)
	}
	if err == nil && slices.ContainsFunc(checks, func(d *checkDocument) bool { return d != nil && d.Error != "" }) {
		err = exit.Outcome(exit.Stale)
	}
	return err
}

// check fetches every provider that can be listed, as a source would.
func check(ctx context.Context, t *terminal.Terminal, flags config.Flags, all []allowlist.Provider) ([]*checkDocument, error) {
	s, err := config.Load(flags)
	if err != nil {
		return nil, err
	}
	fetched, err := catalogue.Fetch(ctx, t, s, all)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	checks := make([]*checkDocument, len(all))
	for i, f := range fetched {
		if all[i].Unlistable != "" {
			continue
		}
		minimal := slices.Collect(f.Ranges.Minimal())
		checks[i] = &checkDocument{Ranges: len(minimal), IPv4Addresses: allowlist.CountAddresses(slices.Values(minimal)).IPv4,
			Problems: append([]allowlist.Problem{}, f.Problems...)}
		switch {
		case f.Err != nil:
			checks[i].Error = f.Err.Error()
		case len(minimal) == 0:
			checks[i].Error = "it has no address"
		}
	}
	return checks, nil
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Providers: []providerDocument{}, Problems: problems}
}

func newDocument(all []allowlist.Provider, checks []*checkDocument) document {
	doc := document{}
	for i, p := range all {
		doc.Providers = append(doc.Providers, providerDocument{p.Name, p.Title, append([]string{}, p.SPF...),
			p.URL, p.Select, p.Shared, p.Doc, p.Note, p.Unlistable, checks[i]})
	}
	return doc
}

// tell writes the table, with more about a provider below its line.
func tell(t *terminal.Terminal, all []allowlist.Provider, checks []*checkDocument) {
	rows := [][]string{{"NAME", "SHARED", "WHERE ITS RANGES COME FROM"}}
	for _, p := range all {
		rows = append(rows, []string{p.Name, yesNo(p.Shared), origin(p)})
	}
	laid := terminal.Layout(t.Width(), rows)
	t.Data(terminal.Bold, "%s", laid[0])
	for i, p := range all {
		t.Data(terminal.Plain, "%s", laid[i+1])
		if t.Verbose {
			t.Data(terminal.Faint, "    %s; %s\n    %s", p.Title, p.Note, p.Doc)
		}
		switch check := checks[i]; {
		case check == nil:
		case check.Error != "":
			t.Data(terminal.Red, "    does not answer: %s", check.Error)
		default:
			t.Data(terminal.Green, "    answers: %d ranges, %s IPv4 addresses", check.Ranges, terminal.Grouped(check.IPv4Addresses))
		}
	}
}

func origin(p allowlist.Provider) string {
	switch {
	case p.Unlistable != "":
		return "cannot be listed: " + p.Unlistable
	case p.URL != "":
		return p.URL
	}
	return strings.Join(p.SPF, " ")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
