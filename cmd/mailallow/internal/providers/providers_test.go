package providers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
	"mailallow/fixtures"
)

// TestProvidersCheck serves a policy for every name of the catalogue, so that all answer, and then takes one away.
func TestProvidersCheck(t *testing.T) {
	// There is no configuration below the root: everything has its default.
	flags := config.Flags{Root: t.TempDir()}
	providers := func(code int, check bool) (doc document) {
		var stdout, stderr strings.Builder
		term := terminal.New([]string{"--json"}, nil, &stdout, &stderr)
		if got := exit.Code(Run(t.Context(), term, Options{Config: flags, Check: check})); got != code {
			t.Errorf("exit code %d, want %d: %s", got, code, &stderr)
		}
		if err := json.Unmarshal([]byte(stdout.String()), &doc); err != nil {
			t.Fatal(err)
		}
		return doc
	}
	zone, names, usable := "", 0, 0
	for _, p := range providers(exit.Done, false).Providers {
		for _, name := range p.SPF {
			zone += fmt.Sprintf("%s TXT \"v=spf1 ip4:74.125.%d.0/25 -all\"\n", name, names)
			names++
		}
		if p.Unlistable == "" {
			usable++
		}
	}
	if usable < 40 {
		t.Errorf("%d providers can be listed, want 40", usable)
	}
	server := fixtures.DNS(t, zone)
	flags.Resolvers = []string{server.Addr()}
	for _, p := range providers(exit.Done, true).Providers {
		if p.Unlistable == "" && (p.Check == nil || p.Check.Error != "" || p.Check.IPv4Addresses != 128*uint64(len(p.SPF))) {
			t.Errorf("%s: %+v", p.Name, p.Check)
		}
		if p.Unlistable != "" && p.Check != nil {
			t.Errorf("%s cannot be listed: %+v", p.Name, p.Check)
		}
	}
	if asked := server.Asked(); len(asked) != names {
		t.Errorf("%d names asked, want %d", len(asked), names)
	}
	server.Fault("_spf.google.com", "", fixtures.NXDomain)
	for _, p := range providers(exit.Stale, true).Providers {
		if p.Check != nil && (p.Check.Error != "") != (p.Name == "google") {
			t.Errorf("without Google's: %s: %+v", p.Name, p.Check)
		}
	}
}
