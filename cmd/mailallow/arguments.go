package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mailallow/cmd/mailallow/internal/flags"
)

// commandLine is a command line in the order that the flag library reads: the command, the
// flags, then the arguments.
type commandLine struct {
	command command  // without a name: there is none, or it is unknown
	unknown string   // the word where the name of a command has to stand, if it is none
	before  string   // the word before that one
	words   []string // flags and their values, then the arguments
	help    bool     // asks for the help of the command
}

// arrange orders a command line. People mix its parts: "mailallow spf example.com --tree",
// "mailallow --json diff".
func arrange(args []string) commandLine {
	defined := globalFlags()
	var line commandLine
	var name, before string
	var given, words []string
	var early []int // numbers of flags before the command: a value of one of its own follows a =
	lacks := 0      // number of the first flag without its value
	ended := false  // by --: no flag follows
	named := false  // an empty word is no command, and none is behind it
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if apart := flags.Apart(defined, arg); apart != nil && !ended {
			args = slices.Concat(args[:i], apart, args[i+1:])
			arg = args[i]
		}
		switch {
		case arg == "--" && !ended:
			ended = true
		case len(arg) > 1 && arg[0] == '-' && !ended:
			given = append(given, arg)
			line.help = line.help || slices.Contains(flags.Names(cli.HelpFlag), strings.TrimLeft(arg, "-"))
			switch {
			case flagOf(defined, arg).value == "":
				if !named {
					early = append(early, len(given))
				}
			case i+1 < len(args):
				i++
				given = append(given, args[i])
			case lacks == 0:
				lacks = len(given)
			}
		case !named && arg == "help" && !ended:
			line.help = true
		case !named:
			name, named = arg, true
			if i > 0 {
				before = args[i-1]
			}
			line.command, _ = find(name) // an unknown one has no flags of its own
			for _, n := range early {
				if lacks == 0 && flagOf(line.command.flags, given[n-1]).value != "" {
					lacks = n
				}
			}
			defined = append(line.command.flags, defined...)
		default:
			words = append(words, arg)
		}
	}
	switch {
	case name != line.command.name:
		return commandLine{unknown: name, before: before}
	case lacks > 0:
		line.words = given[:lacks] // no word may follow it
	default:
		line.words = append(append(given, "--"), words...)
	}
	return line
}
