// Package spf is the command that writes the networks that SPF policies pass. It
// applies no guard and reads no source.
package spf

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"go4.org/netipx"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/spf"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Config  config.Flags // for resolvers, limits and the deadline
	Tree    bool         // draw each policy in place of the networks
	Domains []string     // at least one
}

type document struct {
	Domains  []domainDocument    `json:"domains"`
	Problems []allowlist.Problem `json:"problems,omitempty"` // of the run, not of a policy
}

type domainDocument struct {
	Domain   string         `json:"domain"`
	Error    *spf.Error     `json:"error"`
	Pass     []netip.Prefix `json:"pass"`
	Problems []spf.Problem  `json:"problems"`
	Queries  int            `json:"queries"`
}

// Run writes the networks. It ends with exit.Stale if a policy could not be listed.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if len(o.Domains) == 0 {
		return exit.Usagef("spf takes at least one DOMAIN")
	}
	s, err := config.Load(ctx, o.Config)
	if err != nil {
		return err
	}
	t.WarnOf(s.Writable)
	resolver, err := dnsq.New(s.DNS)
	if err != nil {
		return err
	}
	results, trees := walk(ctx, t, s, resolver, o)
	problems := run.ResolverProblems(resolver)
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, p := range problems {
		t.Warn("%s", p.Text)
	}
	switch {
	case t.JSON:
		err = t.Document(newDocument(results, problems))
	case o.Tree:
		err = draw(t, trees)
	default:
		err = tell(t, results)
	}
	if err != nil {
		return err
	}
	failed := 0
	for _, res := range results {
		if res.Error != "" {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	t.Close(fmt.Sprintf("%d of %s could not be listed whole", failed, terminal.Counted(uint64(len(results)), "policy", "policies")))
	return exit.Outcome(exit.Stale)
}

// walk walks the policies, all at the same time. It draws trees only where they are written.
func walk(ctx context.Context, t *terminal.Terminal, s *config.Settings, resolver *dnsq.Client, o Options) ([]spf.Result, []*spf.Node) {
	ctx, cancel := s.Within(ctx)
	defer cancel()
	listing := t.WaitingFor("listing %s", terminal.Counted(uint64(len(o.Domains)), "policy", "policies"))
	defer listing.End()
	results, trees := make([]spf.Result, len(o.Domains)), make([]*spf.Node, len(o.Domains))
	one := func(i int) {
		if o.Tree && !t.JSON {
			results[i], trees[i] = spf.Draw(ctx, resolver, o.Domains[i], s.SPF)
		} else {
			results[i] = spf.Walk(ctx, resolver, o.Domains[i], s.SPF)
		}
	}
	var wait sync.WaitGroup
	for i := range o.Domains[1:] {
		wait.Go(func() { one(i + 1) })
	}
	one(0) // no goroutine has to start for a single one
	wait.Wait()
	return results, trees
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Domains: []domainDocument{}, Problems: problems}
}

func newDocument(results []spf.Result, problems []allowlist.Problem) document {
	doc := document{Domains: []domainDocument{}, Problems: problems}
	for _, res := range results {
		d := domainDocument{Domain: res.Domain, Pass: append([]netip.Prefix{}, res.Pass.Prefixes()...),
			Problems: append([]spf.Problem{}, res.Problems...), Queries: res.Queries}
		if res.Error != "" {
			d.Error = &res.Error
		}
		doc.Domains = append(doc.Domains, d)
	}
	return doc
}

func draw(t *terminal.Terminal, trees []*spf.Node) error {
	for _, tree := range trees {
		if err := tree.Write(t.Take()); err != nil {
			return err
		}
	}
	return nil
}

func tell(t *terminal.Terminal, results []spf.Result) error {
	var all netipx.IPSetBuilder
	for _, res := range results {
		all.AddSet(res.Pass)
		for _, p := range res.Problems {
			t.Warn("%s", p)
		}
		if res.Error != "" {
			t.Warn("%s: %s", res.Domain, meaning(res))
		}
	}
	pass, _ := all.IPSet() // only what is no set could be an error
	var lines []byte
	for _, p := range pass.Prefixes() {
		lines = append(p.AppendTo(lines), '\n')
	}
	return t.Whole(string(lines))
}

// meaning explains the error of a policy, and which part of it the list has.
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
	return "permerror: the policy is broken, and this list has what it passes before the fault"
}
