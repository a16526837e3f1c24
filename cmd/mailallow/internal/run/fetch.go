package run

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Fetch resolves sources over the network and from disk, with the resolvers, limits
// and deadline of s. A source without an answer by the deadline has an error of its
// own. last, which may be nil, saves downloads of unchanged documents. The problems are
// those of the resolvers.
func Fetch(ctx context.Context, t *terminal.Terminal, s *config.Settings, sources []allowlist.Source, last *snapshot.Snapshot, now time.Time) ([]allowlist.Fetched, []allowlist.Problem, error) {
	resolver, err := dnsq.New(s.DNS)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := s.Within(ctx)
	defer cancel()
	var done atomic.Int32
	f := allowlist.Fetcher{
		Resolver: resolver, SPF: s.SPF, Web: &allowlist.Web{}, Now: now,
		Done: func(name string) {
			t.Progress("fetched %d of %d sources: %s", done.Add(1), len(sources), name)
		},
	}
	if last != nil {
		f.Last = last.Sources
	}
	fetched := f.Fetch(ctx, sources)
	t.Detail("%d DNS queries", resolver.Queries())
	return fetched, ResolverProblems(resolver), nil
}

// ResolverProblems gives the lines of /etc/resolv.conf that name a server which cannot be asked.
func ResolverProblems(c *dnsq.Client) (problems []allowlist.Problem) {
	for _, err := range c.Unread() {
		problems = append(problems, allowlist.Problem{Kind: "resolver", Text: err.Error()})
	}
	return problems
}

// fromSnapshot takes the sources from the snapshot. An inline list always comes from the
// configuration; a file source that the snapshot does not have is read from its file.
func (r *Request) fromSnapshot(ctx context.Context) []allowlist.Fetched {
	static := allowlist.Fetcher{Now: r.Now}
	sources := r.Settings.Sources
	fetched := make([]allowlist.Fetched, len(sources))
	for i, src := range sources {
		reviewed, found := r.reviewed.Find(src.Name)
		switch {
		case src.Inline() || !found && src.Static():
			fetched[i] = static.Fetch(ctx, sources[i:i+1])[0]
		case found:
			fetched[i].Resolved = reviewed
			if r.options.Snapshot == Embedded {
				fetched[i].Problems = []allowlist.Problem{{Kind: "embedded",
					Text: "its ranges are those in the program, of " + reviewed.Time.Format(time.DateOnly)}}
			}
		default:
			fetched[i].Resolved = allowlist.Resolved{Name: src.Name, Definition: src.Definition()}
			fetched[i].Err = fmt.Errorf("snapshot %s does not hold it", r.options.Snapshot)
		}
	}
	return fetched
}
