package main

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

A source that cannot be fetched, that the guard does not believe, or that needs
too many access keys, keeps its last good ranges and does not stop the others.
The exit code is 3 or 4 then.

With --snapshot, or [snapshot] url in the configuration, it takes the list from there.
With [snapshot] keys one of them must have signed it, or nothing is installed (2).

If another run is at work, update names it and ends with 5; --lock-timeout makes it
wait. A run that a signal ends leaves everything as it was or wholly new, and says
which.`

const historyText = `Tells what each run changed, the newest first: by whom and why, and of each source how
many networks came and went, its new status, and whether it was added, removed,
renamed or edited. With an ADDRESS it tells when that was in the list: from when until
when, with which action, by which source, network and path, and which run did it.

Entries are kept for 400 days (history = "400d") and 64 MiB, the oldest go first. It
writes all times in UTC, and reads one without a zone as a time of this host. A part
that is damaged is named and passed over. Who may not read state_dir runs it as root.`

const rollbackText = `Installs the list as it stood after an ENTRY of the history, or at a TIME (2026-11-01,
2026-11-01T22:00:00Z; without a zone, a time of this host); without either, as it was
before the last update that changed it. 'mailallow history' lists the entries. It asks
no network.

Every source that had ranges then, and is defined now as it was, gets these ranges and
is pinned: later updates fetch it, say what they would change, and leave it. Inline
lists and sources added since stay as they are, and those taken out stay out. Actions
are those of now, and the widest and the largest that a source may be bind.
--release takes the pins away: the next update goes forward, past the guard.

What has left the history cannot be rolled back to (2).`

const diffText = `Does all that update does but the last step, and shows the changes: the networks of
each source, with the path that put them there (summary), a unified diff of each
file (unified), Markdown for a review (markdown), or JSON for scripts (json, --json).

--log FILE says what the change means for mail: of the clients that a DNSBL had refused
in the log, which it would let in, and which it would shut out, by provider. It compares
the new list with what is in the targets, and needs to know nothing of the server.
Lines written by hand are not looked at.

It writes nothing. Exit 1 if something differs, 0 if nothing does.`

const fetchText = `Fetches every source and writes the ranges, each with its path, as a snapshot: a file
to review and commit, and to install anywhere with 'mailallow update --snapshot FILE'.
It changes no target and no state. For a source that cannot be fetched, or is held,
the snapshot has the last good ranges, if this host has any, and says so: it is stale
or held on every host that uses the snapshot. --no-guard reads no state and holds
nothing, so that a user without access to the state can run it: the guard judges the
ranges on the host that uses the snapshot. --since FILE is for a place without state.

With [snapshot] url in the configuration it fetches that snapshot, checks its
signature, and writes both as they are to FILE and FILE.minisig. A FILE.minisig of the
file before is removed where the new one has no signature.`

const renderText = `Writes the list in one format to stdout. No target is needed and nothing is changed.`

const spfText = `Walks the SPF policy of each DOMAIN as RFC 7208 says and writes the networks that
pass, the fewest, IPv4 first: for several domains those of all together. Terms that
cannot be listed are reported on stderr. No guard is applied. Exit 4 if a policy could
not be listed: there is none (none), it is broken (permerror), or DNS did not answer
(temperror).`

const explainText = `Shows the action of the list for each ADDRESS and who put it there: every source and
SPF path, the access key that Sendmail will match (hand-written ones included) with
the results of check_relay and check_rcpt, the line of a Postfix table and its effect
where main.cf names the table. For an address in no source it shows the nearest
ranges, and the catalogue provider that would cover the address. It resolves and
plans as diff does and changes nothing; without a configuration it knows only the
catalogue. Where there is a last good state the network has a second to answer, and
what has not answered is stale; --offline fetches nothing.

It says since when the address is in the list, and which run brought it in. --at TIME
goes by the list of the history as it was then.

An ADDRESS may be written as in logs ([192.0.2.7]:51937, unknown[192.0.2.7],
mail.example.org [192.0.2.7], IPv6:2001:db8::1) or be a host name: each of its
addresses is explained, and the name is used for keys of host names.

--live also asks the installed programs, makemap -u and sendmail -bt, or postmap, and
says where their answers differ from the plan. Then it answers for the mail server of
this host: each restriction list of Postfix, postscreen's first, or each ruleset of
Sendmail, in order, with what the tables and the DNSBLs say of the address now. The
last line is the verdict: accepted, or refused with which text and by what, and what
would change it. It speaks of a new client without a login; what depends on the
sender, the recipient, a policy service or a milter is not asked.`

const removeText = `Takes the list out of every target, or of those at PATH, as update put it in: all
files or none. Of an access file the block goes, the map is rebuilt, and the rest
stays byte for byte; lines in the block that mailallow did not write stay, and are
named. A file that is mailallow's as a whole goes with its map; while sendmail.cf,
main.cf or master.cf names it, or none of them can be read, it becomes empty instead,
because a server refuses mail over a missing one. on_change commands run.

