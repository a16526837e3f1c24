// Package flags reads the flags of a command line. They are those of the flag library, and a command asks the library's Context for
// their values. This package gives them their names and puts them into a set, because the library runs a regular expression over
// every name, and looks for every value in the environment: a twentieth of the time of a start. It knows no command.
package flags

import (
	"cmp"
	"context"
	"flag"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mailallow/cmd/mailallow/internal/exit"
)

// texts is the value of a flag that can be given more than once. --resolver "a, b" is one resolver that is none, and not two of
// which the first is asked. Space around a text does not belong to it.
type texts []string

func (t *texts) Set(text string) error {
	*t = append(*t, strings.TrimSpace(text))
	return nil
}

func (t *texts) String() string { return strings.Join(*t, ", ") }

// Repeatable makes a flag that has texts.
func Repeatable(name, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Usage: usage, Value: new(texts)}
}

// Values reads a repeatable flag. One that the command does not have is empty.
func Values(c *cli.Context, name string) []string {
	if given, ok := c.Generic(name).(*texts); ok {
		return *given
	}
	return nil
}

// Names gives the names of a flag.
func Names(f cli.Flag) []string {
	switch f := f.(type) {
	case *cli.StringFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *cli.BoolFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *cli.GenericFlag:
		return append([]string{f.Name}, f.Aliases...)
	}
	return f.Names()
}

// Dashed is the name of a flag with its dashes.
func Dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Apart splits a word of short flags, as -qc FILE has it, of which all but the last take no value; nil: it is none.
func Apart(all []cli.Flag, word string) (apart []string) {
	if len(word) < 3 || word[0] != '-' {
		return nil
	}
	for i, letter := range word[1:] {
		at := slices.IndexFunc(all, func(f cli.Flag) bool { return slices.Contains(Names(f), string(letter)) })
		if at < 0 {
			return nil
		}
		if _, bare := all[at].(*cli.BoolFlag); !bare && i+2 < len(word) {
			return nil
		}
		apart = append(apart, "-"+string(letter))
	}
	return apart
}

// Parse reads the words of a command line, flags before arguments. command names the command for what an error proposes.
func Parse(ctx context.Context, command string, all []cli.Flag, words []string) (*cli.Context, error) {
	set := flag.NewFlagSet("mailallow", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, f := range all {
		define(set, f)
	}
	if err := set.Parse(words); err != nil {
		return nil, badUsage(err, all, command)
	}
	c := cli.NewContext(nil, set, nil)
	c.Context = ctx
	return c, cmp.Or(oneName(set, all), noneEmpty(set, command))
}

// define adds a flag to a set. All its names have one value.
func define(set *flag.FlagSet, f cli.Flag) {
	names := Names(f)
	switch f := f.(type) {
	case *cli.StringFlag:
		set.String(names[0], f.Value, "")
	case *cli.BoolFlag:
		set.Bool(names[0], f.Value, "")
	case *cli.GenericFlag:
		set.Var(f.Value, names[0], "")
	}
	for _, alias := range names[1:] {
		set.Var(set.Lookup(names[0]).Value, alias, "")
	}
}

// oneName refuses a flag that is given under two of its names.
func oneName(set *flag.FlagSet, all []cli.Flag) error {
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, f := range all {
		typed := slices.DeleteFunc(Names(f), func(name string) bool { return !given[name] })
		if len(typed) > 1 {
			return exit.Usagef("%s and %s are one flag: give one of them", Dashed(typed[0]), Dashed(typed[1]))
		}
	}
	return nil
}

// noneEmpty refuses a flag with an empty value, as a script has it that lost a variable: update --snapshot "" would fetch, and
// --root "" write to this host.
func noneEmpty(set *flag.FlagSet, command string) (err error) {
	set.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			err = lacksValue(f.Name, command)
		}
	})
	return err
}

func lacksValue(name, command string) error {
	return exit.Usagef("%s needs a value: '%s --help' says which", Dashed(name), strings.TrimSpace("mailallow "+command))
}

// badUsage rewrites an error of package flag. Its errors have nothing but their text, so this
// is the one place that reads an error back from its message.
func badUsage(err error, all []cli.Flag, command string) error {
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		var known []string
		for _, f := range all {
			known = append(known, Dashed(Names(f)[0]))
		}
		return exit.Usagef("unknown flag --%s%s", name, exit.DidYouMean("--"+name, known))
	}
	if name, cut := strings.CutPrefix(err.Error(), "flag needs an argument: -"); cut {
		return lacksValue(name, command)
	}
	if rest, cut := strings.CutPrefix(err.Error(), "invalid boolean value "); cut {
		value, name, _ := strings.Cut(strings.TrimSuffix(rest, ": parse error"), " for -")
		return exit.Usagef("%s %s: it is neither true nor false", Dashed(name), value)
	}
	return exit.Usagef("%w: '%s --help' lists the flags", err, strings.TrimSpace("mailallow "+command))
}
