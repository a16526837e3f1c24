package main

import (
	"strings"

	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

// helpWidth is how wide --help gets, however wide the terminal is: it is read, and is no table.
const (
	helpWidth  = 80
	helpIndent = "   "
)

// help is what --help shows, in the making.
type help struct {
	strings.Builder
	width int // of what stands below a heading
}

func newHelp(width int, name, usage string) *help {
	h := &help{width: min(width, helpWidth) - len(helpIndent)}
	h.section("NAME", name+" - "+usage)
	return h
}

// helpOfAll is that of the program.
func helpOfAll(width int) string {
	h := newHelp(width, "mailallow", programUsage)
	h.section("USAGE", "mailallow [flags] COMMAND ...")
	h.section("VERSION", version)
	h.section("DESCRIPTION", description)
	var rows [][]string
	for _, cmd := range commands() {
		rows = append(rows, []string{cmd.name, cmd.usage})
	}
	h.table("COMMANDS", rows)
	h.flags("FLAGS OF EVERY COMMAND, before or behind it", append(globalFlags(), cli.HelpFlag, cli.VersionFlag))
	return h.String()
}

func helpOf(cmd command, width int) string {
	h := newHelp(width, "mailallow "+cmd.name, cmd.usage)
	h.section("USAGE", strings.TrimSpace("mailallow "+cmd.name+" [flags] "+cmd.args))
	h.section("DESCRIPTION", cmd.text)
	if len(cmd.flags) > 0 {
		h.flags("FLAGS", cmd.flags)
	}
	h.flags("FLAGS OF EVERY COMMAND", append(globalFlags(), cli.HelpFlag))
	return h.String()
}

func (h *help) heading(title string) {
	if h.Len() > 0 {
		h.WriteString("\n")
	}
	h.WriteString(title + ":\n")
}

func (h *help) line(text string) { h.WriteString(helpIndent + text + "\n") }

// section is a text below its heading. What is indented there stays as it is.
func (h *help) section(title, text string) {
	h.heading(title)
	for _, p := range paragraphs(text) {
		if p.apart {
			h.WriteString("\n")
		}
		lines := p.lines
		if !p.verbatim {
			lines = terminal.Wrap(strings.Join(lines, " "), h.width)
		}
		for _, line := range lines {
			h.line(line)
		}
	}
}

func (h *help) table(title string, rows [][]string) {
	h.heading(title)
	for _, lines := range terminal.Layout(h.width, rows) {
		for _, line := range lines {
			h.line(line)
		}
	}
}

func (h *help) flags(title string, flags []cli.Flag) {
	var rows [][]string
	for _, f := range flags {
		w := flagWords(f)
		rows = append(rows, []string{w.typed(), w.told()})
	}
	h.table(title, rows)
}

// helpTemplate has the flag library print a help as it stands, given to it as a description.
const helpTemplate = "{{.Description}}"

// paragraph is a part of a text: lines that flow, or that stay as they are, since they are indented.
type paragraph struct {
	verbatim bool
	apart    bool // an empty line stands before it
	lines    []string
}

func paragraphs(text string) (all []paragraph) {
	apart := false
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			apart = true
			continue
		}
		verbatim := strings.HasPrefix(line, "  ")
		if len(all) == 0 || apart || all[len(all)-1].verbatim != verbatim {
			all = append(all, paragraph{verbatim: verbatim, apart: apart})
			apart = false
		}
		last := &all[len(all)-1]
		last.lines = append(last.lines, line)
	}
	return all
}
