package dnsq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
)

const resolvConf = "/etc/resolv.conf"

// resolver is a server to ask.
type resolver struct {
	host string // an address or a host name
	port string
	tls  bool
}

func (r resolver) String() string {
	s := net.JoinHostPort(r.host, r.port)
	if r.tls {
		s = "tls://" + s
	}
	return ascii.Cut(s, maxName)
}

// different leaves out each resolver that is in the list before, perhaps in another notation.
func different(resolvers []resolver) (all []resolver) {
	seen := map[resolver]bool{}
	for _, r := range resolvers {
		same := r
		same.host = strings.ToLower(strings.TrimSuffix(r.host, "."))
		if addr, err := netip.ParseAddr(r.host); err == nil {
			same.host = addr.Unmap().String()
		}
		if port, err := strconv.Atoi(r.port); err == nil {
			same.port = strconv.Itoa(port)
		}
		if !seen[same] {
			seen[same] = true
			all = append(all, r)
		}
	}
	return all
}

// address gives the address to send to. A host name may have several, and a UDP socket connects to a dead one without an
// error, so each round of tries takes the next.
func (r resolver) address(ctx context.Context, round int) (string, error) {
	host := r.host
	if _, err := netip.ParseAddr(host); err != nil {
		addrs, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return "", err
		}
		host = addrs[round%len(addrs)]
	}
	return net.JoinHostPort(host, r.port), nil
}

// maxResolvConf bounds a resolv.conf, in bytes. It has few lines: the C library uses only three servers.
const maxResolvConf = 1 << 20

// systemResolvers reads the nameservers of a resolv.conf(5) file. Without any, or without the file, it gives 127.0.0.1.
func systemResolvers(path string) ([]string, error) {
	text, err := bounded.File(path, maxResolvConf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("resolvers: %w", err)
	}
	conf, err := dns.ClientConfigFromReader(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("resolvers: %s: %w", path, err)
	}
	if len(conf.Servers) == 0 {
		return []string{"127.0.0.1"}, nil
	}
	return conf.Servers, nil
}

func parseResolvers(entries []string) ([]resolver, error) {
	var (
		resolvers []resolver
		bad       []error
	)
	for _, entry := range entries {
		r, err := parseResolver(entry)
		if err != nil {
			bad = append(bad, fmt.Errorf("resolver %s: %w", ascii.Cut(strconv.QuoteToASCII(entry), maxName), err))
			continue
		}
		resolvers = append(resolvers, r)
	}
	return resolvers, errors.Join(bad...)
}

// parseResolver reads host, host:port, v6, [v6] or [v6]:port, each with or without tls:// before it.
func parseResolver(entry string) (resolver, error) {
	r := resolver{port: "53"}
	rest, isTLS := strings.CutPrefix(entry, "tls://")
	if isTLS {
		r.tls, r.port = true, "853"
	}
	inner, bracketed := strings.CutPrefix(rest, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	_, notAddr := netip.ParseAddr(rest)
	switch {
	case strings.Contains(rest, "://"):
		return r, errors.New("unknown scheme: write host, host:port, [v6]:port or tls://host:port")
	case notAddr == nil:
		r.host = rest
	case bracketed && closed:
		r.host = inner
	case strings.Contains(rest, ":"):
		var err error
		if r.host, r.port, err = net.SplitHostPort(rest); err != nil {
			return r, errors.New("neither an address nor host:port; an IPv6 address with a port needs brackets")
		}
	default:
		r.host = rest
	}
	if port, err := strconv.ParseUint(r.port, 10, 16); err != nil || port == 0 {
		return r, errors.New("the port must be 1 to 65535")
	}
	return r, checkHost(r.host, bracketed)
}

// checkHost accepts addresses and host names; in brackets, only IPv6 addresses. A name that ends in a number is a mistyped
// address.
func checkHost(host string, bracketed bool) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if bracketed && !addr.Is6() {
			return errors.New("only an IPv6 address goes in brackets")
		}
		return nil
	}
	name := strings.TrimSuffix(host, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	if _, err := strconv.Atoi(last); bracketed || err == nil {
		return errors.New("not an address")
	}
	if _, err := canonical(host); err != nil {
		return errors.New("not a host name")
	}
	for _, c := range []byte(host) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && !digit(c) && c != '-' && c != '.' && c != '_' {
			return errors.New("not a host name")
		}
	}
	return nil
}
