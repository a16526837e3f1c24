package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mailallow/accessmap/format"
	"mailallow/accessmap/record"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/carrier"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/diff"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/lint"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

const completionText = `Writes the script to stdout with which bash, zsh or fish complete commands, flags
and values. Packages are built with it; for one session of bash:

  eval "$(mailallow completion bash)"

The scripts run 'mailallow completion words -- WORD...', where the last WORD is the
one being typed. It writes the words that fit, one a line, each with a tab and its
meaning; or the one line :file or :dir.`

//go:embed shell
var shellScripts embed.FS

// patience is how long somebody who has pressed the tab key waits for a configuration that is a pipe, as /dev/stdin.
const patience = time.Second

// completion writes the script for a shell, or, for "words" and a command line, the words
// that can complete it.
func completion(t *terminal.Terminal, c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) > 1 && args[0] == "words" {
		ctx, cancel := context.WithTimeout(c.Context, patience)
		defer cancel()
		var lines strings.Builder
		for _, f := range completing(ctx, args[1:]) {
			fmt.Fprintln(&lines, strings.TrimSuffix(f.word+"\t"+f.means, "\t"))
		}
		return t.Whole(lines.String())
	}
	if len(args) == 1 {
		if script, err := shellScripts.ReadFile("shell/" + args[0]); err == nil {
			return t.Whole(string(script))
		}
	}
	return exit.Usagef("completion takes one SHELL: bash, zsh or fish")
}

// follow is a word that can come next.
type follow struct{ word, means string }

// completing gives the words that can complete the last one of typed: values of the flag
// before it, flags with their values, commands, or arguments of the command.
func completing(ctx context.Context, typed []string) []follow {
	last := typed[len(typed)-1]
	cmd, flag := upTo(typed[:len(typed)-1])
	before := "" // of the value in the same word, as --color=
	if name, value, glued := strings.Cut(last, "="); glued && flag.value == "" && strings.HasPrefix(name, "-") {
		flag, last, before = flagOf(append(slices.Clone(cmd.flags), globalFlags()...), name), value, name+"="
	}
	var can []follow
	switch {
	case flag.value != "":
		can = append(valuesOf(flag.names[0], flag.value), namesOf(ctx, flag.names[0], flag.value, typed)...)
	case before != "": // of no flag, or of one that takes no value
	case strings.HasPrefix(last, "-"):
		all := append(slices.Clone(cmd.flags), append(globalFlags(), cli.HelpFlag)...)
		if cmd.name == "" {
			all = append(all, cli.VersionFlag)
		}
		for _, f := range all {
			w := flagWords(f)
			for _, name := range w.names {
				can = append(can, follow{name, w.usage})
			}
		}
	case cmd.name == "":
		for _, c := range commands() {
			can = append(can, follow{c.name, c.usage})
		}
	default:
		name := strings.Trim(cmd.args, "[].|-")
		can = append(valuesOf("", name), namesOf(ctx, "", name, typed)...)
	}
	var fits []follow
	for _, f := range can {
		if strings.HasPrefix(f.word, last) && !strings.HasPrefix(f.word, ":") {
			f.word = before + f.word
			fits = append(fits, f)
		}
	}
	if len(can) > 0 && strings.HasPrefix(can[0].word, ":") && len(fits) == 0 {
		return can[:1]
	}
	return fits
}

// namesOf gives the names that a flag or an argument takes and that this host knows: the sources of the configuration, the entries of
// the history with what they are, the lists in the DNS, and before any file the targets and the snapshot in the program.
func namesOf(ctx context.Context, flag, name string, typed []string) (can []follow) {
	switch {
	case flag == "--zone":
		for _, l := range dnsbl.All() {
			if dnsbl.Dead(l.Zone) == "" && !l.OfNames {
				can = append(can, follow{l.Zone, ""})
			}
		}
		return can
	case flag == "--snapshot" && typed[len(typed)-1] != "": // without a letter the shell completes files
		return []follow{{carrier.Embedded, ""}}
	case flag == "--accept", flag == "--source":
		name = "ADDRESS|SOURCE"
	}
	if name != "ADDRESS|SOURCE" && name != "ID" && name != "ENTRY|TIME" && name != "PATH" {
		return nil
	}
	s, err := config.Load(ctx, configOf(typed))
	if err != nil {
		return nil
	}
	switch name { // who may not read the state completes nothing of it
	case "ADDRESS|SOURCE":
		for i := range s.Sources {
			can = append(can, follow{s.Sources[i].Name, ""})
		}
	case "PATH":
		installed, _ := record.Read(s.StateDir)
		targets := run.Removals(s, installed)
		for i := range targets {
			can = append(can, follow{targets[i].Path, ""})
		}
	default:
		log, _ := run.OpenHistory(s.StateDir)
		entries, _ := log.Entries(time.Time{}, func(history.Entry) bool { return true })
		for i := range entries {
			can = append(can, follow{entries[i].ID, entries[i].Command})
		}
	}
	return can
}

// configOf reads the flags that choose the configuration, in words of which the last may be half typed.
func configOf(typed []string) (f config.Flags) {
	for i, word := range typed[:len(typed)-1] {
		name, value, glued := strings.Cut(word, "=")
		if !glued {
			value = typed[i+1]
			if strings.HasPrefix(value, "~/") { // the shell has not replaced it yet
				value = os.Getenv("HOME") + value[1:]
			}
		}
		switch name {
		case "-c", "--config":
			f.Path = value
		case "--root":
			f.Root = value
		}
	}
	return f
}

// upTo reads the words before the last one: the command, and the flag whose value must
// follow.
func upTo(typed []string) (cmd command, flag words) {
	for _, word := range typed {
		if flag.value != "" {
			flag = words{}
			continue
		}
		flag = flagOf(append(slices.Clone(cmd.flags), globalFlags()...), word)
		if found, ok := find(word); ok && cmd.name == "" {
			cmd = found
		}
	}
	return cmd, flag
}

// valuesOf gives the values of a flag or an argument, by its name in the usage; none for
// most, which take any value.
func valuesOf(flag, name string) (can []follow) {
	words := map[string][]string{
		"FILE": {":file"}, "PATH": {":file"}, "DIR": {":dir"}, "FORM": diff.Formats(), "KIND": lint.Kinds(), "WHEN": terminal.Colors(),
		"SHELL": {"bash", "zsh", "fish"}, "PAGE": {"mailallow.1", "mailallow.toml.5"},
	}[name]
	if flag == "--log-format" {
		words = terminal.LogForms()
	}
	for _, word := range words {
		can = append(can, follow{word, ""})
	}
	if name == "FORMAT" {
		for _, f := range format.All() {
			can = append(can, follow{f.Name, f.Summary})
		}
	}
	return can
}
