package main

import (
	"sync"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/spf"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
	"go4.org/netipx"
)

const spfText = `Walks the SPF policy of each DOMAIN as RFC 7208 says and writes the networks that
pass, the fewest, IPv4 first: for several domains those of all together. What
cannot be listed is told on stderr. No guard is applied. Exit 4 when a policy could
not be listed: none is there (none), it is broken (permerror), or DNS did not answer
(temperror).`

type spfDocument struct {
	Version  int                 `json:"version"`
	Domains  []domainDocument    `json:"domains"`
	Problems []allowlist.Problem `json:"problems,omitempty"` // of the run, not of a policy
}

type domainDocument struct {
	Domain   string        `json:"domain"`
	Error    *string       `json:"error"`
	Pass     []string      `json:"pass"`
	Problems []spf.Problem `json:"problems"`
	Queries  int           `json:"queries"`
}

func spfCommand(t *terminal.Terminal, c *cli.Context) error {
	if c.NArg() == 0 {
		return exit.Usagef("spf takes at least one DOMAIN")
	}
	s, err := config.Load(configFlags(c))
	if err != nil {
		return err
	}
	resolver, err := dnsq.New(s.DNS)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	ctx, cancel := s.Within(c.Context)
	defer cancel()
	domains := c.Args().Slice()
	results := make([]spf.Result, len(domains))
	var wait sync.WaitGroup
	for i, domain := range domains {
		wait.Go(func() { results[i] = spf.Walk(ctx, resolver, domain, s.SPF) })
	}
	wait.Wait()
	if err := c.Context.Err(); err != nil {
		return err
	}
	if t.JSON {
		err = t.Document(documentOf(results))
	} else {
		err = tellPolicies(t, results, c.Bool("tree"))
	}
	if err != nil {
		return err
	}
	for _, res := range results {
		if res.Error != "" {
			return exit.Outcome(exit.Stale)
		}
	}
	return nil
}

func emptySPF(problems []allowlist.Problem) any {
	return spfDocument{Version: terminal.DocumentVersion, Domains: []domainDocument{}, Problems: problems}
}

func documentOf(results []spf.Result) spfDocument {
	doc := spfDocument{Version: terminal.DocumentVersion, Domains: []domainDocument{}}
	for _, res := range results {
		d := domainDocument{Domain: res.Domain, Pass: []string{}, Problems: append([]spf.Problem{}, res.Problems...), Queries: res.Queries}
		if res.Error != "" {
			kind := string(res.Error)
			d.Error = &kind
		}
		for _, p := range res.Pass.Prefixes() {
			d.Pass = append(d.Pass, p.String())
		}
		doc.Domains = append(doc.Domains, d)
	}
	return doc
}

func tellPolicies(t *terminal.Terminal, results []spf.Result, tree bool) error {
	var all netipx.IPSetBuilder
	for _, res := range results {
		all.AddSet(res.Pass)
		if tree {
			if err := res.Tree.Write(t.Take()); err != nil {
				return err
			}
			continue
		}
		for _, p := range res.Problems {
			t.Warn("%s", p)
		}
		if res.Error != "" {
			t.Warn("%s: %s", res.Domain, meaning(res))
		}
	}
	if tree {
		return nil
	}
	pass, err := all.IPSet()
	if err != nil {
		return err
	}
	for _, p := range pass.Prefixes() {
		t.Data(terminal.Plain, "%s", p)
	}
	return nil
}

// meaning says what an error of a policy leaves of it.
func meaning(res spf.Result) string {
	switch res.Error {
	case spf.None:
		return "none: it has no SPF policy"
	case spf.TempError:
		return "temperror: DNS did not answer, so this list may not be whole: try again"
	}
	if len(res.Ranges) == 0 {
		return "permerror: the policy is broken, and nothing can be listed"
	}
	return "permerror: the policy is broken, and this list is what it passes before that"
}
