package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsbl"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// dnsblSettings are the [dnsbl] table as a run uses it. The key is read by the
// command alone: others may run as who cannot read it.
type dnsblSettings struct {
	addresses []netip.Addr
	hosts     []string
	zones     []string // empty: the standard ones
	keyFile   string   // empty: there is no key
	keyPlace  string   // where key_file is written: "FILE:LINE"
	notify    []string
}

// Bounds on what one run asks about: far more than one's own addresses, and few
// enough for the terms of use of public lists.
const (
	maxDNSBLAddresses = 256
	maxDNSBLZones     = 64
	maxKeyFileBytes   = 4096
	maxQuotedWord     = 100 // bytes of a mistaken word in a message
)

func (r reader) dnsbl(c dnsblConfig) dnsblSettings {
	s := dnsblSettings{hosts: c.Hosts, zones: c.Zones}
	seen := map[string]string{} // by what is asked, as it is written
	once := func(at, is, written string) {
		if before, twice := seen[is]; twice {
			r.problem(at, "%s: it is there already, as %q", written, before)
		}
		seen[is] = written
	}
	for i, written := range c.Addresses {
		at := fmt.Sprintf("dnsbl.addresses[%d]", i)
		addr, err := parseOwnAddress(written)
		if err != nil {
			r.problem(at, "%w", err)
			continue
		}
		once(at, addr.String(), written)
		s.addresses = append(s.addresses, addr)
	}
	for i, host := range c.Hosts {
		at := fmt.Sprintf("dnsbl.hosts[%d]", i)
		if _, err := netip.ParseAddr(host); err == nil {
			r.problem(at, "host %q is an address: write it into addresses", host)
			continue
		}
		if err := dnsbl.CheckHost(host); err != nil {
			r.problem(at, "host %s: %w", quotedWord(host), err)
		}
		once(at, strings.ToLower(strings.TrimSuffix(host, ".")), host)
	}
	r.dnsblZones(c, once)
	if n := len(c.Addresses) + len(c.Hosts); n > maxDNSBLAddresses {
		r.problem("dnsbl", "%d addresses and hosts: %d is the most", n, maxDNSBLAddresses)
	}
	if c.KeyFile != "" {
		s.keyFile = r.rooted(c.KeyFile, "")
		s.keyPlace = fmt.Sprintf("%s:%d", r.path, cmp.Or(r.lines["dnsbl.key_file"], r.lines["dnsbl"]))
	} else if r.lines["dnsbl.key_file"] > 0 {
		r.problem("dnsbl.key_file", "key_file names no file")
	}
	if c.Notify != nil && (len(c.Notify) == 0 || c.Notify[0] == "") {
		r.problem("dnsbl.notify", "notify names no program: it is a list like [\"mail\", \"-s\", \"DNSBL\", \"postmaster\"]")
	} else if len(c.Notify) > 0 {
		s.notify = append([]string{r.program(c.Notify[0])}, c.Notify[1:]...)
	}
	return s
}

func (r reader) dnsblZones(c dnsblConfig, once func(at, is, written string)) {
	if c.Zones != nil && len(c.Zones) == 0 {
		r.problem("dnsbl.zones", "zones names no zone; without it, %s are asked", strings.Join(dnsbl.StandardZones(), ", "))
	}
	if len(c.Zones) > maxDNSBLZones {
		r.problem("dnsbl.zones", "%d zones: %d is the most", len(c.Zones), maxDNSBLZones)
	}
	for i, written := range c.Zones {
		at := fmt.Sprintf("dnsbl.zones[%d]", i)
		key := ""
		if c.KeyFile != "" {
			key = "unread" // it takes part in no name here
		}
		zone, err := dnsbl.ParseZone(written, key)
		if err != nil {
			r.problem(at, "%w", err)
			continue
		}
		once(at, zone.Name(), zone.Written)
	}
}

// parseOwnAddress reads an address of one's own: no network, no interface.
func parseOwnAddress(written string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(written)
	if _, network := netip.ParsePrefix(written); network == nil {
		return addr, fmt.Errorf("%q is a network: name its addresses one by one", written)
	}
	if err != nil || addr.Zone() != "" {
		return addr, fmt.Errorf("%s is no address: write 192.0.2.25 or 2001:db8::25", quotedWord(written))
	}
	return addr.Unmap(), nil
}

// quotedWord is a mistaken word as a message quotes it.
func quotedWord(word string) string {
	return ascii.Cut(strconv.QuoteToASCII(word), maxQuotedWord)
}

// key reads the key file. No error shows what is in it.
func (s dnsblSettings) key(t *terminal.Terminal) (string, error) {
	if s.keyFile == "" {
		return "", nil
	}
	var key string
	var info fs.FileInfo
	text, err := bounded.File(s.keyFile, maxKeyFileBytes)
	if err == nil {
		key, err = dnsbl.ParseKey(text)
	}
	if err == nil {
		info, err = os.Stat(s.keyFile)
	}
	if err != nil {
		return "", fmt.Errorf("%s: key_file %s: %w", s.keyPlace, s.keyFile, exit.Reason(err))
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		t.Warn("%s: key_file %s has mode %04o, so that others can read or change the key: chmod 0600, or 0640", s.keyPlace, s.keyFile, mode)
	}
	return key, nil
}
