package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

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
