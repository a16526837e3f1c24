// Package initconfig is the command that writes a configuration to start from, for
// the mail servers and addresses of this host. It writes to stdout alone.
package initconfig

import (
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
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil // startingConfig writes the source as a comment
	}
	var own []netip.Addr
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			own = append(own, p.Addr())
		}
	}
	slices.SortFunc(own, netip.Addr.Compare)
	return slices.Compact(own)
}

func startingConfig(s servers, own []netip.Addr) string {
	text := headText + commentedUnless(len(own) > 0, fmt.Sprintf(ownText, quoted(own)))
	if !s.sendmail && !s.postfix {
		text += "\n# Neither /etc/mail nor /etc/postfix is on this host: take the comment signs off\n# the targets that are right.\n"
	}
	text += commentedUnless(s.sendmail, sendmailText) + commentedUnless(s.postfix, postfixText) + guardText
	visible := slices.DeleteFunc(slices.Clone(own), netip.Addr.IsPrivate) // for other networks
	if len(visible) == 0 {
		visible = []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 25})}
	}
	return text + commentedUnless(false, fmt.Sprintf(dnsblText, quoted(visible)))
}

// quoted gives addresses as the items of a list.
func quoted(addrs []netip.Addr) string {
	items := make([]string, len(addrs))
	for i, a := range addrs {
		items[i] = fmt.Sprintf("%q", a)
	}
	return strings.Join(items, ", ")
}

// commentedUnless gives text as it is, or every line of it as a comment.
func commentedUnless(active bool, text string) string {
	if active {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" && line[0] != '#' {
			line = "# " + line
		}
		b.WriteString(line)
	}
	return b.String()
}

// Actions explains each action in a line, behind a line that introduces them.
func Actions() string {
	_, text, _ := strings.Cut(headText, "\n#\n")
	text, _, _ = strings.Cut(text, "\n#\n")
	return strings.ReplaceAll(strings.TrimPrefix(text, "# "), "\n# ", "\n")
}
