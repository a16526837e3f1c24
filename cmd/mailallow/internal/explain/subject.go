package explain

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/pattern"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	// maxHostAddresses bounds the addresses of one host name.
	maxHostAddresses = 64
	// maxHostName is the longest host name there is (RFC 1035 section 2.3.4).
	maxHostName = 253
)

// subject is a client to explain, with the argument that named it.
type subject struct {
	argument string
	sendmail.Client
}

// newSubjects reads the arguments. The client of a host name has no address yet. name,
// which may be empty, is the name of all other clients.
func newSubjects(args []string, name, flags string) ([]subject, error) {
	if len(args) == 0 {
		return nil, exit.Usagef("explain takes at least one ADDRESS")
	}
	var problems []error
	if name != "" && !isHostName(name) {
		problems = append(problems, fmt.Errorf("--name %q is not a host name", name))
	}
	var subjects []subject
	given := canonicalHost(name)
	if given == postfix.Unnamed {
		given = sendmail.UnnamedClient
	}
	for _, arg := range args {
		s, err := newSubject(arg, flags)
		if s.Name == "" {
			s.Name = given
		}
		subjects, problems = append(subjects, s), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return subjects, nil
}

// loggedClient matches a client as logs have it: perhaps a name, the address in brackets, and perhaps a port. Sendmail marks a
// name that does not lead back to the address.
var loggedClient = pattern.New(`^(?:(?:relay|client)=)?([^\s\[\]]*) ?\[([^\[\]]+)\](?::[0-9]{1,5})?( \(may be forged\))?$`)

// newSubject reads an address as people and logs write it, or a host name. flags are those of the run, for a command to paste.
func newSubject(arg, flags string) (subject, error) {
	text, name := strings.TrimRight(strings.TrimSpace(arg), ",;"), ""
	if strings.HasSuffix(text, "]:") {
		text = strings.TrimSuffix(text, ":")
	}
	var m []string
	if strings.Contains(text, "[") {
		m = loggedClient().FindStringSubmatch(text)
	}
	if m != nil {
		switch text = m[2]; {
		case m[3] != "", m[1] == postfix.Unnamed:
			name = sendmail.UnnamedClient
		case m[1] != "" && !isHostName(m[1]):
			return subject{}, fmt.Errorf("%q is neither an address nor a host name", arg)
		default:
			name = canonicalHost(m[1])
		}
	}
	if len(text) > len("ipv6:") && strings.EqualFold(text[:len("ipv6:")], "ipv6:") {
		text = text[len("ipv6:"):]
	}
	if addr, err := parseLogged(text); err == nil {
		if addr.Zone() != "" {
			return subject{}, fmt.Errorf("%q: an address with a zone is of this host's own links: write it without %%%s", arg, addr.Zone())
		}
		return subject{argument: arg, Client: sendmail.Client{Addr: addr.Unmap(), Name: name}}, nil
	}
	network, _, _ := strings.Cut(text, "/")
	if _, err := netip.ParseAddr(network); err == nil {
		return subject{}, fault.Hint("", "'mailallow render"+flags+" cidr' writes the networks of the list",
			"%q is a network: explain takes single addresses, such as %s", arg, network)
	}
	if name != "" || !isHostName(text) {
		return subject{}, fmt.Errorf("%q is neither an address nor a host name", arg)
	}
	return subject{argument: arg, Client: sendmail.Client{Name: canonicalHost(text)}}, nil
}

// parseLogged reads an address with the text around it in logs: the word whose value it is, as rip=, signs that enclose it or end
// a sentence, the port behind an IPv4 address.
func parseLogged(text string) (netip.Addr, error) {
	if word, value, ok := strings.Cut(text, "="); ok && isHostName(word) {
		text = value
	}
	text = strings.TrimLeft(text, `<("'`)
	addr, err := netip.ParseAddr(text)
	for err != nil && text != "" && strings.ContainsAny(text[len(text)-1:], `>)"'.,;:`) { // not all at once: an address may end in ::
		text = text[:len(text)-1]
		addr, err = netip.ParseAddr(text)
	}
	if port, portErr := netip.ParseAddrPort(text); portErr == nil && port.Addr().Is4() {
		return port.Addr(), nil
	}
	return addr, err
}

// shownName is the client's name in output: unknown for one that has none, as in Postfix's log.
func (s subject) shownName() string {
	if s.Name == sendmail.UnnamedClient {
		return postfix.Unnamed
	}
	return s.Name
}

func canonicalHost(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// isHostName takes names of letters, digits, "-", "_" and dots. One that ends in a
// number is a mistyped address.
func isHostName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	return len(name) <= maxHostName && !strings.Contains(name, "..") && !strings.HasPrefix(name, ".") &&
		strings.Trim(last, "0123456789") != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})
}

// lookUp replaces each client with a host name alone by one for each of its addresses.
// A name that cannot be looked up is a problem, and the others are explained. Of the resolvers it warns if no list is fetched,
// which would warn too.
func (x *explanation) lookUp(ctx context.Context, t *terminal.Terminal, subjects []subject) (found []subject, problems []error) {
	if !slices.ContainsFunc(subjects, func(s subject) bool { return !s.Addr.IsValid() }) {
		return subjects, nil
	}
	resolver, err := dnsq.New(x.settings.DNS)
	if err != nil {
		return nil, []error{err}
	}
	ctx, cancel := x.settings.Within(ctx)
	defer cancel()
	wait := t.WaitingFor("looking up the addresses")
	defer func() {
		wait.End()
		for _, p := range run.ResolverProblems(resolver) {
			if !x.fetches {
				t.Warn("%s", p.Text)
			}
		}
	}()
	for _, sub := range subjects {
		if sub.Addr.IsValid() {
			found = append(found, sub)
			continue
		}
		a, errA := resolver.A(ctx, sub.Name)
		aaaa, errAAAA := resolver.AAAA(ctx, sub.Name)
		addrs := slices.Concat(a, aaaa)
		for _, err := range []error{errA, errAAAA} {
			if err != nil {
				problems = append(problems, err) // it names the question
			}
		}
		switch {
		case len(addrs) == 0 && errA == nil && errAAAA == nil:
			problems = append(problems, fmt.Errorf("%s: it has no address: neither A nor AAAA", sub.Name))
		case len(addrs) > maxHostAddresses:
			problems = append(problems, fmt.Errorf("%s: it has %d addresses, and the first %d are explained", sub.Name, len(addrs), maxHostAddresses))
			addrs = addrs[:maxHostAddresses]
		}
		for _, addr := range addrs {
			sub.Addr = addr.Unmap()
			found = append(found, sub)
		}
	}
	return found, problems
}
