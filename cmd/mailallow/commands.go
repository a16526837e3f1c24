package main

import (
	"context"
	"slices"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/diff"
	"mailallow/cmd/mailallow/internal/dnsbl"
	"mailallow/cmd/mailallow/internal/explain"
	"mailallow/cmd/mailallow/internal/fetch"
	"mailallow/cmd/mailallow/internal/history"
	"mailallow/cmd/mailallow/internal/initconfig"
	"mailallow/cmd/mailallow/internal/lint"
	"mailallow/cmd/mailallow/internal/maillog"
	"mailallow/cmd/mailallow/internal/providers"
	"mailallow/cmd/mailallow/internal/remove"
	"mailallow/cmd/mailallow/internal/render"
	"mailallow/cmd/mailallow/internal/report"
	"mailallow/cmd/mailallow/internal/rollback"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/spf"
	"mailallow/cmd/mailallow/internal/terminal"
	"mailallow/cmd/mailallow/internal/update"
)

// command is an entry in the table of commands.
type command struct {
	name, args  string // args as the usage shows them; empty: the command takes none
	usage, text string // in a line, and as a description
	flags       []option
	action      func(context.Context, *terminal.Terminal, given) error
	// empty makes the JSON document of a run that found nothing but problems; nil: the
	// document has no other members.
	empty func(problems []allowlist.Problem) any
}

// commands is the table of commands, in the order of the help. Each turns its flags and
// arguments into the options of its package.
func commands() []command {
	return slices.Concat(listCommands(), backCommands(), lookCommands(), hostCommands())
}

// listCommands make the list and install it.
func listCommands() []command {
	return []command{
		{
			name: "update", usage: "fetch, merge, guard, install", text: updateText,
			flags: []option{snapshotFlag, signatureFlag, acceptFlag, reasonFlag, rootFlag, lockTimeoutFlag},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return update.Run(ctx, t, update.Options{Run: runFlags(g), Apply: applyFlags(g)})
			},
			empty: run.Empty,
		},
		{
			name: "diff", usage: "the same, changing nothing", text: diffText,
			flags: []option{snapshotFlag, signatureFlag, acceptFlag, rootFlag,
				{name: "format", initial: "summary", usage: "`FORM` of the difference: summary, unified, markdown or json"},
				{name: "log", usage: "say of the refusals by DNSBLs in the log `FILE`, as maillog reads it, which would be let in and which no longer (repeatable)"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return diff.Run(ctx, t, diff.Options{Run: runFlags(g), Format: g.text("format"), Logs: g.all("log")})
			},
			empty: run.Empty,
		},
		{
			name: "fetch", usage: "resolve every source into a snapshot", text: fetchText,
			flags: []option{acceptFlag,
				{name: "o", alias: "output", usage: "write the snapshot to `FILE`; - is stdout"},
				{name: "since", usage: "compare with the snapshot in `FILE`, and keep its ranges of what is held or stale, in place of the last good state"},
				{name: "no-guard", usage: "write the ranges as they come, and leave it to the guard of 'update --snapshot' to judge them"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return fetch.Run(ctx, t, fetch.Options{Run: runFlags(g), Since: g.text("since"), Output: g.text("o")})
			},
			empty: fetch.Empty,
		},
		{
			name: "render", args: "FORMAT", usage: "one format to stdout, no target needed", text: renderText,
			flags: []option{snapshotFlag, signatureFlag, acceptFlag},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return render.Run(ctx, t, render.Options{Run: runFlags(g), Args: g.args})
			},
		},
	}
}

