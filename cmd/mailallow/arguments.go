package main

import (
	"slices"
	"strings"
)

// arrange puts a command line in the order that the flag library reads: the command,
// the flags, then the arguments. People mix them: "mailallow spf example.com --tree",
// "mailallow --json diff".
func arrange(args []string) []string {
	defined := globalFlags()
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
			if flagOf(defined, arg).value != "" {
				if i++; i < len(args) {
					flags = append(flags, args[i])
				} else {
					cut = true
				}
			}
		case name == "":
			name = arg
			cmd, _ := find(name) // an unknown one has no flags of its own
			defined = append(cmd.flags, defined...)
		default:
			words = append(words, arg)
		}
	}
	arranged := []string{"mailallow"}
	if _, known := find(name); name != "" && !known {
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

// commandIn gives the command in arranged arguments; "" if there is none.
func commandIn(args []string) string {
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		return args[1]
	}
	return ""
}
