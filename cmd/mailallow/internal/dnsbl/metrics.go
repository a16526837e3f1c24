package dnsbl

import (
	"time"

	"mailallow/allowlist/dnsbl"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/metrics"
	"mailallow/cmd/mailallow/internal/terminal"
)

// measure writes the states of a run that ended with err, if the configuration names a file
// for them that nobody else chose. A question about other addresses or lists than those of
// the configuration changes nothing there: it would end the rows that somebody watches.
func (c *check) measure(t *terminal.Terminal, o Options, err error) {
	own := c.settings.DNSBL
	if c.settings.MetricsFile == "" || c.settings.Writable != nil || len(o.Subjects) > 0 && len(own.Addresses)+len(own.Hosts) > 0 || len(o.Zones) > 0 && len(own.Zones) > 0 {
		return
	}
	m := metrics.New()
	m.Gauge(metrics.DNSBL+"last_run_timestamp_seconds", "When dnsbl last asked.")(float64(time.Now().Unix()))
	m.Gauge(metrics.DNSBL+"last_run_exit_code", "The exit code of the last dnsbl: 0 nothing is listed, 1 something is, 2 a host could not be looked up, 5 notify failed.")(float64(exit.Code(err)))
	states := []dnsbl.State{dnsbl.Listed, dnsbl.Clean, dnsbl.Error, dnsbl.Unknown}
	state := m.Gauge(metrics.DNSBL+"state", "1 for the state of an address in a list, 0 for the others.", "address", "zone", "state")
	policy := m.Gauge(metrics.DNSBL+"policy", "1 if an address is listed by policy alone, without evidence of spam, else 0.", "address", "zone")
	counts := map[dnsbl.State]int{}
	for _, res := range c.results {
		counts[res.State]++
		for _, s := range states {
			state(metrics.Truth(res.State == s), res.Address.String(), res.Zone.Name(), string(s))
		}
		policy(metrics.Truth(res.Policy), res.Address.String(), res.Zone.Name())
	}
	sum := m.Gauge(metrics.DNSBL+"rows", "How many addresses in lists have each state.", "state")
	for _, s := range states {
		sum(float64(counts[s]), string(s))
	}
	m.Write(t, c.settings, metrics.DNSBL)
}
