package main

import (
	"cmp"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// allCommands gives the table of commands and, behind it, two commands that only help to
// build packages: --help does not list them.
func allCommands() []command {
	return append(commands(),
		command{name: "man", args: "PAGE", usage: "a page of the manual", text: manText, action: man},
		command{name: "completion", args: "SHELL", usage: "what a shell completes", text: completionText, action: completion})
}

// newApp makes the command line for one command; without a name, for none. The flag library
// returns every error to execute: it writes none and ends no process. It makes no help.
func newApp(t *terminal.Terminal, cmd command, out, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name: "mailallow", Usage: programUsage, HideHelp: true,
		Version: version, Writer: out, ErrWriter: stderr, Flags: globalFlags(),
		// --resolver "a, b" is one resolver that is none, and not two of which the first is asked.
		DisableSliceFlagSeparator: true,
		OnUsageError:              func(c *cli.Context, err error, _ bool) error { return badUsage(c, err, "") },
		ExitErrHandler:            func(*cli.Context, error) {},
		Action:                    noCommand,
	}
	if cmd.name == "" {
		return app
	}
	app.Commands = []*cli.Command{{
		Name: cmd.name, Usage: cmd.usage, HideHelp: true,
		Flags: append(cmd.flags, globalFlags()...),
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
			return cmd.action(t, c)
		},
	}}
	return app
}

// setUp reads the global flags for the terminal, and checks those that no command checks.
func setUp(t *terminal.Terminal, c *cli.Context) error {
	t.JSON, t.Quiet, t.Verbose = c.Bool("json"), c.Bool("quiet"), c.Bool("verbose")
	if path := c.String("config"); path != "" && !c.Bool("write") { // init --write makes it
		if _, err := os.Stat(path); err != nil {
			return fault.Hint("-c "+path, "'mailallow init --write' makes one to start from", "%w", exit.Reason(err))
		}
	}
	t.Color = c.String("color")
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

// badUsage rewrites the flag library's errors. They have nothing but their text, so this
// is the one place that reads an error back from its message.
func badUsage(c *cli.Context, err error, command string) error {
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		var known []string
		for _, f := range c.Command.Flags {
			known = append(known, dashed(f.Names()[0]))
		}
		return exit.Usagef("unknown flag --%s%s", name, exit.DidYouMean("--"+name, known))
	}
	lookUp := strings.TrimSpace("mailallow "+command) + " --help"
	if name, cut := strings.CutPrefix(err.Error(), "flag needs an argument: -"); cut {
		return exit.Usagef("%s needs a value: '%s' says which", dashed(name), lookUp)
	}
	return exit.Usagef("%w: '%s' lists the flags", err, lookUp)
}
