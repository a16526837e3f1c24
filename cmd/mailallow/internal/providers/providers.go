// Package providers is the command that lists the catalogue of mail providers, and with
// Check fetches all of them. It reads the configuration only for Check.
package providers

import (
	"context"
	"fmt"
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
	documents := make([]providerDocument, len(all))
	var problems []allowlist.Problem
	for i, p := range all {
		documents[i] = providerDocument{p.Name, p.Title, append([]string{}, p.SPF...),
			p.URL, p.Select, p.Shared, p.Doc, p.Note, p.Unlistable, nil}
	}
	if o.Check {
		if problems, err = check(ctx, t, o.Config, all, documents); err != nil {
			return err
		}
	}
	if t.JSON {
		err = t.Document(document{documents, problems})
	} else {
		tell(t, documents)
	}
	failed := 0
	for _, p := range documents {
		if p.Check != nil && p.Check.Error != "" {
			failed++
		}
	}
	if err != nil || failed == 0 {
		return err
	}
	t.Close(fmt.Sprintf("%d of %s do not answer", failed, terminal.Counted(uint64(len(documents)), "provider", "providers")))
	return exit.Outcome(exit.Stale)
}

// check fetches every provider that can be listed, as a source would, and adds the results. It warns of the problems of the
// run.
func check(ctx context.Context, t *terminal.Terminal, flags config.Flags, all []allowlist.Provider, documents []providerDocument) ([]allowlist.Problem, error) {
	s, err := config.Load(ctx, flags)
	if err != nil {
		return nil, err
	}
	t.WarnOf(s.Writable)
	fetched, problems, err := catalogue.Fetch(ctx, t, s, all)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, p := range problems {
		t.Warn("%s", p.Text)
	}
	for i, f := range fetched {
		if all[i].Unlistable != "" {
			continue
		}
		minimal := slices.Collect(f.Ranges.Minimal())
		found := &checkDocument{Ranges: len(minimal), IPv4Addresses: allowlist.CountAddresses(slices.Values(minimal)).IPv4,
			Problems: append([]allowlist.Problem{}, f.Problems...)}
		switch {
		case f.Err != nil:
			found.Error = f.Err.Error()
		case len(minimal) == 0:
			found.Error = "it has no address"
		}
		documents[i].Check = found
	}
	return problems, nil
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Providers: []providerDocument{}, Problems: problems}
}

// tell writes the table, with more about a provider below its line.
func tell(t *terminal.Terminal, all []providerDocument) {
	shared := map[bool]string{true: "yes", false: "no"}
	rows := [][]string{{"NAME", "SHARED", "WHERE ITS RANGES COME FROM"}}
	for _, p := range all {
		rows = append(rows, []string{p.Name, shared[p.Shared], p.origin()})
	}
	laid := terminal.Layout(t.Width(), rows)
	t.Data(terminal.Bold, "%s", laid[0])
	below := func(style terminal.Style, text string) {
		const indent = "    "
		t.Data(style, "%s", indent+strings.Join(t.Folded(text, len(indent)), "\n"+indent))
	}
	for i, p := range all {
		t.Data(terminal.Plain, "%s", laid[i+1])
		if t.Verbose {
			below(terminal.Faint, p.Title+"; "+p.Note)
			below(terminal.Faint, p.Doc)
		}
		switch {
		case p.Check == nil:
		case p.Check.Error != "":
			for line := range strings.Lines(p.Check.Error) {
				below(terminal.Red, "fails: "+strings.TrimSuffix(line, "\n"))
			}
		default:
			below(terminal.Green, "answers: "+terminal.Counted(uint64(p.Check.Ranges), "range", "ranges")+", "+
				terminal.Counted(p.Check.IPv4Addresses, "IPv4 address", "IPv4 addresses"))
		}
	}
}

func (p providerDocument) origin() string {
	switch {
	case p.Unlistable != "":
		return "cannot be listed: " + p.Unlistable
	case p.URL != "":
		return p.URL
	}
	return strings.Join(p.SPF, " ")
}
