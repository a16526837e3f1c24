package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/diff"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/flags"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// allCommands gives the table of commands and, behind it, two commands that only help to
// build packages: --help does not list them.
func allCommands() []command {
	return append(commands(),
		command{name: "man", args: "PAGE", usage: "a page of the manual", text: manText, action: man},
		command{name: "completion", args: "SHELL", usage: "what a shell completes", text: completionText, action: completion})
}

// run carries out the command line. The flag library gives flags and their values, and its App stays out of the program: the help
// that an App can make comes from templates, which call methods by name, and for those the linker would keep every exported method
// of everything, a seventh of the program.
func (line commandLine) run(ctx context.Context, t *terminal.Terminal) error {
	t.Command = line.command.name
	if line.unknown != "" {
		return unknownCommand(line.unknown, line.before)
	}
	c, err := line.parse(ctx)
	if err != nil {
		return err
	}
	if line.command.name == "" {
		if c.Bool("version") {
			return t.Whole("mailallow version " + version + "\n")
		}
		return exit.Usagef("no command; 'mailallow --help' lists them")
	}
	if err := setUp(t, c); err != nil {
		return err
	}
	if line.command.args == "" && c.Args().Present() {
		return exit.Usagef("%s takes no argument, and there is %q", line.command.name, c.Args().First())
	}
	// A script that lost a variable has one: rollback "" would go back by a step. To complete an empty word is what a shell asks for.
	if line.command.name != "completion" && slices.Contains(c.Args().Slice(), "") {
		return exit.Usagef("an argument is empty: '%s --help' says what it takes", "mailallow "+line.command.name)
	}
	return line.command.action(t, c)
}

// parse reads the flags of the command, and those of every command.
func (line commandLine) parse(ctx context.Context) (*cli.Context, error) {
	all := append(line.command.flags, globalFlags()...)
	if line.command.name == "" {
		all = append(all, cli.VersionFlag)
	}
	return flags.Parse(ctx, line.command.name, all, line.words)
}

// setUp reads the global flags for the terminal, and checks those that no command checks.
func setUp(t *terminal.Terminal, c *cli.Context) error {
	t.JSON, t.Quiet, t.Verbose = c.Bool("json") || c.String("format") == diff.JSON, c.Bool("quiet"), c.Bool("verbose")
	_, err := run.Patience(c.String("lock-timeout"))
	if path := c.String("config"); path != "" && !c.Bool("write") { // init --write makes it
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // any other reason has a hint of its own
			return fault.Hint("-c "+path, "'mailallow init --write"+config.Flags{Path: path}.Typed()+"' makes one to start from", "%w", exit.Reason(err))
		}
	}
	t.Color = c.String("color")
	return cmp.Or(exit.OneOf("log-format", c.String("log-format"), terminal.LogForms()),
		exit.OneOf("color", t.Color, terminal.Colors()), configFlags(c).Check(), err)
}

// unknownCommand names the commands, or the flag whose value is in the place of one: which command it belongs to is not known
// so early.
func unknownCommand(name, before string) error {
	var names []string
	for _, cmd := range commands() {
		if flagOf(cmd.flags, before).value != "" {
			return exit.Usagef("%q is no command: write %s, a flag of commands, behind the command", name, before)
		}
		names = append(names, cmd.name)
	}
	return exit.Usagef("unknown command %q%s", name, exit.DidYouMean(name, names))
}
