package main

import (
	"cmp"
	"context"
	"os"

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

// run carries out the command line.
func (line commandLine) run(ctx context.Context, t *terminal.Terminal) error {
	t.Command = line.command.name
	if line.unknown != "" {
		return unknownCommand(line.unknown)
	}
	g, err := line.read()
	if err != nil {
		return err
	}
	if line.command.name == "" {
		if g.on("version") {
			return t.Whole("mailallow version " + version + "\n")
		}
		return exit.Usagef("no command; 'mailallow --help' lists them")
	}
	if err := setUp(t, g); err != nil {
		return err
	}
	if line.command.args == "" && len(g.args) > 0 {
		return exit.Usagef("%s takes no argument, and there is %q", line.command.name, g.args[0])
	}
	return line.command.action(ctx, t, g)
}

// setUp reads the global flags for the terminal, and checks those that no command checks.
func setUp(t *terminal.Terminal, g given) error {
	t.JSON, t.Quiet, t.Verbose = g.on("json"), g.on("quiet"), g.on("verbose")
	if path := g.text("config"); path != "" && !g.on("write") { // init --write makes it
		if _, err := os.Stat(path); err != nil {
			return fault.Hint("-c "+path, "'mailallow init --write' makes one to start from", "%w", exit.Reason(err))
		}
	}
	t.Color = g.text("color")
	return cmp.Or(exit.OneOf("log-format", g.text("log-format"), terminal.LogForms()),
		exit.OneOf("color", t.Color, terminal.Colors()))
}

func unknownCommand(name string) error {
	var names []string
	for _, cmd := range commands() {
		names = append(names, cmd.name)
	}
	return exit.Usagef("unknown command %q%s", name, exit.DidYouMean(name, names))
}
