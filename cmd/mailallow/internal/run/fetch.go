package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/carrier"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/terminal"
)

// fetched is what the sources say now.
type fetched struct {
	sources []allowlist.Fetched         // in the order of known.sources
	taken   map[string]*snapshot.Source // what the given snapshot says of each source that was taken from it
}

// gather gives what the sources say: by the network, by the snapshot, or for a rollback by the last good state. The problems are
// those of the run.
func (r *Request) gather(ctx context.Context, t *terminal.Terminal, k *known) (f fetched, problems []allowlist.Problem, err error) {
	switch {
	case r.asLeft():
		f.sources = r.fromLastGood(ctx, k)
	case !r.Fetches():
		f = r.fromSnapshot(ctx, k)
		problems = r.carrierProblems(t, k.given)
	case !slices.ContainsFunc(k.sources, func(src allowlist.Source) bool { return !src.Static() }):
		static := allowlist.Fetcher{Now: k.now}
		f.sources = static.Fetch(ctx, k.sources)
	default:
		f.sources, problems, err = Fetch(ctx, t, r.Settings, k.sources, k.lastGood, k.now)
	}
	return f, problems, err
}

// asLeft reports whether the run takes the sources as the last update left them.
func (r *Request) asLeft() bool { return r.options.Rollback != nil || r.options.Installed }

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
	wait := t.Waiting(func() string {
		return fmt.Sprintf("fetched %s of %s", terminal.Grouped(uint64(done.Load())), terminal.Counted(uint64(len(sources)), "source", "sources"))
	})
	defer wait.End()
	f := allowlist.Fetcher{
		Resolver: resolver, SPF: s.SPF, Web: &allowlist.Web{}, Last: last.Resolved(), Now: now,
		Done: func(string) { done.Add(1) },
	}
	fetched := f.Fetch(ctx, sources)
	t.Detail("%s", terminal.Counted(uint64(resolver.Queries()), "DNS query", "DNS queries"))
	problems := ResolverProblems(resolver)
	if _, all := resolver.Silent(); all {
		for i, src := range sources {
			if fetched[i].Err != nil && src.AsksDNS() {
				fetched[i].Err = errNoResolver
			}
		}
	}
	return fetched, problems, nil
}

// errNoResolver is the error of each source that needs the DNS while no resolver answers. The problem of the run names them.
var errNoResolver = errors.New("no resolver answers")

// manyTries is the number of tries without a reply after which a resolver beside others that answer is worth a word: a
// datagram is lost now and then.
const manyTries = 3

// ResolverProblems gives the resolvers that did not answer, and the lines of /etc/resolv.conf that name a server which cannot
// be asked.
func ResolverProblems(c *dnsq.Client) (problems []allowlist.Problem) {
	for _, err := range c.Unread() {
		problems = append(problems, allowlist.Problem{Kind: "resolver", Text: err.Error()})
	}
	silent, all := c.Silent()
	for _, s := range silent {
		if !all && s.Tries < manyTries {
			continue
		}
		do := "start it"
		if s.Untrusted {
			do = "put its certificate right (name, dates, an authority that this host knows)"
		}
		problems = append(problems, allowlist.Problem{Kind: "resolver", Text: fmt.Sprintf(
			"the resolver %s (%s) does not answer: %s: %s, or name another there or with --resolver", s.Resolver, s.Place, s.Why, do)})
	}
	return problems
}

// fromLastGood takes every source as the last update left it. An inline list comes from the configuration.
func (r *Request) fromLastGood(ctx context.Context, k *known) []allowlist.Fetched {
	static := allowlist.Fetcher{Now: k.now}
	fetched := make([]allowlist.Fetched, len(k.sources))
	for i, last := range k.lastGood.Match(k.sources) {
		src := k.sources[i]
		fetched[i] = allowlist.Fetched{Resolved: allowlist.Resolved{Name: src.Name, Definition: src.Definition()}}
		switch {
		case src.Inline():
			fetched[i] = static.Fetch(ctx, k.sources[i:i+1])[0]
		case last == nil && k.unread != nil:
			fetched[i].Err = errors.New("the state cannot be read")
		case last == nil:
			fetched[i].Err = errors.New("no update has installed it yet")
		case r.options.Installed && last.Definition != src.Definition() && !src.FromSnapshot:
			fetched[i].Err = errors.New("it was edited, and no update has installed it since")
		default:
			fetched[i].Resolved = *last
			fetched[i].Name = src.Name
		}
	}
	return fetched
}

// fromSnapshot takes the sources from the snapshot. An inline list always comes from the configuration, and a file source from
// its file, wherever that can be read: a file with a mistake in it is not taken from elsewhere.
func (r *Request) fromSnapshot(ctx context.Context, k *known) fetched {
	static := allowlist.Fetcher{Now: k.now}
	f := fetched{sources: make([]allowlist.Fetched, len(k.sources)), taken: map[string]*snapshot.Source{}}
	for i, src := range k.sources {
		one := &f.sources[i]
		there, found := k.given.Find(src.Name)
		if src.Static() {
			*one = static.Fetch(ctx, k.sources[i:i+1])[0]
			unread := errors.Is(one.Err, fs.ErrNotExist) || errors.Is(one.Err, fs.ErrPermission)
			if src.Inline() || !found || !unread {
				continue
			}
		}
		*one = allowlist.Fetched{Resolved: allowlist.Resolved{Name: src.Name, Definition: src.Definition()}}
		if found {
			f.taken[src.Name] = &there
		}
		switch {
		case k.given.unreached != nil:
			one.Err = fmt.Errorf("the snapshot %s cannot be had", r.carrier().Shown())
		case !found:
			one.Err = fmt.Errorf("snapshot %s does not hold it", r.carrier().Shown())
		case there.Time.IsZero():
			one.Err = fmt.Errorf("snapshot %s has no ranges of it", r.carrier().Shown())
		default:
			one.Resolved, one.Err = there.Resolved, src.Check(there.Ranges)
		}
		if r.carrier().Name == carrier.Embedded && one.Err == nil {
			one.Problems = []allowlist.Problem{{Kind: "embedded",
				Text: "its ranges are those in the program, of " + there.Time.Format(time.DateOnly)}}
		}
	}
	return f
}
