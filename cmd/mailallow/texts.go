package main

import (
	"strings"

	"mailallow/accessmap/format"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The descriptions of the program and its commands, for --help and the manual.

// textWidth is the most columns of a description.
const textWidth = 77

const programUsage = "keeps a mail server's allowlist true"

const description = `Keeps a mail server's allowlist true: walks the SPF policies of mail providers,
merges them with your own lists, and writes exact Sendmail access entries and
Postfix CIDR tables, atomically, with the map rebuilt.

Start with 'mailallow init', look with 'mailallow diff', then 'mailallow update'.`

const updateText = `Brings every target to what the sources say now: the text is replaced, the map
rebuilt beside it and swapped in, both or neither, and on_change commands run when
something changed. A target that is right already is not touched.

A source that cannot be fetched, or that the guard does not believe, goes on with
its last good ranges and does not stop the others (exit 3 or 4 says so).

While another run is at work this one ends with 5, and names it; --lock-timeout has
it wait. A run that SIGINT or SIGTERM ends leaves everything as it was or wholly new,
and says which.`

const diffText = `Goes the way of update up to the last step and shows what would change: by source,
in networks, with the path that put them there (summary), as a unified diff of each
file (unified), as Markdown for a review (markdown), or for scripts (json, or --json).

Nothing is written. Exit 1 when something differs, 0 when nothing does.`

const fetchText = `Fetches every source and writes what it found, each range with its path, as a
snapshot: a file to review and commit, and to install anywhere with
'mailallow update --snapshot FILE'. No target and no state is touched. A source that
cannot be fetched, or is held, stands there with its last good ranges, if this host
has any. --no-guard looks at no state and holds nothing, so that it can be run by a
user who may read none: the guard judges where the snapshot is used.`

func renderText() string {
	const indent = "  "
	var rows [][]string
	for _, f := range format.All() {
		rows = append(rows, []string{f.Name, f.Summary})
	}
	text := "Writes the list in one format to stdout. No target is needed and nothing is changed.\n\nFormats:\n"
	for _, lines := range terminal.Layout(textWidth-len(indent), rows) {
		text += indent + strings.Join(lines, "\n"+indent) + "\n"
	}
	return text
}

const spfText = `Walks the SPF policy of each DOMAIN as RFC 7208 says and writes the networks that
pass, the fewest, IPv4 first: for several domains those of all together. What
cannot be listed is told on stderr. No guard is applied. Exit 4 when a policy could
not be listed: none is there (none), it is broken (permerror), or DNS did not answer
(temperror).`

const explainText = `Says of each ADDRESS what the list does with it and who put it there: every source
and SPF path, the access key that Sendmail will match (hand-written ones included)
and what check_relay and check_rcpt make of it, the line of a Postfix table and
what it means where main.cf names it. Of an address that is in no source: the
nearest ranges, and the catalogue provider that would cover it. It goes the way of
diff and changes nothing; without a configuration only the catalogue is looked at.

An ADDRESS may be written as logs have it ([192.0.2.7], IPv6:2001:db8::1) or be a
host name: each of its addresses is explained, and the name is used for keys of host
names. --live asks what is installed, too: makemap -u and sendmail -bt, or postmap,
and says where they differ from the plan.`

const lintText = `Says what is wrong in the files, each thing with its line, why, and what to write
instead: Sendmail access files, Postfix tables of type cidr, and configurations of
mailallow, told apart by name and content. Exit 1 when something was found.

With no file it looks at the configuration, the files of its targets (else at
/etc/mail/access and the tables that main.cf names), and at sendmail.cf and Postfix's
main.cf: what there keeps the list from taking effect.

--fix puts right what is certain, and shows the difference first. What is not certain
stays as it is and is told. No map is built and nothing is reloaded.`

const providersText = `Lists the mail senders that a source may name as provider = "NAME", with the narrow
SPF names that stand for them. Shared: the hosts send for many unrelated customers,
so that RELAY would let each of those relay through this server. --check fetches
all of them and says which still answer; exit 4 when one does not.`

const dnsblText = `Asks DNS blocklists about each ADDRESS, or about the addresses of a host name;
without any, about those of [dnsbl] in the configuration. Every zone must first show,
through the same resolver, that it lists its test entry and not everything.

  listed   the list has it: what that means, why, where to ask for removal
  clean    the list does not have it
  error    the answer says nothing about the address: an error code
           (127.255.255.x), a resolver that rewrites, a zone without its test
           entries, a dead list
  unknown  no answer: SERVFAIL, REFUSED, a time-out

Exit 1 while anything is listed. What was found is kept in state_dir, where there is a
configuration; notify is run when a state changed. error and unknown change nothing:
a row stands as it did, until it has been without an answer for a day.

Public lists have terms of use (--verbose shows them): most are free for a few queries,
and answer neither public resolvers nor commercial use without an agreement.`

const maillogText = `Reads logs of Sendmail and Postfix and tells which clients a DNSBL made this host
refuse, whose they are, and whether the list covers them; which lists answered with
an error; and which other hosts refuse this one for its address. Logs may be packed
with gzip, xz, zstd or bzip2; - is stdin. Without a FILE it reads stdin, or where
that is a terminal /var/log/maillog and /var/log/mail.log.

With a configuration its sources are resolved as diff does, and --snapshot FILE takes
them from there; without one, the networks of providers in this program are the
measure, and nothing is asked of the network. --events needs neither.

Exit 2 when a file could not be read; the others are told of all the same.`

const initText = `Writes a configuration to start from to stdout: the targets found on this host, OK for
two shared providers, RELAY for this host's own addresses, and what each choice
means. Nothing is changed:

  mailallow init > /etc/mailallow/mailallow.toml
  mailallow diff`

// paragraph is a part of a description: lines that may be wrapped, or that are indented
// and stay as they are.
type paragraph struct {
	verbatim bool
	apart    bool // behind an empty line
	lines    []string
}

func paragraphs(text string) (all []paragraph) {
	apart := false
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			apart = true
			continue
		}
		verbatim := strings.HasPrefix(line, "  ")
		if len(all) == 0 || apart || all[len(all)-1].verbatim != verbatim {
			all = append(all, paragraph{verbatim: verbatim, apart: apart})
			apart = false
		}
		last := &all[len(all)-1]
		last.lines = append(last.lines, line)
	}
	return all
}
