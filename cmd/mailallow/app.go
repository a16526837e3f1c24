package main

import (
	"cmp"
	"context"
	"flag"
	"io"
	"os"
	"slices"
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

// run carries out the command line. The flag library gives flags and their values, and its App stays out of the program: the help
// that an App can make comes from templates, which call methods by name, and for those the linker would keep every exported method
// of everything, a seventh of the program.
func (line commandLine) run(ctx context.Context, t *terminal.Terminal) error {
	t.Command = line.command.name
	if line.unknown != "" {
		return unknownCommand(line.unknown)
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
	return line.command.action(t, c)
}

// parse reads the flags of the command, and those of every command.
func (line commandLine) parse(ctx context.Context) (*cli.Context, error) {
	flags := append(line.command.flags, globalFlags()...)
	if line.command.name == "" {
		flags = append(flags, cli.VersionFlag)
	}
	set := flag.NewFlagSet("mailallow", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, f := range flags {
		if err := f.Apply(set); err != nil {
			return nil, err
		}
	}
	if err := set.Parse(line.words); err != nil {
		return nil, badUsage(err, flags, line.command.name)
	}
	c := cli.NewContext(nil, set, nil)
	c.Context = ctx
	return c, shareAliases(set, flags)
}

// shareAliases gives a flag's value under one of its names to its other names.
func shareAliases(set *flag.FlagSet, flags []cli.Flag) error {
	given := map[string]string{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	for _, f := range flags {
		typed := slices.DeleteFunc(slices.Clone(f.Names()), func(name string) bool { _, ok := given[name]; return !ok })
		if len(typed) > 1 {
			return exit.Usagef("%s and %s are one flag: give one of them", dashed(typed[0]), dashed(typed[1]))
		}
		for _, name := range f.Names() {
			if len(typed) == 1 && name != typed[0] {
				if err := set.Set(name, given[typed[0]]); err != nil {
					return err
				}
			}
		}
	}
	return nil
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

func unknownCommand(name string) error {
	var names []string
	for _, cmd := range commands() {
		names = append(names, cmd.name)
	}
	return exit.Usagef("unknown command %q%s", name, exit.DidYouMean(name, names))
}

// badUsage rewrites an error of package flag. Its errors have nothing but their text, so this
// is the one place that reads an error back from its message.
func badUsage(err error, flags []cli.Flag, command string) error {
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		var known []string
		for _, f := range flags {
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
