// Package initconfig is the command that writes a configuration to start from, for
// the mail servers and addresses of this host. It writes to stdout alone.
package initconfig

import (
	_ "embed"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Root string // put before the paths at which mail servers are looked for
}

// Run writes the configuration.
func Run(t *terminal.Terminal, o Options) error {
	config := startingConfig(findServers(o.Root), ownAddresses())
	if t.JSON {
		return t.Document(map[string]string{"config": config})
	}
	t.Data(terminal.Plain, "%s", strings.TrimRight(config, "\n"))
	return nil
}

// servers are the mail servers of a host, found by the files that they read.
type servers struct{ sendmail, postfix bool }

func findServers(root string) servers {
	exists := func(path string) bool {
		_, err := os.Stat(root + path)
		return err == nil
	}
	return servers{
		sendmail: exists("/etc/mail/sendmail.cf") || exists("/etc/mail/access"),
		postfix:  exists("/etc/postfix/main.cf"),
	}
}

// ownAddresses are those of this host's interfaces that other hosts can see.
func ownAddresses() []netip.Addr {
	found, _ := net.InterfaceAddrs() // without any, startingConfig leaves the source as a comment
	var own []netip.Addr
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			own = append(own, p.Addr())
		}
	}
	slices.SortFunc(own, netip.Addr.Compare)
	return slices.Compact(own)
}

// start is the configuration for a host without a mail server and without addresses, which
// the package installs: what init may know is a comment in it.
//
//go:embed mailallow.toml
var start string

// startingConfig takes the comment signs off the paragraphs that are right for the host.
func startingConfig(s servers, own []netip.Addr) string {
	visible := slices.DeleteFunc(slices.Clone(own), netip.Addr.IsPrivate) // for other networks
	var paragraphs []string
	for _, p := range strings.Split(start, "\n\n") {
		begins := func(lines ...string) bool { return strings.HasPrefix(p, "# "+strings.Join(lines, "\n# ")) }
		switch {
		case begins("Neither /etc/mail nor /etc/postfix") && (s.sendmail || s.postfix):
			continue
		case begins("[[source]]", `name = "own networks"`) && len(own) > 0:
			p = uncommented(strings.Replace(p, "[]", "["+quoted(own)+"]", 1))
		case begins("[[target]]", `format = "sendmail-access"`) && s.sendmail, begins("[[target]]", `format = "postfix-cidr"`) && s.postfix:
			p = uncommented(p)
		case begins("[dnsbl]") && len(visible) > 0:
			p = strings.Replace(p, `"192.0.2.25"`, quoted(visible), 1)
		}
		paragraphs = append(paragraphs, p)
	}
	return strings.Join(paragraphs, "\n\n")
}

func uncommented(paragraph string) string {
	return strings.ReplaceAll(strings.TrimPrefix(paragraph, "# "), "\n# ", "\n")
}

// quoted gives addresses as the items of a list.
func quoted(addrs []netip.Addr) string {
	items := make([]string, len(addrs))
	for i, a := range addrs {
		items[i] = fmt.Sprintf("%q", a)
	}
	return strings.Join(items, ", ")
}

// Actions explains each action in a line, behind a line that introduces them.
func Actions() string {
	_, text, _ := strings.Cut(start, "\n#\n")
	text, _, _ = strings.Cut(text, "\n#\n")
	return uncommented(text)
}
