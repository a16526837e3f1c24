package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

// version is set when a release is built.
var version = "0.1.0-dev"

const programUsage = "keeps a mail server's allowlist true"

const description = `Keeps a mail server's allowlist true: walks the SPF policies of mail providers,
merges them with your own lists, and writes exact Sendmail access entries and
Postfix CIDR tables, atomically, with the map rebuilt.

Start with 'mailallow init', look with 'mailallow diff', then 'mailallow update'.

Exit codes: 0 done; 1 a difference or a finding; 2 usage, configuration or
internal trouble; 3 a source was held by the guard; 4 a source was stale or
missing; 5 the installation failed and everything is as it was, or another run
holds the lock, or on_change or notify failed; 128+n ended by signal n. When
several apply: 2, 5, 3, 4, 1.`

// command is an entry in the table of commands.
type command struct {
	name, args, usage, text string
	flags                   []cli.Flag
	run                     func(*terminal.Terminal, *cli.Context) error
	// empty is the JSON document of a run that found out nothing but what went wrong; nil: that alone.
	empty func([]allowlist.Problem) any
}

func commands() []command {
	snapshot := &cli.StringFlag{Name: "snapshot", Usage: "use the snapshot in `FILE` instead of fetching; 'embedded' is the one in the program"}
	accept := &cli.StringSliceFlag{Name: "accept", Usage: "waive, this once, what the guard holds against source `NAME` (repeatable)"}
	root := &cli.StringFlag{Name: "root", Usage: "put `DIR` before every absolute path of the configuration; on_change is not run then"}
	return []command{
		{"update", "", "fetch, merge, guard, install", updateText, []cli.Flag{snapshot, accept, root,
			&cli.StringFlag{Name: "lock-timeout", Value: "0s", Usage: "wait up to `DURATION`, like 30s or 5m, for another run to end"}}, update, emptyRun},
		{"diff", "", "the same, changing nothing", diffText, []cli.Flag{snapshot, accept, root,
			&cli.StringFlag{Name: "format", Value: "summary", Usage: "`FORM` of the difference: summary, unified, markdown or json"}}, diff, emptyRun},
		{"fetch", "", "resolve every source into a snapshot", fetchText, []cli.Flag{accept,
			&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "write the snapshot to `FILE`; - is stdout"},
			&cli.BoolFlag{Name: "no-guard", Usage: "write what comes as it is, for the guard of 'update --snapshot' to judge"}}, fetch, emptyFetch},
		{"render", "FORMAT", "one format to stdout, no target needed", renderText(), []cli.Flag{snapshot, accept}, render, nil},
		{"spf", "DOMAIN...", "the exact networks an SPF policy passes, one a line", spfText, []cli.Flag{
			&cli.BoolFlag{Name: "tree", Usage: "draw the policy as it was walked, each term with what it contributes"}}, spfCommand, emptySPF},
		{"explain", "ADDRESS...", "who allowed it, by which path, and what Sendmail and Postfix will do", explainText, []cli.Flag{snapshot,
			&cli.BoolFlag{Name: "live", Usage: "ask what is installed, too: makemap and sendmail -bt, postmap"},
			&cli.StringFlag{Name: "name", Usage: "take `HOST` for the client's name, as its PTR record gives it and leads back to it"}}, explain, emptyExplain},
		{"lint", "[FILE...]", "what is wrong in access files, tables and the server's settings", lintText, []cli.Flag{root,
			&cli.StringFlag{Name: "as", Usage: "take every FILE for a `KIND`: access, cidr or config"},
			&cli.BoolFlag{Name: "fix", Usage: "put right what is certain, and show the difference first"},
			&cli.BoolFlag{Name: "rules", Usage: "list the rules: what each catches, and why"}}, lint, emptyLint},
		{"providers", "", "the catalogue of mail providers", providersText, []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "fetch every one of them and say which still answer"}}, providers, emptyProviders},
		{"dnsbl", "[ADDRESS...]", "are my own addresses listed", dnsblText, []cli.Flag{
			&cli.StringSliceFlag{Name: "zone", Usage: "ask the list `ZONE` in place of the configured ones (repeatable)"},
			&cli.BoolFlag{Name: "changes", Usage: "print only what changed since the last run"}}, dnsblCommand, emptyDNSBL},
		{"maillog", "[FILE...|-]", "who was refused by a DNSBL, and who refuses this host", maillogText, []cli.Flag{snapshot,
			&cli.BoolFlag{Name: "events", Usage: "write every event as a line of JSON, and no summary"},
			&cli.StringFlag{Name: "since", Usage: "leave out what is older: a `DURATION` before now (36h, 7d) or a date (2026-11-01)"}}, maillogCommand, emptyMaillog},
		{"init", "", "a commented starting configuration for this host", initText, []cli.Flag{root}, initConfig, nil},
	}
}

// globalFlags work before and after the command.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "read the configuration in `FILE`", DefaultText: config.DefaultFile},
		&cli.StringSliceFlag{Name: "resolver", Usage: "ask the DNS resolver at `ADDR` in place of the configured ones (repeatable)"},
		&cli.BoolFlag{Name: "json", Usage: "write one JSON document to stdout"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no summary and no notes: data, warnings and errors only"},
		&cli.BoolFlag{Name: "verbose", Usage: "say more on stderr"},
		&cli.StringFlag{Name: "log-format", Value: "plain", Usage: "`FORM` of what is said on stderr: plain, text or json; the last two are a log, a record a line"},
		&cli.StringFlag{Name: "color", Value: "auto", Usage: "`WHEN` to use colour: auto, always or never"},
	}
}