A target that was taken out of the configuration can be named by its path as long as
state_dir knows what was installed in it. The last good ranges stay: the next update
puts the list back, unless its timer is stopped or the target is taken out of the
configuration.`

const lintText = `Finds mistakes in Sendmail access files, in Postfix tables of type cidr, in
plain lists of networks and in configurations of mailallow, each with its line, the
reason and a correction. It tells these kinds of files apart by name and content.
Exit 1 if there is a mistake; a note is none, unless --strict is given. Of a list
--fix writes the shortest one.

Without a FILE it reads the configuration, the files of its targets (without one the
access file that sendmail.cf names and the tables that main.cf names), and sendmail.cf
and Postfix's main.cf, for settings that keep the list from taking effect. --dns asks
the DNSBLs that they name, as the servers would.

--fix corrects the lines whose correction is certain, and shows the difference first.
It reports the other mistakes and leaves them, and lines that would relay for others
once they match. It builds no map and reloads nothing. It takes the locks of an update:
if another run is at work, it names it and ends with 5; --lock-timeout makes it wait.`

const providersText = `Lists the mail senders that a source may name as provider = "NAME", with the narrow
SPF names of each. Shared: the hosts send for many unrelated customers, so that RELAY
would let each of those relay through this server. --check fetches all of them and
says which still answer; exit 4 if one does not.`

const dnsblText = `Asks DNS blocklists about each ADDRESS, or about the addresses of a host name;
without any, about those of [dnsbl] in the configuration. Every zone must first show,
through the same resolver, that it lists its test entry and not everything.

  listed   the list has it: the meaning, the reason, where to ask for removal
  clean    the list does not have it, or recommends or scores it
  error    the answer says nothing about the address: an error code
           (127.255.255.x), a resolver that rewrites, a zone without its test
           entries, one that is parked, a dead list
  unknown  no answer: SERVFAIL, REFUSED, a time-out

Exit 1 while anything is listed. With a configuration the states are kept in state_dir,
and notify is run when one has changed. error and unknown change no state, until there
has been no answer for a day. With metrics_file the states are in that file, too.

Public lists have terms of use (--verbose shows them): most are free for a few queries,
and answer neither public resolvers nor commercial use without an agreement.`

const maillogText = `Reads logs of Sendmail and Postfix and shows which clients a DNSBL made this host
refuse, whose they are, and whether the list covers them; which lists answered with
an error; and which other hosts refuse this one for its address, told apart from those
that refuse the sender's domain. Logs may be packed with gzip, xz, zstd or bzip2, or be
the JSON of journald, Docker or a log shipper; - is stdin. Without a FILE it reads stdin
or, if that is a terminal or /dev/null, /var/log/maillog and /var/log/mail.log.

With a configuration it resolves the sources as diff does, or takes them from
--snapshot FILE. Without one it compares the clients with the networks of providers in
this program, and asks the network nothing. --events needs neither.

--unused tells the sources of which no address is in the logs: of no client that
connected, whose mail was accepted, or that was refused. That is no proof that nobody
needs them: it says on how many lines and days the answer rests.

Exit 2 if a file could not be read, or has no line of Sendmail or Postfix, so that it
does not say who was refused; the summary has the others all the same.`

const reportText = `Makes one page of HTML to look at: what is wrong, if anything; each source with its
status, age and size; what is held, and what the next update would change; with --log
FILE who was refused by DNSBLs, by day and provider; this host's own addresses on
DNSBLs, as dnsbl last found them; mistakes in the files of this host; how the list
changed over time; and a map of the addresses.

It fetches nothing and changes nothing: it shows the last good state, or --snapshot
FILE, and what is in the targets. The page has no script and refers to nothing
outside, so that it may be opened, attached or kept anywhere. Exit 0 if it was made,
whatever it shows.`

const initText = `Makes a configuration to start from: the targets found on this host, OK for two shared
providers, and the meaning of each choice. Nobody may relay by it: your own networks
with RELAY are a comment. It goes to stdout, or with --write to the configuration
(-c FILE, else the default one), whole and never over a file that is there:

  mailallow init --write
  mailallow diff`
