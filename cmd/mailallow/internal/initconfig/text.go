package initconfig

const headText = `# mailallow: whose mail gets past the DNS blocklists, and who may relay.
#
# The meaning of an action for a client whose address is in a source:
#   OK       its mail is accepted past the DNSBLs. It cannot relay.
#   RELAY    the same, and it may send through this server to anywhere. On a
#            provider's range that holds for every customer of the provider.
#   REJECT   it is refused.
#   EXCLUDE  the address is in no output, whatever other sources say.
# The longer prefix wins between sources, as in the access map itself.
#
# Show the changes: mailallow diff       Make them: mailallow update

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

const ownText = `
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

const sendmailText = `
# Sendmail: a block of lines in the access file, the rest of it stays yours. The
# map's type is the one that sendmail.cf names.

[[target]]
format = "sendmail-access"
path = "/etc/mail/access"
`

const postfixText = `
# Postfix: a table of its own. Name it in main.cf, behind your restrictions so far
# and before reject_rbl_client:
#   smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated,
#       reject_unauth_destination,
#       check_client_access cidr:/etc/postfix/mailallow.cidr,
#       reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]
# It permits and never relays there: reject_unauth_destination comes before it.
# For RELAY write a second target with format = "mynetworks-cidr" and name that one
# in mynetworks; for postscreen there is format = "postscreen-cidr", and for many
# hosts that ask one list over DNS format = "rbldnsd".

[[target]]
format = "postfix-cidr"
path = "/etc/postfix/mailallow.cidr"
on_change = ["postfix", "reload"]
`

const guardText = `
# Changes that need your consent. 'mailallow update --accept NAME' accepts what is
# gone or new, once; widths and totals are raised here, or in the source:

[guard]
widest_ipv4 = 12        # a wider network holds the source
widest_ipv6 = 28
# total_ipv4 = 11       # no more addresses than one network of this length; RELAY: 12
# total_ipv6 = 28       # RELAY: 32
max_shrink = "30%"      # of a source's addresses, so many may go
max_grow = "200%"       # of their number, so many may be new
window = "30d"          # both against every state within this time
max_age = "72h"         # a warning if the ranges are older
`

const dnsblText = `
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
