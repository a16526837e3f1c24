package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const initText = `Writes a configuration to start from to stdout: the targets found on this host, OK for
two shared providers, RELAY for this host's own addresses, and what each choice
means. Nothing is changed:

  mailallow init > /etc/mailallow/mailallow.toml
  mailallow diff`

func initConfig(t *terminal.Terminal, c *cli.Context) error {
	config := startingConfig(findServers(c.String("root")), ownAddresses())
	if t.JSON {
		return t.Document(struct {
			Version int    `json:"version"`
			Config  string `json:"config"`
		}{terminal.DocumentVersion, config})
	}
	t.Data(terminal.Plain, "%s", strings.TrimRight(config, "\n"))
	return nil
}

// servers is which mail servers a host has, by the files they read.
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
		return nil // the file says so: it lists none
	}
	var own []netip.Addr
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && (p.Addr().IsGlobalUnicast()) {
			own = append(own, p.Addr())
		}
	}
	slices.SortFunc(own, netip.Addr.Compare)
	return slices.Compact(own)
}

func startingConfig(s servers, own []netip.Addr) string {
	var b strings.Builder
	b.WriteString(initHead)
	b.WriteString(ownSource(own))
	if !s.sendmail && !s.postfix {
		b.WriteString("\n# Neither /etc/mail nor /etc/postfix is on this host: take the comment signs off\n# the targets that are right.\n")
	}
	b.WriteString(commentedUnless(s.sendmail, initSendmail))
	b.WriteString(commentedUnless(s.postfix, initPostfix))
	b.WriteString(initGuard)
	b.WriteString(commentedUnless(false, ownLists(own)))
	return b.String()
}

func ownSource(own []netip.Addr) string {
	items := make([]string, len(own))
	for i, a := range own {
		items[i] = fmt.Sprintf("%q", a)
	}
	text := fmt.Sprintf(initOwn, strings.Join(items, ", "))
	return commentedUnless(len(own) > 0, text)
}

// ownLists is the [dnsbl] table: about the addresses that other networks see.
func ownLists(own []netip.Addr) string {
	var items []string
	for _, a := range own {
		if !a.IsPrivate() {
			items = append(items, fmt.Sprintf("%q", a))
		}
	}
	if len(items) == 0 {
		items = []string{`"192.0.2.25"`}
	}
	return fmt.Sprintf(initDNSBL, strings.Join(items, ", "))
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

const initHead = `# mailallow: whose mail gets past the DNS blocklists, and who may relay.
#
# What an action means for a client whose address is in a source:
#   OK       its mail is accepted past the DNSBLs. It cannot relay.
#   RELAY    the same, and it may send through this server to anywhere. On a
#            provider's range that holds for every customer of the provider.
#   REJECT   it is refused.
#   EXCLUDE  the address is in no output, whatever other sources say.
# The longer prefix wins between sources, as in the access map itself.
#
# See what it would do: mailallow diff       Do it: mailallow update

state_dir = "/var/lib/mailallow"

# [dns]
# resolvers = ["127.0.0.1:53"]    # default: those of /etc/resolv.conf

# Shared providers: OK, since anyone can be their customer.
# 'mailallow providers' lists more.

[[source]]
name = "google"
provider = "google"
action = "OK"

[[source]]
name = "microsoft"
provider = "microsoft"
action = "OK"
`

const initOwn = `
# Your own networks may relay. These are this host's addresses; add your offices
# and your other servers: cidr = ["192.0.2.0/24"], or file = "offices.cidr" with a
# network a line.

[[source]]
name = "own networks"
cidr = [%s]
action = "RELAY"

# Addresses to keep out of every output:
#
# [[source]]
# name = "never"
# cidr = ["198.51.100.7"]
# action = "EXCLUDE"
`

const initSendmail = `
# Sendmail: a block of lines in the access file, the rest of it stays yours. The
# map's type is the one that sendmail.cf names.

[[target]]
format = "sendmail-access"
path = "/etc/mail/access"
`

const initPostfix = `
# Postfix: a table of its own. Name it in main.cf, behind what is in your
# restrictions already and before reject_rbl_client:
#   smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated,
#       reject_unauth_destination,
#       check_client_access cidr:/etc/postfix/mailallow.cidr,
#       reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]
# It permits and never relays there: reject_unauth_destination stands before it.
# For RELAY write a second target with format = "mynetworks-cidr" and name that one
# in mynetworks; for postscreen there is format = "postscreen-cidr", and for many
# hosts that ask one list over DNS format = "rbldnsd".

[[target]]
format = "postfix-cidr"
path = "/etc/postfix/mailallow.cidr"
on_change = ["postfix", "reload"]
`

const initGuard = `
# What may not happen without your word (mailallow update --accept NAME):

[guard]
widest_ipv4 = 12        # no wider network is believed
widest_ipv6 = 28
max_shrink = "30%"      # of a source's addresses, against its last good state
max_grow = "200%"
max_age = "72h"         # older ranges are called out
`

const initDNSBL = `
# Is this server itself listed? 'mailallow dnsbl' asks; from a timer, with
# --changes. Take the comment signs off when the terms of use of each list allow it:
#   zen.spamhaus.org        free for low-volume, non-commercial use, and not
#                           through public resolvers; otherwise with a key
#   bl.spamcop.net          free
#   psbl.surriel.com        free
#   dnsbl-1.uceprotect.net  free
#   bl.mailspike.net        free for moderate use
#   b.barracudacentral.org  free once your resolvers are registered there

[dnsbl]
addresses = [%s]        # or hosts = ["mx1.example.org"]
zones = ["zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com"]
notify = ["mail", "-s", "DNSBL", "postmaster"]    # reads the report
`
