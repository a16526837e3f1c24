package dnsq

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
)

const resolvConf = "/etc/resolv.conf"

// resolver is a server to ask.
type resolver struct {
	host string // an address or a host name
	port string
	tls  bool

	place string // where it is written
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
		same.place = ""
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
func (r resolver) address(ctx context.Context, round int) (netip.AddrPort, error) {
	host := r.host
	if !r.isAddress() {
		addrs, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return netip.AddrPort{}, err
		}
		host = addrs[round%len(addrs)]
	}
	return netip.ParseAddrPort(net.JoinHostPort(host, r.port))
}

// maxResolvConf bounds a resolv.conf, in bytes. It has few lines: the C library uses only three servers.
const maxResolvConf = 1 << 20

// systemResolvers reads the nameservers of a resolv.conf(5) file. Without any, or without the file, it gives 127.0.0.1. A
// line that names no address is in unread if another line does, since the C library passes over it too, and else in err.
func systemResolvers(path string) (resolvers []resolver, unread []error, err error) {
	text, err := bounded.File(path, maxResolvConf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("resolvers: %w", err)
	}
	line := 0
	for words := range strings.Lines(string(text)) {
		line++
		words, _, _ = strings.Cut(words, "#")
		words, _, _ = strings.Cut(words, ";")
		setting := strings.Fields(words)
		if len(setting) < 2 || setting[0] != "nameserver" {
			continue
		}
		r, err := parseResolver(setting[1])
		if err == nil && !r.isAddress() {
			err = errors.New("not an address")
		}
		if err != nil {
			unread = append(unread, &fault.AtLine{Place: path, Line: line, Err: fmt.Errorf("nameserver %s: %w", quoted(setting[1]), err)})
			continue
		}
		r.place = fmt.Sprintf("%s:%d", path, line)
		resolvers = append(resolvers, r)
	}
	switch {
	case len(resolvers) > 0:
		return resolvers, unread, nil
	case len(unread) > 0:
		return nil, nil, errors.Join(unread...)
	}
	return []resolver{{host: "127.0.0.1", port: "53", place: "no nameserver in " + path}}, nil, nil
}

func (r resolver) isAddress() bool {
	_, err := netip.ParseAddr(r.host)
	return err == nil
}

// quoted gives an entry as errors show it.
func quoted(entry string) string { return ascii.Cut(strconv.QuoteToASCII(entry), maxName) }

func parseResolvers(entries []string) ([]resolver, error) {
	var (
		resolvers []resolver
		bad       []error
	)
	for _, entry := range entries {
		r, err := parseResolver(entry)
		if err != nil {
			bad = append(bad, fmt.Errorf("resolver %s: %w", quoted(entry), err))
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
	case len(strings.FieldsFunc(entry, func(c rune) bool { return strings.ContainsRune(",;", c) })) > 1:
		return r, errors.New("more than one resolver: name each by itself")
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