// newApp makes the command line for arguments that arrange has ordered. The flag
// library writes no error, ends no process and makes no help: errors come back to
// run, and the one help that these arguments can ask for is made here. It is written
// to help, in pieces of a few bytes.
func newApp(t *terminal.Terminal, args []string, help, stderr io.Writer) *cli.App {
	helpFor := func(name string, text func(width int) string) string {
		if name != commandIn(args) {
			return ""
		}
		return text(t.Width())
	}
	app := &cli.App{
		Name: "mailallow", Usage: programUsage, Description: helpFor("", helpOfAll), CustomAppHelpTemplate: helpTemplate,
		Version: version, Writer: help, ErrWriter: stderr, Flags: globalFlags(),
		HideHelpCommand: true,
		OnUsageError:    func(c *cli.Context, err error, _ bool) error { return badUsage(c, err, "") },
		ExitErrHandler:  func(*cli.Context, error) {},
		Action:          noCommand,
	}
	for i, cmd := range allCommands() {
		app.Commands = append(app.Commands, &cli.Command{
			Hidden: i >= len(commands()),
			Name:   cmd.name, Usage: cmd.usage, CustomHelpTemplate: helpTemplate,
			Description:     helpFor(cmd.name, func(width int) string { return helpOf(cmd, width) }),
			Flags:           append(cmd.flags, globalFlags()...),
			HideHelpCommand: true,
			OnUsageError: func(c *cli.Context, err error, _ bool) error {
				t.Command = cmd.name
				return badUsage(c, err, cmd.name)
			},
			Action: func(c *cli.Context) error {
				t.Command = cmd.name
				if err := setUp(t, c); err != nil {
					return err
				}
				if cmd.args == "" && c.Args().Present() {
					return exit.Usagef("%s takes no argument, and there is %q", cmd.name, c.Args().First())
				}
				return cmd.run(t, c)
			},
		})
	}
	return app
}

// setUp reads the global flags that are not a command's own business.
func setUp(t *terminal.Terminal, c *cli.Context) error {
	t.JSON, t.Quiet, t.Verbose, t.Color = c.Bool("json"), c.Bool("quiet"), c.Bool("verbose"), c.String("color")
	if path := c.String("config"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return exit.Error{Code: exit.Usage, Err: fmt.Errorf("-c %s: %w", path, exit.Reason(err)), Hint: "'mailallow init' writes one to start from"}
		}
	}
	return cmp.Or(exit.OneOf("log-format", c.String("log-format"), terminal.LogForms()),
		exit.OneOf("color", t.Color, terminal.Colors()))
}

func noCommand(c *cli.Context) error {
	if name := c.Args().First(); name != "" {
		var names []string
		for _, cmd := range commands() {
			names = append(names, cmd.name)
		}
		return exit.Usagef("unknown command %q%s", name, exit.DidYouMean(name, names))
	}
	return exit.Usagef("no command; 'mailallow --help' lists them")
}

// badUsage tells of flags that the library does not take, in its own words where
// nothing better is known.
func badUsage(c *cli.Context, err error, command string) error {
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		var known []string
		for _, f := range c.Command.Flags {
			known = append(known, dashed(f.Names()[0]))
		}
		return exit.Usagef("unknown flag --%s%s", name, exit.DidYouMean("--"+name, known))
	}
	help := strings.TrimSpace("mailallow "+command) + " --help"
	if name, cut := strings.CutPrefix(err.Error(), "flag needs an argument: -"); cut {
		return exit.Usagef("%s needs a value: '%s' says which", dashed(name), help)
	}
	return exit.Usagef("%w: '%s' lists the flags", err, help)
}

// arrange puts a command line in the order that the flag library reads: the
// command, its flags, the global ones, then what is no flag. People may mix them
// ("mailallow spf example.com --tree", "mailallow --json diff").
func arrange(args []string) []string {
	takesValue := valueFlags(globalFlags())
	var name string
	var flags, words []string
	cut := false // the last flag lacks its value: nothing may come behind it
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			words = append(words, args[i+1:]...)
			i = len(args)
		case len(arg) > 1 && arg[0] == '-':
			flags = append(flags, arg)
			if takesValue[strings.TrimLeft(arg, "-")] {
				if i++; i < len(args) {
					flags = append(flags, args[i])
				} else {
					cut = true
				}
			}
		case name == "":
			name = arg
			cmd, _ := findCommand(name) // an unknown one has no flags of its own
			takesValue = valueFlags(append(cmd.flags, globalFlags()...))
		default:
			words = append(words, arg)
		}
	}
	arranged := []string{"mailallow"}
	if _, known := findCommand(name); name != "" && !known {
		return append(arranged, "--", name)
	}
	if name != "" {
		arranged = append(arranged, name)
	}
	arranged = append(arranged, flags...)
	if cut {
		return arranged
	}
	return append(append(arranged, "--"), words...)
}

// commandIn is the command in arranged arguments; "" is none.
func commandIn(args []string) string {
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		return args[1]
	}
	return ""
}

// findCommand gives the entry of a name; ok is false when there is none.
func findCommand(name string) (found command, ok bool) {
	for _, cmd := range allCommands() {
		if cmd.name == name {
			return cmd, true
		}
	}
	return command{}, false
}

// valueFlags are the names of the flags that are followed by a value.
func valueFlags(flags []cli.Flag) map[string]bool {
	names := map[string]bool{}
	for _, f := range flags {
		if _, isBool := f.(*cli.BoolFlag); !isBool {
			for _, name := range f.Names() {
				names[name] = true
			}
		}
	}
	return names
}

// configFlags are the flags that say which configuration is read.
func configFlags(c *cli.Context) config.Flags {
	return config.Flags{Path: c.String("config"), Root: c.String("root"), Resolvers: c.StringSlice("resolver")}
}
