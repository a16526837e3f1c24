package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/diff"
	"mailallow/cmd/mailallow/internal/dnsbl"
	"mailallow/cmd/mailallow/internal/explain"
	"mailallow/cmd/mailallow/internal/fetch"
	"mailallow/cmd/mailallow/internal/flags"
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
	flags       []cli.Flag
	action      func(*terminal.Terminal, *cli.Context) error
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
			flags: []cli.Flag{snapshotFlag(), signatureFlag(), acceptFlag(), reasonFlag(), rootFlag(), lockTimeoutFlag()},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return update.Run(c.Context, t, update.Options{Run: runFlags(c), Apply: applyFlags(c)})
			},
			empty: run.Empty,
		},
		{
			name: "diff", usage: "show what update would change, and change nothing", text: diffText,
			flags: []cli.Flag{snapshotFlag(), signatureFlag(), acceptFlag(), rootFlag(),
				&cli.StringFlag{Name: "format", Value: "summary", Usage: "`FORM` of the difference: summary, unified, markdown or json"},
				flags.Repeatable("log", "say of the refusals by DNSBLs in the log `FILE`, as maillog reads it, which would be let in and which no longer (repeatable)")},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return diff.Run(c.Context, t, diff.Options{Run: runFlags(c), Format: c.String("format"), Logs: flags.Values(c, "log")})
			},
			empty: run.Empty,
		},
		{
			name: "fetch", usage: "resolve every source into a snapshot", text: fetchText,
			flags: []cli.Flag{acceptFlag(),
				&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "write the snapshot to `FILE`; - is stdout"},
				&cli.StringFlag{Name: "since", Usage: "compare with the snapshot in `FILE`, and keep its ranges of what is held or stale, in place of the last good state"},
				&cli.BoolFlag{Name: "no-guard", Usage: "write the ranges as they come, and leave it to the guard of 'update --snapshot' to judge them"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return fetch.Run(c.Context, t, fetch.Options{Run: runFlags(c), Since: c.String("since"), Output: c.String("o")})
			},
			empty: fetch.Empty,
		},
		{
			name: "render", args: "FORMAT", usage: "one format to stdout, no target needed", text: renderText,
			flags: []cli.Flag{snapshotFlag(), signatureFlag(), acceptFlag()},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return render.Run(c.Context, t, render.Options{Run: runFlags(c), Args: c.Args().Slice()})
			},
			empty: render.Empty,
		},
	}
}

