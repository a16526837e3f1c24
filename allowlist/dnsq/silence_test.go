package dnsq_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

// TestSilent: a resolver is silent until any reply comes from it, and all are only if none has replied.
func TestSilent(t *testing.T) {
	t.Parallel()
	run, wait := together(t)
	defer wait()
	for _, row := range []struct {
		name   string
		agree  int
		faults [2]fixtures.Fault
		silent string // the numbers of the servers
		all    bool
	}{
		{"both answer", 1, [2]fixtures.Fault{}, "", false},
		{"both are silent", 1, [2]fixtures.Fault{fixtures.Drop, fixtures.Drop}, "1 2", true},
		{"the first is silent", 1, [2]fixtures.Fault{fixtures.Drop, 0}, "1", false},
		{"the second is not asked", 1, [2]fixtures.Fault{0, fixtures.Drop}, "", false},
		{"both are asked", 2, [2]fixtures.Fault{0, fixtures.Drop}, "2", false},
		{"a refusal is a reply", 1, [2]fixtures.Fault{fixtures.Refused, fixtures.Drop}, "2", false},
	} {
		run(row.name, func(t *testing.T) {
			all := servers(t, 2)
			for i, s := range all {
				s.Fault("", "", row.faults[i])
			}
			c := client(t, dnsq.Config{Agree: row.agree, Timeout: hasty, Attempts: 2, Places: []string{"a.toml:1", "a.toml:2"}}, all...)
			c.A(t.Context(), "a.example")
			silences, every := c.Silent()
			var got []string
			for _, s := range silences {
				for i, server := range all {
					if s.Resolver == server.Addr() && s.Place == fmt.Sprintf("a.toml:%d", i+1) && s.Tries > 0 && strings.HasPrefix(s.Why, "no answer in ") {
						got = append(got, fmt.Sprint(i+1))
					}
				}
			}
			if strings.Join(got, " ") != row.silent || len(got) != len(silences) || every != row.all {
				t.Errorf("%+v, all %v; want %q, %v", silences, every, row.silent, row.all)
			}
		})
	}
	one := client(t, dnsq.Config{Resolvers: []string{fixtures.Nobody(t)}, Origin: "--resolver"})
	for _, apart := range one.Apart() {
		apart.A(t.Context(), "a.example")
	}
	silences, every := one.Silent()
	if len(silences) != 1 || !every || silences[0].Place != "--resolver" || silences[0].Why != "connection refused" {
		t.Errorf("asked by a client of Apart: %+v, %v", silences, every)
	}

	s := servers(t, 1)
	s[0].Fault("", "", fixtures.Drop)
	patient := client(t, dnsq.Config{Timeout: time.Hour}, s...)
	ctx, cancel := context.WithTimeoutCause(t.Context(), hasty, errors.New("the deadline is over"))
	defer cancel()
	patient.A(ctx, "a.example")
	if silences, _ := patient.Silent(); len(silences) != 1 || silences[0].Why != "the deadline is over" {
		t.Errorf("asked until a deadline: %+v", silences)
	}
}
