package main

import (
	"slices"
	"strconv"
	"strings"

	"mailallow/cmd/mailallow/internal/apply"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
)

// option is a flag, as people type it and read of it.
type option struct {
	name, alias string // without dashes; most have no alias
	usage       string // the placeholder of the value is in backquotes; without one the flag is on or off
	initial     string // the value where the flag is not given
	otherwise   string // what help says of that, if it is not the value
}

var (
	helpFlag    = option{name: "help", alias: "h", usage: "show help"}
	versionFlag = option{name: "version", alias: "v", usage: "print the version"}
)

// globalFlags work before and after the command.
func globalFlags() []option {
	return []option{
		{name: "config", alias: "c", usage: "read the configuration in `FILE`", otherwise: config.DefaultFile},
		{name: "resolver", usage: "ask the DNS resolver at `ADDR` in place of the configured ones (repeatable)"},
		{name: "json", usage: "write one JSON document to stdout"},
		{name: "quiet", alias: "q", usage: "no summary and no notes: data, warnings and errors only"},
		{name: "verbose", usage: "say more on stderr"},
		{name: "log-format", initial: "plain", usage: "`FORM` of the messages on stderr: plain, text or json; the last two are a log with a record a line"},
		{name: "color", initial: "auto", usage: "`WHEN` to use colour: auto, always or never"},
	}
}

func (o option) names() []string {
	if o.alias == "" {
		return []string{o.name}
	}
	return []string{o.name, o.alias}
}

// value is the placeholder of the value; empty: the flag takes none.
func (o option) value() string {
	_, marked, _ := strings.Cut(o.usage, "`")
	value, _, _ := strings.Cut(marked, "`")
	return value
}

// text is the usage as people read it.
func (o option) text() string { return strings.ReplaceAll(o.usage, "`", "") }

// explained is the usage with the default.
func (o option) explained() string {
	byDefault := o.otherwise
	if o.initial != "" {
		byDefault = strconv.Quote(o.initial)
	}
	if byDefault == "" {
		return o.text()
	}
	return o.text() + " (default: " + byDefault + ")"
}

// typed gives the flag as people type it: `--config, -c FILE`.
func (o option) typed() string {
	var names []string
	for _, name := range o.names() {
		names = append(names, dashed(name))
	}
	return strings.TrimSpace(strings.Join(names, ", ") + " " + o.value())
}

// dashed is the name of a flag with its dashes.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// named gives the flag of a name; one without a name if there is none.
func named(flags []option, name string) option {
	if i := slices.IndexFunc(flags, func(o option) bool { return name != "" && (o.name == name || o.alias == name) }); i >= 0 {
		return flags[i]
	}
	return option{}
}

// flagOf gives the flag that a word names, with one dash or two; one without a name if it names none.
func flagOf(flags []option, word string) option {
	if name := strings.TrimLeft(word, "-"); name != word {
		return named(flags, name)
	}
	return option{}
}

// given has the values of the flags of a command line, and its arguments.
type given struct {
	flags  []option
	values map[string][]string // by the name of the flag
	args   []string
}

// all are the values of a flag that can be given more than once. --resolver "a, b" is one resolver that is none, and not two of
// which the first is asked. Space around a value does not belong to it. A flag that the command does not have has no value, here
// and below.
func (g given) all(name string) (values []string) {
	for _, value := range g.values[name] {
		values = append(values, strings.TrimSpace(value))
	}
	return values
}

// text is the value of a flag; the last one counts.
func (g given) text(name string) string {
	if values := g.values[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return named(g.flags, name).initial
}

// on reports whether a flag without a value is given, and not as --name=false.
func (g given) on(name string) bool {
	on, _ := strconv.ParseBool(g.text(name))
	return on
}

// read reads the flags of the command, and those of every command.
func (line commandLine) read() (given, error) {
	g := given{flags: append(slices.Clone(line.command.flags), globalFlags()...), values: map[string][]string{}}
	if line.command.name == "" {
		g.flags = append(g.flags, versionFlag)
	}
	typed := map[string]string{} // the name of a flag that was typed, by its first name
	lookUp := strings.TrimSpace("mailallow "+line.command.name) + " --help"
	for g.args = line.words; len(g.args) > 0; {
		word := g.args[0]
		if g.args = g.args[1:]; word == "--" {
			break
		}
		name, value, inOne := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
		flag := named(g.flags, name)
		switch {
		case name == "" || name[0] == '-':
			return g, exit.Usagef("bad flag syntax: %s: '%s' lists the flags", word, lookUp)
		case flag.name == "":
			return g, g.unknownFlag(name)
		case typed[flag.name] != "" && typed[flag.name] != name:
			return g, exit.Usagef("%s and %s are one flag: give one of them", dashed(flag.name), dashed(flag.alias))
		case flag.value() != "" && !inOne && len(g.args) == 0:
			return g, exit.Usagef("%s needs a value: '%s' says which", dashed(name), lookUp)
		case flag.value() != "" && !inOne:
			value, g.args = g.args[0], g.args[1:]
		case flag.value() == "" && !inOne:
			value = "true"
		case flag.value() == "":
			if _, err := strconv.ParseBool(value); err != nil {
				return g, exit.Usagef("invalid boolean value %q for -%s: parse error: '%s' lists the flags", value, name, lookUp)
			}
		}
		typed[flag.name] = name
		g.values[flag.name] = append(g.values[flag.name], value)
	}
	return g, nil
}

func (g given) unknownFlag(name string) error {
	var known []string
	for _, flag := range g.flags {
		known = append(known, dashed(flag.name))
	}
	return exit.Usagef("unknown flag --%s%s", name, exit.DidYouMean("--"+name, known))
}

// configFlags reads the flags that concern the configuration.
func configFlags(g given) config.Flags {
	return config.Flags{Path: g.text("config"), Root: g.text("root"), Resolvers: g.all("resolver")}
}

// runFlags reads the flags that concern the list.
func runFlags(g given) run.Options {
	return run.Options{Config: configFlags(g), Snapshot: g.text("snapshot"), Signature: g.text("signature"),
		Reason: g.text("reason"), Accept: g.all("accept"), NoGuard: g.on("no-guard")}
}

// applyFlags reads the flags that concern the installation.
func applyFlags(g given) apply.Options {
	return apply.Options{LockTimeout: g.text("lock-timeout"), Version: version}
}
