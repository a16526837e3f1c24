package snapshot_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/snapshot"
	"mailallow/fixtures"
)

// TestEmbedded lists the published policies in fixtures/zones and compares
// them with the embedded snapshot.
func TestEmbedded(t *testing.T) {
	published := []struct {
		provider, zone, date string // date is that of the text; for a text used over years, its first day
	}{
		{"amazonses", "amazonses-2025-10.zone", "2025-10-24"},
		{"gmx", "gmx-2023.zone", "2023-12-18"},
		{"google", "google-2026.zone", "2026-08-11"},
		{"icloud", "icloud-2025.zone", "2025-09-09"},
		{"mailgun", "mailgun-2020.zone", "2020-01-01"},
		{"microsoft", "microsoft-2024.zone", "2024-01-01"},
		{"proton", "proton-2025.zone", "2025-09-11"},
		{"sendgrid", "sendgrid-2018.zone", "2018-06-22"},
		{"strato", "strato-2025.zone", "2025-10-24"},
		{"webde", "webde-2023.zone", "2023-12-18"},
	}
	var resolved []allowlist.Resolved
	for _, p := range published {
		server := fixtures.DNS(t, p.zone)
		resolver, err := dnsq.New(dnsq.Config{Resolvers: []string{server.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		date, err := time.Parse(time.DateOnly, p.date)
		if err != nil {
			t.Fatal(err)
		}
		f := allowlist.Fetcher{Resolver: resolver, Now: date}
		fetched := f.Fetch(t.Context(), []allowlist.Source{{Name: p.provider, Provider: p.provider}})[0]
		if fetched.Err != nil || len(fetched.Problems) > 0 {
			t.Fatalf("%s: %v %v", p.provider, fetched.Err, fetched.Problems)
		}
		resolved = append(resolved, fetched.Resolved)
	}
	want := snapshot.New(time.Time{}, resolved)
	if os.Getenv("MAILALLOW_UPDATE") != "" {
		if err := os.WriteFile("embedded.json", encoded(t, want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := snapshot.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(encoded(t, want)), string(encoded(t, got))); diff != "" {
		t.Errorf("embedded.json differs from the zones (-zones +embedded); MAILALLOW_UPDATE=1 writes it:\n%s", diff)
	}
	var newest time.Time
	for _, src := range got.Sources {
		if src.Time.After(newest) {
			newest = src.Time
		}
	}
	if at := snapshot.EmbeddedTime(); !at.Equal(newest) {
		t.Errorf("EmbeddedTime gives %v, and the newest time in embedded.json is %v", at, newest)
	}
}

func encoded(t *testing.T, s *snapshot.Snapshot) []byte {
	t.Helper()
	text, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
