package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mailallow/cmd/mailallow/internal/apply"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/flags"
	"mailallow/cmd/mailallow/internal/run"
)

// globalFlags work before and after the command.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "read the configuration in `FILE`", DefaultText: config.DefaultFile},
		flags.Repeatable("resolver", "ask the DNS resolver at `ADDR` in place of the configured ones (repeatable)"),
		&cli.BoolFlag{Name: "json", Usage: "write one JSON document to stdout"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no summary and no notes: data, warnings and errors only"},
		&cli.BoolFlag{Name: "verbose", Usage: "say more, and leave nothing out of a list"},
		&cli.StringFlag{Name: "log-format", Value: "plain", Usage: "`FORM` of the messages on stderr: plain, text or json; the last two are a log with a record a line"},
		&cli.StringFlag{Name: "color", Value: "auto", Usage: "`WHEN` to use colour: auto, always or never"},
	}
}

// configFlags reads the flags that concern the configuration. One that the command
// does not have is empty.
func configFlags(c *cli.Context) config.Flags {
	return config.Flags{Path: c.String("config"), Root: c.String("root"), Resolvers: flags.Values(c, "resolver")}
}

// runFlags reads the flags that concern the list, likewise.
func runFlags(c *cli.Context) run.Options {
	return run.Options{Config: configFlags(c), Snapshot: c.String("snapshot"), Signature: c.String("signature"),
		Reason: c.String("reason"), Accept: flags.Values(c, "accept"), NoGuard: c.Bool("no-guard")}
}

// applyFlags reads the flags that concern the installation.
func applyFlags(c *cli.Context) apply.Options {
	return apply.Options{LockTimeout: c.String("lock-timeout"), Version: version}
}

// words are the texts of a flag.
type words struct {
	names     []string // as they are typed
	value     string   // the placeholder of the value; empty: it takes none
	otherwise string   // the default value, if there is one
	usage     string
}

// flagWords splits the texts of a flag. In the usage the flag library marks the
// placeholder by backquotes.
func flagWords(f cli.Flag) words {
	var w words
	for _, name := range flags.Names(f) {
		w.names = append(w.names, flags.Dashed(name))
	}
	doc := f.(cli.DocGenerationFlag) // as every flag of the library is
	before, marked, found := strings.Cut(doc.GetUsage(), "`")
	value, after, _ := strings.Cut(marked, "`")
	w.usage = before + value + after
	if doc.TakesValue() {
		if w.value = value; !found {
			w.value = "VALUE"
		}
		w.otherwise = cmp.Or(doc.GetDefaultText(), doc.GetValue())
	}
	return w
}

// flagOf gives the texts of the flag that a word names, with one dash or two; none if it
// names no flag.
func flagOf(all []cli.Flag, word string) (w words) {
	name := strings.TrimLeft(word, "-")
	for _, f := range all {
		if name != word && slices.Contains(flags.Names(f), name) {
			w = flagWords(f)
		}
	}
	return w
}

// rowsOf gives each flag as people type it, `-c, --config FILE`, and its usage with the default.
func rowsOf(all []cli.Flag) (rows [][]string) {
	for _, f := range all {
		w := flagWords(f)
		if w.otherwise != "" {
			w.usage += " (default: " + w.otherwise + ")"
		}
		rows = append(rows, []string{strings.TrimSpace(strings.Join(w.names, ", ") + " " + w.value), w.usage})
	}
	return rows
}
