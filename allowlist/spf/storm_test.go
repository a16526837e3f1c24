package spf

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

// TestSoakStorm lists random policies over real sockets while resolvers fail, forged answers arrive and the policies
// change.
//
// Each question has one answer for the whole walk: that of one version of the policy, or an error. Any other answer is a
// forgery that was accepted, and an empty answer that no version gives makes a list smaller. With these answers, the
// addresses that pass, the terms that pass them and the error must be those of check_host() (RFC 7208), address by
// address. So an address is missing only if the walk reports an error, which keeps a source as it was. A walk that its
// deadline ends may find fewer addresses, with a temperror.
func TestSoakStorm(t *testing.T) {
	const workers = 64 // they wait for lost answers nearly all of the time
	random := fixtures.Random(t)
	rounds, seed := fixtures.Rounds(40, 10_000), random.Uint64()
	var next, whole, calm, sent atomic.Int64
	var wait sync.WaitGroup
	start := time.Now()
	for range min(workers, rounds) {
		servers := []*fixtures.DNSServer{fixtures.DNS(t), fixtures.DNS(t)}
		wait.Go(func() {
			for n := next.Add(1); n <= int64(rounds) && !t.Failed(); n = next.Add(1) {
				s := newStorm(t, rand.New(rand.NewPCG(seed, uint64(n))), servers)
				if s.walk() == OK {
					whole.Add(1)
				}
				if s.climate.Calm {
					calm.Add(1)
				}
				sent.Add(int64(s.client.Queries()))
			}
		})
	}
	wait.Wait()
	t.Logf("%d walks, %d in calm, %d without an error; %d messages sent, %v", rounds, calm.Load(), whole.Load(), sent.Load(),
		time.Since(start).Round(time.Millisecond))
	if whole.Load() == 0 {
		t.Error("no walk ended without an error")
	}
}

// storm is one walk with the faults that it meets.
type storm struct {
	t        *testing.T
	client   *dnsq.Client
	versions [2]*fakeDNS // before and after the change
	zones    [2]fixtures.Zone
	loops    map[string]bool // names that are aliases of themselves, in both versions
	climate  *fixtures.Climate
	change   [2]int64      // for each resolver, the number of the first question to the second version
	deadline time.Duration // of the walk; 0 means none

	mu   sync.Mutex
	seen *fakeDNS // the answers that the walk got
}

// newStorm draws two versions of a policy and the weather of two resolvers.
func newStorm(t *testing.T, random *rand.Rand, servers []*fixtures.DNSServer) *storm {
	draw := func(max int) int { return random.IntN(max + 1) }
	s := &storm{t: t, climate: fixtures.NewClimate(random), seen: newFakeDNS(), change: [2]int64{1 + random.Int64N(30), 1 + random.Int64N(30)}}
	if !s.climate.Calm && draw(4) == 0 {
		s.deadline = time.Duration(draw(100)) * time.Millisecond
	}
	long, aliases := drawn(draw, 5), drawn(draw, 3)
	s.loops = drawn(draw, 60)
	s.versions[0] = drawVersion(draw, long)
	s.versions[1] = changed(s.versions[0], drawVersion(draw, long), draw)
	for i, d := range s.versions {
		s.zones[i] = fixtures.Zones(t, d.zone(aliases, s.loops))
	}
	var addrs []string
	for i, server := range servers {
		server.Weather(func(question string, n int) fixtures.Conditions { return s.conditions(i, question, n) })
		addrs = append(addrs, server.Addr())
	}
	var err error
	s.client, err = dnsq.New(dnsq.Config{Resolvers: addrs, Timeout: s.climate.Patience, Attempts: s.climate.Attempts})
	if err != nil {
		t.Error(err)
	}
	return s
}

// conditions gives the conditions for one question to a resolver: its version of the policy, the failures of that
// version, and the faults that the climate draws.
func (s *storm) conditions(which int, asked string, n int) fixtures.Conditions {
	today, count := s.climate.Over(which, asked, n)
	version := 0
	if !s.climate.Calm && count >= s.change[which] {
		version = 1
	}
	words := strings.Fields(asked) // transport, type, name
	d, q := s.versions[version], question{words[1], aliasOf(words[2])}
	if d.broken[q] && !s.loops[q.name] {
		return fixtures.Conditions{Fault: fixtures.ServFail}
	}
	if empty := d.canonical(q) == newFakeDNS().canonical(q); empty && !s.loops[q.name] && q.name == words[2] && count%2 == 0 {
		today.Fault |= fixtures.NXDomain // the other form of an empty answer
	}
	today.Zone = s.zones[version]
	return today
}

// walk lists the policy. It compares the result with the answers that the walk got, and these with the versions.
func (s *storm) walk() Error {
	ctx := context.Background()
	if s.deadline > 0 {
		var end func()
		ctx, end = context.WithTimeoutCause(ctx, s.deadline, errors.New("the deadline"))
		defer end()
	}
	res, tree := Draw(ctx, s, "a.test", DefaultLimits())
	s.mu.Lock()
	defer s.mu.Unlock()
	checkResult(s.t, res, tree)
	sampled := append(samples(), poisoned()...)
	lines := differences(s.seen, res, sampled)
	if ctx.Err() != nil && res.Error == TempError {
		ref := &reference{dns: s.seen, asked: res.Domain}
		lines = nil
		for _, ip := range sampled {
			if results, _ := ref.check(ip, res.Domain, nil); res.Pass.Contains(ip) && results != refPass {
				lines = append(lines, fmt.Sprintf("%v passes, but not in the reference", ip))
			}
		}
	}
	if s.climate.Calm {
		for q, broken := range s.seen.broken {
			if broken && !s.versions[0].broken[q] {
				lines = append(lines, fmt.Sprintf("%v was not answered in calm", q))
			}
		}
	}
	for q := range s.seen.asked {
		if !s.seen.broken[q] && !slices.ContainsFunc(s.versions[:], func(d *fakeDNS) bool { return !d.broken[q] && d.canonical(q) == s.seen.canonical(q) }) {
			lines = append(lines, fmt.Sprintf("%v was answered with %s; the versions: %s, %s", q, s.seen.canonical(q), s.versions[0].canonical(q), s.versions[1].canonical(q)))
		}
	}
	if len(lines) > 0 {
		text := fmt.Sprintf("%s, change at %v, deadline %v\nseen %v\nbefore %v\nafter %v\n%s\n%v", s.climate, s.change, s.deadline, s.seen, s.versions[0], s.versions[1], strings.Join(lines, "\n"), res.Problems)
		s.t.Error(strings.ReplaceAll(text, filler, "..."))
	}
	return res.Error
}

func (s *storm) TXT(ctx context.Context, name string) ([]string, error) {
	return recorded(s, ctx, question{"TXT", name}, s.client.TXT, s.seen.txt)
}

func (s *storm) MX(ctx context.Context, name string) ([]string, error) {
	return recorded(s, ctx, question{"MX", name}, s.client.MX, s.seen.mx)
}

func (s *storm) A(ctx context.Context, name string) ([]netip.Addr, error) {
	return recorded(s, ctx, question{"A", name}, s.client.A, s.seen.a)
}

func (s *storm) AAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	return recorded(s, ctx, question{"AAAA", name}, s.client.AAAA, s.seen.aaaa)
}

// recorded asks a question and records the answer in seen.
func recorded[T any](s *storm, ctx context.Context, q question, ask func(context.Context, string) ([]T, error), into map[string][]T) ([]T, error) {
	answer, err := ask(ctx, q.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.asked[q]++
	s.seen.broken[q] = err != nil
	into[q.name] = answer
	return answer, err
}
