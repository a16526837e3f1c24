package main

import (
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const providersText = `Lists the mail senders that a source may name as provider = "NAME", with the narrow
SPF names that stand for them. Shared: the hosts send for many unrelated customers,
so that RELAY would let each of those relay through this server. --check fetches
all of them and says which still answer; exit 4 when one does not.`

type providersDocument struct {
	Version   int                 `json:"version"`
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
	// Check is there with --check, for providers that can be listed.
	Check *checkDocument `json:"check,omitempty"`
}

type checkDocument struct {
	Error         string              `json:"error"` // empty: it answers
	Ranges        int                 `json:"ranges"`
	IPv4Addresses uint64              `json:"ipv4_addresses"`
	Problems      []allowlist.Problem `json:"problems"`
}

func providers(t *terminal.Terminal, c *cli.Context) error {
	all, err := allowlist.Providers()
	if err != nil {
		return err
	}
	checks := make([]*checkDocument, len(all))
	if c.Bool("check") {
		if checks, err = checkProviders(t, c, all); err != nil {
			return err
		}
	}
	if t.JSON {
		err = t.Document(providersDocumentOf(all, checks))
	} else {
		tellProviders(t, all, checks)
	}
	if err == nil && slices.ContainsFunc(checks, func(d *checkDocument) bool { return d != nil && d.Error != "" }) {
		err = exit.Outcome(exit.Stale)
	}
	return err
}

// checkProviders fetches every provider that can be listed, as a source would.
func checkProviders(t *terminal.Terminal, c *cli.Context, all []allowlist.Provider) ([]*checkDocument, error) {
	s, err := config.Load(configFlags(c))
	if err != nil {
		return nil, err
	}
	fetched, err := fetchProviders(c.Context, t, s, all)
	if err != nil {
		return nil, err
	}
	if err := c.Context.Err(); err != nil {
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
			checks[i].Error = "not one address is in it"
		}
	}
	return checks, nil
}

func emptyProviders(problems []allowlist.Problem) any {
	return providersDocument{Version: terminal.DocumentVersion, Providers: []providerDocument{}, Problems: problems}
}

func providersDocumentOf(all []allowlist.Provider, checks []*checkDocument) providersDocument {
	doc := providersDocument{Version: terminal.DocumentVersion}
	for i, p := range all {
		doc.Providers = append(doc.Providers, providerDocument{p.Name, p.Title, append([]string{}, p.SPF...),
			p.URL, p.Select, p.Shared, p.Doc, p.Note, p.Unlistable, checks[i]})
	}
	return doc
}

// tellProviders writes the table; what stands below a line belongs to it.
func tellProviders(t *terminal.Terminal, all []allowlist.Provider, checks []*checkDocument) {
	rows := [][]string{{"NAME", "SHARED", "WHERE ITS RANGES COME FROM"}}
	for _, p := range all {
		rows = append(rows, []string{p.Name, yesNo(p.Shared), origin(p)})
	}
	laid := terminal.Layout(t.Width(), rows)
	t.Data(terminal.Bold, "%s", strings.Join(laid[0], "\n"))
	for i, p := range all {
		t.Data(terminal.Plain, "%s", strings.Join(laid[i+1], "\n"))
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
