package allowlist

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/spf"
)

func (f *Fetcher) provider(ctx context.Context, src Source) (Ranges, []Problem, error) {
	p, ok := ProviderByName(src.Provider)
	switch {
	case !ok:
		return Ranges{}, nil, fmt.Errorf("unknown provider %q: 'mailallow providers' lists them", src.Provider)
	case p.Unlistable != "":
		return Ranges{}, nil, fmt.Errorf("provider %q cannot be listed: %s", p.Name, p.Unlistable)
	}
	return f.walk(ctx, src, p.SPF)
}

// walk lists SPF policies. One policy with an error is an error for all names of
// the source: the source must become stale, not smaller, unless its owner accepts that.
// A term that can never be listed is only a problem.
func (f *Fetcher) walk(ctx context.Context, src Source, names []string) (ranges Ranges, _ []Problem, _ error) {
	limits := f.SPF
	limits.Ranges, limits.NoIPv4, limits.NoIPv6 = src.bounds().Ranges, src.NoIPv4, src.NoIPv6
	limits.Kept = spf.DefaultLimits().Kept / max(1, len(names)) // all are in memory at the same time
	results := make([]spf.Result, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() { results[i] = spf.Walk(ctx, f.Resolver, name, limits) })
	}
	wait.Wait()

	var problems Few
	var failed []error
	for _, res := range results {
		for _, p := range res.Problems {
			problems.Add(p.Kind, p.String)
		}
		switch {
		case res.Error == "":
		case src.AcceptPermError && res.Broken():
			problems.Add("permerror", func() string {
				return res.Domain + ": its SPF policy has an error, and what it passes before that is taken: accept_permerror = true"
			})
		default:
			failed = append(failed, unlisted(ctx, res))
		}
		for _, r := range res.Ranges {
			for _, p := range r.Prefixes {
				if src.takes(p) {
					ranges.Add(Range{Prefix: p, Path: r.Path})
				}
			}
		}
	}
	if err := errors.Join(failed...); err != nil {
		return Ranges{}, problems.inSource(), err
	}
	return ranges, problems.inSource(), nil
}

// maxCauses bounds the causes in the error of a policy. One is usual; a record may have a syntax error in every term.
const maxCauses = 3

// unlisted gives the error of a policy with its causes, or the deadline that it is past.
func unlisted(ctx context.Context, res spf.Result) error {
	text := fmt.Sprintf("the SPF policy of %s cannot be listed: %s", ascii.Line(res.Domain), res.Error)
	var causes []string
	for _, p := range res.Problems {
		if p.Ends() {
			causes = append(causes, strings.TrimPrefix(p.String(), ascii.Line(res.Domain)+": "))
		}
	}
	if more := len(causes) - maxCauses; more > 0 {
		causes = append(causes[:maxCauses], "and "+ascii.Count(more)+" more")
	}
	if len(causes) == 0 && ctx.Err() != nil {
		return fmt.Errorf("%s: %w", text, context.Cause(ctx))
	}
	if len(causes) > 0 {
		text += ": " + strings.Join(causes, "; ")
	}
	return errors.New(text)
}
