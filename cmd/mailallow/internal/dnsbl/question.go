package dnsbl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// subjects splits the arguments, or without any the configured subjects, into addresses
// and host names.
func (c *check) subjects(args []string) (hosts []string, err error) {
	if len(args) == 0 {
		c.addrs, hosts = slices.Clone(c.settings.DNSBL.Addresses), c.settings.DNSBL.Hosts
		if len(c.addrs)+len(hosts) == 0 {
			return nil, fmt.Errorf("no address to ask about: name one, or a host, or write [dnsbl] addresses or hosts into %s", c.settings.Path)
		}
		return hosts, nil
	}
	if len(args) > config.MaxDNSBLAddresses {
		return nil, fmt.Errorf("%d addresses and hosts: %d is the most", len(args), config.MaxDNSBLAddresses)
	}
	var problems []error
	for _, arg := range args {
		addr, notAddr := config.ParseOwnAddress(arg)
		switch {
		case notAddr == nil:
			c.add(addr)
		case strings.ContainsAny(arg, ":/%"):
			problems = append(problems, notAddr)
		case dnsbl.CheckHost(arg) != nil:
			problems = append(problems, fmt.Errorf("%s: %w", config.QuotedWord(arg), dnsbl.CheckHost(arg)))
		default:
			hosts = append(hosts, arg)
		}
	}
	return hosts, errors.Join(problems...)
}

// add adds an address once.
func (c *check) add(addr netip.Addr) {
	if addr = addr.Unmap(); !slices.Contains(c.addrs, addr) {
		c.addrs = append(c.addrs, addr)
	}
}

// openZones opens the zones of the flags, else those of the configuration, else the
// standard ones.
func (c *check) openZones(t *terminal.Terminal, flags []string) error {
	written := c.settings.DNSBL.Zones
	if len(flags) > 0 {
		written = flags
	}
	if len(written) == 0 {
		written = dnsbl.StandardZones()
		t.Detail("no zones are named: asking %s", strings.Join(written, ", "))
	}
	if len(written) > config.MaxDNSBLZones {
		return fmt.Errorf("%d zones: %d is the most", len(written), config.MaxDNSBLZones)
	}
	var key string
	var problems []error
	if slices.ContainsFunc(written, dnsbl.TakesKey) { // a user who cannot read it may ask the other lists
		var err error
		key, err = readKey(t, c.settings)
		problems = append(problems, err)
	}
	for _, w := range written {
		zone, err := dnsbl.ParseZone(w, key)
		problems = append(problems, err)
		twice := slices.ContainsFunc(c.zones, func(z dnsbl.Zone) bool { return z.Name() == zone.Name() })
		if err != nil || twice {
			continue
		}
		c.zones = append(c.zones, zone)
		if zone.Terms() != "" {
			t.Detail("%s (%s): %s", zone.Written, zone.Operator(), zone.Terms())
		}
	}
	return errors.Join(problems...)
}

// lookUp adds the addresses of hosts. A host without an address, or without an answer, is
// a problem, because no list is asked about what is not known.
func (c *check) lookUp(ctx context.Context, t *terminal.Terminal, resolver *dnsq.Client, hosts []string) {
	type found struct {
		a, aaaa       []netip.Addr
		errA, errAAAA error
	}
	all := make([]found, len(hosts))
	var wait sync.WaitGroup
	for i, host := range hosts {
		wait.Go(func() { all[i].a, all[i].errA = resolver.A(ctx, host) })
		wait.Go(func() { all[i].aaaa, all[i].errAAAA = resolver.AAAA(ctx, host) })
	}
	wait.Wait()
	for i, f := range all {
		addrs := slices.Concat(f.a, f.aaaa)
		switch err := errors.Join(f.errA, f.errAAAA); {
		case err != nil && len(addrs) == 0:
			c.fail("host", exit.Usage, fmt.Errorf("host %s: its addresses could not be looked up, so no list is asked about it: %w", hosts[i], err))
		case err != nil:
			c.fail("host", exit.Usage, fmt.Errorf("host %s: not all its addresses could be looked up, and no list is asked about the others: %w", hosts[i], err))
		case len(addrs) == 0:
			c.fail("host", exit.Usage, fmt.Errorf("host %s: it has no address (A, AAAA)", hosts[i]))
		}
		for _, addr := range addrs {
			if len(c.addrs) >= config.MaxDNSBLAddresses {
				c.fail("host", exit.Usage, fmt.Errorf("host %s: more than %d addresses in all, and no list is asked about the rest", hosts[i], config.MaxDNSBLAddresses))
				break
			}
			c.add(addr)
		}
		t.Detail("host %s has %v", dnsbl.HideKeys(hosts[i]), addrs)
	}
}

// warnPrivate warns of addresses that no other network sees. A local name server may give
// them for a host.
func (c *check) warnPrivate(t *terminal.Terminal) {
	for _, addr := range c.addrs {
		if dnsbl.IsLocal(addr) {
			text := fmt.Sprintf("%s is an address of a local network, and no public list has any: name the address that other networks see", addr)
			t.Warn("%s", text)
			c.problems = append(c.problems, allowlist.Problem{Kind: "private", Text: text})
		}
	}
}

const maxKeyBytes = 4096 // of the key file

// readKey reads the key file, if one is configured. No error shows its content.
func readKey(t *terminal.Terminal, settings *config.Settings) (string, error) {
	s := settings.DNSBL
	switch {
	case s.KeyFile == "":
		return "", nil
	case settings.Writable != nil:
		return "", fmt.Errorf("%s: key_file is not read: who can write to the configuration has its key sent to any resolver", s.KeyPlace)
	}
	var key string
	text, mode, err := bounded.FileWithMode(s.KeyFile, maxKeyBytes)
	if err == nil {
		key, err = dnsbl.ParseKey(text)
	}
	if err != nil {
		return "", fmt.Errorf("%s: key_file %s: %w", s.KeyPlace, s.KeyFile, exit.Reason(err))
	}
	if mode &= fs.ModePerm; mode&0o027 != 0 {
		t.Warn("%s: key_file %s has mode %04o, so that others can read or change the key: chmod 0600, or 0640", s.KeyPlace, s.KeyFile, mode)
	}
	return key, nil
}
