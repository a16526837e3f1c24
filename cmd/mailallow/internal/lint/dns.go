package lint

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"mailallow/accessmap/lint/server"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// ordinary is an address that no list has: it is for examples (RFC 5737).
var ordinary = netip.MustParseAddr("192.0.2.99")

// ask asks the DNSBLs of a server for the truth of now, through the resolver that the server has: the one in resolv.conf, unless
// the command line names another.
func (l *check) ask(ctx context.Context, file string, zones []server.AskedZone) {
	if !l.dns || len(zones) == 0 {
		return
	}
	questions := dnsq.Config{Timeout: l.settings.DNS.Timeout, Attempts: l.settings.DNS.Attempts}
	if len(l.resolvers) > 0 {
		questions.Resolvers, questions.Origin = l.resolvers, "--resolver"
	}
	resolver, err := dnsq.New(questions)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	bounded, cancel := context.WithTimeout(ctx, cmp.Or(l.settings.Deadline, time.Minute))
	defer cancel()
	var asked []dnsbl.Zone
	var places []server.AskedZone
	for _, z := range zones {
		zone, err := dnsbl.ParseZone(z.Zone, "")
		if err == nil && !z.Names && !zone.OfNames() && dnsbl.Dead(z.Zone) == "" { // a dead list is a finding already
			asked, places = append(asked, zone), append(places, z)
		}
	}
	wait := l.t.WaitingFor("asking %s", terminal.Counted(uint64(len(asked)), "list", "lists"))
	results := dnsbl.Check(bounded, []dnsbl.Resolver{resolver}, []netip.Addr{ordinary}, asked)
	wait.End()
	for _, p := range run.ResolverProblems(resolver) {
		if !l.warned { // of Sendmail and of Postfix the same resolvers are asked
			l.t.Warn("%s", p.Text)
		}
	}
	l.warned = true
	for i, result := range results {
		for _, f := range server.Unanswering(places[i], result) {
			f.File = file
			l.ofServers = append(l.ofServers, f)
		}
	}
}