// backCommands tell how the list came about, and go back from it.
func backCommands() []command {
	return []command{
		{
			name: "history", args: "[ADDRESS|SOURCE]", usage: "what changed, newest first; of an address, when it was in the list", text: historyText,
			flags: []option{rootFlag,
				{name: "since", usage: "leave out what is older: a `DURATION` before now (36h, 30d) or a date (2026-11-01)"},
				{name: "entry", usage: "show the entry `ID` whole: every network, with its path"},
				{name: "source", usage: "tell of the source `NAME` alone, even if that reads as an address"}},
			action: func(_ context.Context, t *terminal.Terminal, g given) error {
				return history.Run(t, history.Options{Config: configFlags(g), Since: g.text("since"), Entry: g.text("entry"),
					Source: g.text("source"), Args: g.args})
			},
			empty: history.Empty,
		},
		{
			name: "rollback", args: "[ENTRY|TIME]", usage: "install the list as it was, and pin it", text: rollbackText,
			flags: []option{rootFlag, reasonFlag, lockTimeoutFlag,
				{name: "release", usage: "take the pins of an earlier rollback away, and install nothing"},
				{name: "dry-run", usage: "show what would change, and change nothing"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return rollback.Run(ctx, t, rollback.Options{Run: runFlags(g), Apply: applyFlags(g),
					Release: g.on("release"), DryRun: g.on("dry-run"), Args: g.args})
			},
			empty: run.Empty,
		},
		{
			name: "remove", args: "[PATH...]", usage: "take the list out again: block and keys, tables, map rebuilt", text: removeText,
			flags: []option{rootFlag, reasonFlag, lockTimeoutFlag,
				{name: "dry-run", usage: "show what would be taken out, and change nothing"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return remove.Run(ctx, t, remove.Options{Config: configFlags(g), DryRun: g.on("dry-run"), Reason: g.text("reason"),
					LockTimeout: g.text("lock-timeout"), Paths: g.args})
			},
			empty: run.Empty,
		},
	}
}

// lookCommands look into policies, addresses, files and providers.
func lookCommands() []command {
	return []command{
		{
			name: "spf", args: "DOMAIN...", usage: "the exact networks an SPF policy passes, one a line", text: spfText,
			flags: []option{
				{name: "tree", usage: "draw the policy as a tree, each term with the networks that it contributes"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return spf.Run(ctx, t, spf.Options{Config: configFlags(g), Tree: g.on("tree"), Domains: g.args})
			},
			empty: spf.Empty,
		},
		{
			name: "explain", args: "ADDRESS...", usage: "who allowed it, by which path, and what Sendmail and Postfix will do", text: explainText,
			flags: []option{snapshotFlag, signatureFlag,
				{name: "at", usage: "explain by the list as it was at `TIME` (2026-11-01, 2026-11-01T22:00:00Z, 36h ago as 36h), from the history"},
				{name: "live", usage: "also ask the installed programs, and answer for the mail server of this host: does it take the client's mail now"},
				{name: "offline", usage: "take the last good state and fetch no source; without it the network has a second to answer, where there is such a state"},
				{name: "name", usage: "use `HOST` as the client's name, which its PTR record gives and which leads back to it; unknown: it has none"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return explain.Run(ctx, t, explain.Options{Run: runFlags(g), Live: g.on("live"), Offline: g.on("offline"), Name: g.text("name"), At: g.text("at"), Addresses: g.args})
			},
			empty: explain.Empty,
		},
		{
			name: "lint", args: "[FILE...]", usage: "find mistakes in access files, tables and the server's settings", text: lintText,
			flags: []option{rootFlag,
				{name: "as", usage: "read every FILE as a `KIND`: access, cidr, list or config"},
				{name: "fix", usage: "correct the lines whose correction is certain, and show the difference first"},
				lockTimeoutFlag,
				{name: "dns", usage: "ask the DNSBLs of the servers whether they answer this host's resolver"},
				{name: "strict", usage: "let notes end the command with 1 too"},
				{name: "rules", usage: "list the rules: the mistake that each finds, and why it is one"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return lint.Run(ctx, t, lint.Options{Config: configFlags(g), As: g.text("as"), Fix: g.on("fix"), LockTimeout: g.text("lock-timeout"),
					DNS: g.on("dns"), Strict: g.on("strict"), Rules: g.on("rules"), Files: g.args})
			},
			empty: lint.Empty,
		},
		{
			name: "providers", usage: "the catalogue of mail providers", text: providersText,
			flags: []option{
				{name: "check", usage: "fetch every one of them and say which still answer"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return providers.Run(ctx, t, providers.Options{Config: configFlags(g), Check: g.on("check")})
			},
			empty: providers.Empty,
		},
	}
}

// hostCommands are about this host.
func hostCommands() []command {
	return []command{
		{
			name: "dnsbl", args: "[ADDRESS...]", usage: "are my own addresses listed", text: dnsblText,
			flags: []option{
				{name: "zone", usage: "ask the list `ZONE` in place of the configured ones (repeatable)"},
				{name: "changes", usage: "print only what changed since the last run"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return dnsbl.Run(ctx, t, dnsbl.Options{Config: configFlags(g), Zones: g.all("zone"),
					Changes: g.on("changes"), Subjects: g.args})
			},
			empty: dnsbl.Empty,
		},
		{
			name: "maillog", args: "[FILE...|-]", usage: "who was refused by a DNSBL, and who refuses this host", text: maillogText,
			flags: []option{snapshotFlag, signatureFlag,
				{name: "events", usage: "write every event as a line of JSON, and no summary"},
				{name: "unused", usage: "tell the sources of which no address is in the logs, in place of the summary"},
				{name: "since", usage: "leave out older events: a `DURATION` before now (36h, 7d) or a date (2026-11-01)"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return maillog.Run(ctx, t, maillog.Options{Run: runFlags(g), Events: g.on("events"), Unused: g.on("unused"),
					Since: g.text("since"), Logs: g.args})
			},
			empty: maillog.Empty,
		},
		{
			name: "report", usage: "the state of it all as one HTML page to look at", text: reportText,
			flags: []option{snapshotFlag, signatureFlag,
				{name: "o", alias: "output", usage: "write the page to `FILE`; - is stdout"},
				{name: "log", usage: "show who was refused in the log `FILE`, as maillog reads it (repeatable)"}},
			action: func(ctx context.Context, t *terminal.Terminal, g given) error {
				return report.Run(ctx, t, report.Options{Run: runFlags(g), Output: g.text("o"), Logs: g.all("log"), Version: version})
			},
			empty: report.Empty,
		},
		{
			name: "init", usage: "a commented starting configuration for this host", text: initText,
			flags: []option{rootFlag,
				{name: "write", usage: "write it to the configuration, if there is none yet"}},
			action: func(_ context.Context, t *terminal.Terminal, g given) error {
				return initconfig.Run(t, initconfig.Options{Config: configFlags(g), Write: g.on("write")})
			},
		},
	}
}

// The flags that several commands have.
var (
	snapshotFlag    = option{name: "snapshot", usage: "use the snapshot in `FILE` instead of fetching: a path, an https URL, - for stdin; 'embedded' is the one in the program"}
	signatureFlag   = option{name: "signature", usage: "read the signature of the snapshot from `FILE`; by default it is beside it, with .minisig behind its name"}
	acceptFlag      = option{name: "accept", usage: "accept the change of the held source `NAME`, this once; as NAME@DIGEST only the one that was shown; never a width, a total or a number of keys (repeatable)"}
	reasonFlag      = option{name: "reason", usage: "say why, in a `TEXT` for the history"}
	lockTimeoutFlag = option{name: "lock-timeout", initial: "0s", usage: "wait up to `DURATION`, like 30s or 5m, for another run to end"}
	rootFlag        = option{name: "root", usage: "put `DIR` before every absolute path of the configuration; on_change is not run then"}
)

// find gives the command of a name; ok: there is one.
func find(name string) (found command, ok bool) {
	for _, cmd := range allCommands() {
		if cmd.name == name {
			return cmd, true
		}
	}
	return command{}, false
}

// failure makes the JSON document of a run that failed before it wrote one: that of the
// command, with nothing in it but the error.
func failure(command string, err error) any {
	problems := []allowlist.Problem{{Kind: "error", Text: err.Error()}}
	if cmd, _ := find(command); cmd.empty != nil {
		return cmd.empty(problems)
	}
	return map[string][]allowlist.Problem{"problems": problems}
}
