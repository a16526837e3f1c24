package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
)

// DNSBL is the [dnsbl] table, checked. Only the command dnsbl reads the key file: other
// commands may run as a user who cannot.
type DNSBL struct {
	Addresses []netip.Addr
	Hosts     []string
	Zones     []string // empty: the standard ones
	KeyFile   string   // empty: there is no key
	KeyPlace  string   // of key_file in the configuration, as FILE:LINE
	Notify    []string // argv; empty: none
}

// Bounds on the questions of one run: more than any host has of its own addresses,
// and few enough for the terms of use of public lists.
const (
	MaxDNSBLAddresses = 256 // hosts included
	MaxDNSBLZones     = 64
)

const maxQuotedWord = 100 // bytes of a mistaken word in a message

// dnsbl reads the [dnsbl] table.
func (r *reader) dnsbl(_ string, table map[string]any) {
	s := &r.DNSBL
	var addresses, notify []string
	var keyFile string
	r.table("dnsbl", table, []key{
		{"addresses", &addresses}, {"hosts", &s.Hosts}, {"zones", &s.Zones}, {"key_file", &keyFile}, {"notify", &notify},
	})
	seen := map[string]string{} // as written, by the form in which it is asked
	once := func(at, key, written string) {
		if before, twice := seen[key]; twice {
			r.problem(at, "%s: it is named already, as %q", written, before)
		}
		seen[key] = written
	}
	for i, written := range addresses {
		at := item("dnsbl.addresses", i)
		addr, err := ParseOwnAddress(written)
		if err != nil {
			r.problem(at, "%w", err)
			continue
		}
		once(at, addr.String(), written)
		s.Addresses = append(s.Addresses, addr)
	}
	for i, host := range s.Hosts {
		at := item("dnsbl.hosts", i)
		if _, err := netip.ParseAddr(host); err == nil {
			r.problem(at, "host %q is an address: write it into addresses", host)
			continue
		}
		if err := dnsbl.CheckHost(host); err != nil {
			r.problem(at, "host %s: %w", QuotedWord(host), err)
		}
		once(at, strings.ToLower(strings.TrimSuffix(host, ".")), host)
	}
	r.dnsblZones(keyFile != "", once)
	if n := len(addresses) + len(s.Hosts); n > MaxDNSBLAddresses {
		r.problem("dnsbl", "%d addresses and hosts: %d is the most", n, MaxDNSBLAddresses)
	}
	if keyFile != "" {
		s.KeyFile = r.rooted(keyFile)
		s.KeyPlace = fmt.Sprintf("%s:%d", r.Path, r.Line("dnsbl.key_file"))
	}
	s.Notify = r.argv("dnsbl.notify", notify, `["mail", "-s", "DNSBL", "postmaster"]`)
}

func (r *reader) dnsblZones(hasKey bool, once func(at, key, written string)) {
	zones := r.DNSBL.Zones
	if zones != nil && len(zones) == 0 {
		r.problem("dnsbl.zones", "zones names no zone; without it, %s are asked", strings.Join(dnsbl.StandardZones(), ", "))
	}
	if len(zones) > MaxDNSBLZones {
		r.problem("dnsbl.zones", "%d zones: %d is the most", len(zones), MaxDNSBLZones)
	}
	for i, written := range zones {
		at := item("dnsbl.zones", i)
		key := ""
		if hasKey {
			key = "unread" // no name of a zone here depends on it
		}
		zone, err := dnsbl.ParseZone(written, key)
		if err != nil {
			r.problem(at, "%w", err)
			continue
		}
		once(at, zone.Name(), zone.Written)
	}
}

// ParseOwnAddress reads a single address without an interface, as dnsbl asks about.
func ParseOwnAddress(written string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(written)
	if _, network := netip.ParsePrefix(written); network == nil {
		return addr, fmt.Errorf("%q is a network: name its addresses one by one", written)
	}
	if err != nil || addr.Zone() != "" {
		return addr, fmt.Errorf("%s is no address: write 192.0.2.25 or 2001:db8::25", QuotedWord(written))
	}
	return addr.Unmap(), nil
}

// QuotedWord quotes a mistaken word for a message: printable ASCII, at most 100 bytes.
func QuotedWord(word string) string {
	return ascii.Cut(strconv.QuoteToASCII(word), maxQuotedWord)
}
