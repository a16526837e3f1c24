package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// commandLine is a command line in the order that the flag library reads: the command, the
// flags, then the arguments.
type commandLine struct {
	command command  // without a name: there is none, or it is unknown
	unknown string   // the word where the name of a command has to stand, if it is none
	words   []string // flags and their values, then the arguments
	help    bool     // asks for the help of the command
}

// arrange orders a command line. People mix its parts: "mailallow spf example.com --tree",
// "mailallow --json diff".
func arrange(args []string) commandLine {
	defined := globalFlags()
	var line commandLine
	var name string
	var flags, words []string
	cut := false // the last flag lacks its value: no word may follow it
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
			line.help = line.help || slices.Contains(cli.HelpFlag.Names(), strings.TrimLeft(arg, "-"))
			if flagOf(defined, arg).value != "" {
				if i++; i < len(args) {
					flags = append(flags, args[i])
				} else {
					cut = true
				}
			}
		case name == "":
			name = arg
			line.command, _ = find(name) // an unknown one has no flags of its own
			defined = append(line.command.flags, defined...)
		default:
			words = append(words, arg)
		}
	}
	if name != line.command.name {
		return commandLine{unknown: name}
	}
	line.words = flags
	if !cut {
		line.words = append(append(line.words, "--"), words...)
	}
	return line
}