// backCommands tell how the list came about, and go back from it.
func backCommands() []command {
	return []command{
		{
			name: "history", args: "[ADDRESS|SOURCE]", usage: "what changed, newest first; of an address, when it was in the list", text: historyText,
			flags: []cli.Flag{rootFlag(),
				&cli.StringFlag{Name: "since", Usage: "leave out what is older: a `DURATION` before now (36h, 30d) or a date (2026-11-01)"},
				&cli.StringFlag{Name: "entry", Usage: "show the entry `ID` whole: every network, with its path"},
				&cli.StringFlag{Name: "source", Usage: "tell of the source `NAME` alone, even if that reads as an address"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return history.Run(c.Context, t, history.Options{Config: configFlags(c), Since: c.String("since"), Entry: c.String("entry"),
					Source: c.String("source"), Args: c.Args().Slice()})
			},
			empty: history.Empty,
		},
		{
			name: "rollback", args: "[ENTRY|TIME]", usage: "install the list as it was, and pin it", text: rollbackText,
			flags: []cli.Flag{rootFlag(), reasonFlag(), lockTimeoutFlag(),
				&cli.BoolFlag{Name: "release", Usage: "take the pins of an earlier rollback away, and install nothing"},
				&cli.BoolFlag{Name: "dry-run", Usage: "show what would change, and change nothing"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return rollback.Run(c.Context, t, rollback.Options{Run: runFlags(c), Apply: applyFlags(c),
					Release: c.Bool("release"), DryRun: c.Bool("dry-run"), Args: c.Args().Slice()})
			},
			empty: run.Empty,
		},
		{
			name: "remove", args: "[PATH...]", usage: "take the list out again: block and keys, tables, map rebuilt", text: removeText,
			flags: []cli.Flag{rootFlag(), reasonFlag(), lockTimeoutFlag(),
				&cli.BoolFlag{Name: "dry-run", Usage: "show what would be taken out, and change nothing"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return remove.Run(c.Context, t, remove.Options{Config: configFlags(c), DryRun: c.Bool("dry-run"), Reason: c.String("reason"),
					LockTimeout: c.String("lock-timeout"), Paths: c.Args().Slice()})
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
			flags: []cli.Flag{
				&cli.BoolFlag{Name: "tree", Usage: "draw the policy as a tree, each term with the networks that it contributes"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return spf.Run(c.Context, t, spf.Options{Config: configFlags(c), Tree: c.Bool("tree"), Domains: c.Args().Slice()})
			},
			empty: spf.Empty,
		},
		{
			name: "explain", args: "ADDRESS...", usage: "who allowed it, by which path, and what Sendmail and Postfix will do", text: explainText,
			flags: []cli.Flag{snapshotFlag(), signatureFlag(),
				&cli.StringFlag{Name: "at", Usage: "explain by the list as it was at `TIME` (2026-11-01, 2026-11-01T22:00:00Z, 36h ago as 36h), from the history"},
				&cli.BoolFlag{Name: "live", Usage: "also ask the installed programs, and answer for the mail server of this host: does it take the client's mail now"},
				&cli.BoolFlag{Name: "offline", Usage: "take the last good state and fetch no source; without it the network has a second to answer, where there is such a state"},
				&cli.StringFlag{Name: "name", Usage: "use `HOST` as the client's name, which its PTR record gives and which leads back to it; unknown: it has none"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return explain.Run(c.Context, t, explain.Options{Run: runFlags(c), Live: c.Bool("live"), Offline: c.Bool("offline"), Name: c.String("name"), At: c.String("at"), Addresses: c.Args().Slice()})
			},
			empty: explain.Empty,
		},
		{
			name: "lint", args: "[FILE...]", usage: "find mistakes in access files, tables and the server's settings", text: lintText,
			flags: []cli.Flag{rootFlag(),
				&cli.StringFlag{Name: "as", Usage: "read every FILE as a `KIND`: access, cidr, list or config"},
				&cli.BoolFlag{Name: "fix", Usage: "correct the lines whose correction is certain, and show the difference first"},
				lockTimeoutFlag(),
				&cli.BoolFlag{Name: "dns", Usage: "ask the DNSBLs of the servers whether they answer this host's resolver"},
				&cli.BoolFlag{Name: "strict", Usage: "let notes end the command with 1 too"},
				&cli.BoolFlag{Name: "rules", Usage: "list the rules: the mistake that each finds, and why it is one"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return lint.Run(c.Context, t, lint.Options{Config: configFlags(c), As: c.String("as"), Fix: c.Bool("fix"), LockTimeout: c.String("lock-timeout"),
					DNS: c.Bool("dns"), Strict: c.Bool("strict"), Rules: c.Bool("rules"), Files: c.Args().Slice()})
			},
			empty: lint.Empty,
		},
		{
			name: "providers", usage: "the catalogue of mail providers", text: providersText,
			flags: []cli.Flag{
				&cli.BoolFlag{Name: "check", Usage: "fetch every one of them and say which still answer"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return providers.Run(c.Context, t, providers.Options{Config: configFlags(c), Check: c.Bool("check")})
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
			flags: []cli.Flag{
				flags.Repeatable("zone", "ask the list `ZONE` in place of the configured ones (repeatable)"),
				&cli.BoolFlag{Name: "changes", Usage: "print only what changed since the last run"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return dnsbl.Run(c.Context, t, dnsbl.Options{Config: configFlags(c), Zones: flags.Values(c, "zone"),
					Changes: c.Bool("changes"), Subjects: c.Args().Slice()})
			},
			empty: dnsbl.Empty,
		},
		{
			name: "maillog", args: "[FILE...|-]", usage: "who was refused by a DNSBL, and who refuses this host", text: maillogText,
			flags: []cli.Flag{snapshotFlag(), signatureFlag(),
				&cli.BoolFlag{Name: "events", Usage: "write every event as a line of JSON, and no summary"},
				&cli.BoolFlag{Name: "unused", Usage: "tell the sources of which no address is in the logs, in place of the summary"},
				&cli.StringFlag{Name: "since", Usage: "leave out older events: a `DURATION` before now (36h, 7d) or a date (2026-11-01)"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return maillog.Run(c.Context, t, maillog.Options{Run: runFlags(c), Events: c.Bool("events"), Unused: c.Bool("unused"),
					Since: c.String("since"), Logs: c.Args().Slice()})
			},
			empty: maillog.Empty,
		},
		{
			name: "report", usage: "the state of it all as one HTML page to look at", text: reportText,
			flags: []cli.Flag{snapshotFlag(), signatureFlag(),
				&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "write the page to `FILE`; - is stdout"},
				flags.Repeatable("log", "show who was refused in the log `FILE`, as maillog reads it (repeatable)")},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return report.Run(c.Context, t, report.Options{Run: runFlags(c), Output: c.String("o"), Logs: flags.Values(c, "log"), Version: version})
			},
			empty: report.Empty,
		},
		{
			name: "init", usage: "a commented starting configuration for this host", text: initText,
			flags: []cli.Flag{rootFlag(),
				&cli.BoolFlag{Name: "write", Usage: "write it to the configuration, if there is none yet"}},
			action: func(t *terminal.Terminal, c *cli.Context) error {
				return initconfig.Run(t, initconfig.Options{Config: configFlags(c), Write: c.Bool("write")})
			},
			empty: initconfig.Empty,
		},
	}
}

// The flags that several commands have.

func snapshotFlag() cli.Flag {
	return &cli.StringFlag{Name: "snapshot", Usage: "use the snapshot in `FILE` instead of fetching: a path, an https URL, - for stdin; 'embedded' is the one in the program"}
}

func signatureFlag() cli.Flag {
	return &cli.StringFlag{Name: "signature", Usage: "read the signature of the snapshot from `FILE`; by default it is beside it, with .minisig behind its name"}
}

func acceptFlag() cli.Flag {
	return flags.Repeatable("accept", "accept the change of the held source `NAME`, this once; as NAME@DIGEST only the one that was shown; never a width, a total or a number of keys (repeatable)")
}

func reasonFlag() cli.Flag {
	return &cli.StringFlag{Name: "reason", Usage: "say why, in a `TEXT` for the history"}
}

func lockTimeoutFlag() cli.Flag {
	return &cli.StringFlag{Name: "lock-timeout", Value: "0s", Usage: "wait up to `DURATION`, like 30s or 5m, for another run to end"}
}

func rootFlag() cli.Flag {
	return &cli.StringFlag{Name: "root", Usage: "put `DIR` before every absolute path of the configuration; on_change is not run then"}
}

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
