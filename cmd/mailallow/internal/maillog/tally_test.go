package maillog

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/cmd/mailallow/internal/refusals"
)

// Beyond a bound an event is in the sums and in no table, and the report says so.
func TestTallyBounds(t *testing.T) {
	const beyond = 3
	c := newTally()
	for i := range refusals.MaxAddresses + beyond {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		c.add(maillog.Event{Kind: maillog.DNSBLReject, Zone: "bl.example", IP: addr})
	}
	for i := range refusals.MaxNames + beyond {
		name := fmt.Sprintf("host%d.example", i)
		c.add(maillog.Event{Kind: maillog.DNSBLError, Zone: "bl.example", Remote: name})
		c.add(maillog.Event{Kind: maillog.OutboundBlock, Zone: "bl.example", Remote: name})
	}
	r := c.report(&owners{}, refusals.MaxAddresses)
	if r.Refused.Count != refusals.MaxAddresses+beyond || r.Refused.Addresses != refusals.MaxAddresses || len(r.Refused.Clients) != refusals.MaxAddresses {
		t.Errorf("refused: %d times, %d addresses, %d rows", r.Refused.Count, r.Refused.Addresses, len(r.Refused.Clients))
	}
	if len(r.Errors) != refusals.MaxNames || len(r.Outbound) != refusals.MaxNames {
		t.Errorf("%d errors and %d refusals of this host, want %d", len(r.Errors), len(r.Outbound), refusals.MaxNames)
	}
	if want := "9 events are beyond the bounds"; len(r.Problems) != 1 || r.Problems[0].Text[:len(want)] != want {
		t.Errorf("problems %v, want %q", r.Problems, want)
	}
}

// The lists, times and sums of a client are those of its lines, in any order.
func TestTallyClient(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.7")
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	c := newTally()
	for i, zone := range []string{"b.example", "a.example", "b.example", "c.example", "d.example", "e.example"} {
		c.add(maillog.Event{Kind: maillog.DNSBLReject, Zone: zone, IP: addr, Time: at.Add(time.Duration((i+1)%3) * time.Hour)})
	}
	c.add(maillog.Event{Kind: maillog.DNSBLReject, Zone: "a.example", IP: addr}) // a line without a time
	r := c.report(&owners{}, 1)
	client := r.Refused.Clients[0]
	if client.Count != 7 || client.Since != refusals.Stamp(at.Unix()) || client.Until != refusals.Stamp(at.Add(2*time.Hour).Unix()) {
		t.Errorf("%d times, %v to %v", client.Count, client.Since, client.Until)
	}
	if got := fmt.Sprint(client.Zones); got != "[b.example a.example c.example d.example]" {
		t.Errorf("lists %s, want the first %d", got, refusals.ZonesOf)
	}
	if row := r.Refused.Lists[0]; row.Zone != "a.example" || row.Count != 2 || row.Addresses != 1 {
		t.Errorf("first list %+v", row)
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"":                     {},
		"36h":                  now.Add(-36 * time.Hour),
		"7d":                   time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local),
		"2026-11-01":           time.Date(2026, 11, 1, 0, 0, 0, 0, time.Local),
		"2026-11-01 22:30":     time.Date(2026, 11, 1, 22, 30, 0, 0, time.Local),
		"2026-11-01T22:00:00Z": time.Date(2026, 11, 1, 22, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-1h", "-1d", "d", "7", "2026-13-01"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}
