package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	helpIndent = "   "
	// helpWidth is the most columns of a help, however wide the terminal is: a text is
	// easier to read than a wide table.
	helpWidth = textWidth + len(helpIndent)
)

// help builds the text of --help.
type help struct {
	strings.Builder
	width int // below a heading
}

func newHelp(width int, name, usage string) *help {
	h := &help{width: min(width, helpWidth) - len(helpIndent)}
	h.section("NAME", name+" - "+usage)
	return h
}

// helpOf is the help of a command, for a terminal of that width; without a name, of the program.
func helpOf(cmd command, width int) string {
	if cmd.name == "" {
		return helpOfAll(width)
	}
	h := newHelp(width, "mailallow "+cmd.name, cmd.usage)
	h.section("USAGE", strings.TrimSpace("mailallow "+cmd.name+" [flags] "+cmd.args))
	h.section("DESCRIPTION", cmd.text)
	h.table(strings.ToUpper(cmd.args), cmd.arguments())
	h.table("FLAGS", rowsOf(cmd.flags))
	h.table("FLAGS OF EVERY COMMAND", rowsOf(append(globalFlags(), cli.HelpFlag)))
	return h.String()
}

func helpOfAll(width int) string {
	h := newHelp(width, "mailallow", programUsage)
	h.section("USAGE", "mailallow [flags] COMMAND ...")
	h.section("VERSION", version)
	h.section("DESCRIPTION", description+"\n\n"+exitCodes())
	var rows [][]string
	for _, cmd := range commands() {
		rows = append(rows, []string{cmd.name, cmd.usage})
	}
	h.table("COMMANDS", rows)
	h.table("FLAGS OF EVERY COMMAND, before or behind it", rowsOf(append(globalFlags(), cli.HelpFlag)))
	h.table("WITHOUT A COMMAND", rowsOf([]cli.Flag{cli.VersionFlag}))
	return h.String()
}

// exitCodes lists the exit codes in a sentence.
func exitCodes() string {
	var codes []string
	meanings, order := exit.Meanings()
	for _, m := range meanings {
		codes = append(codes, m.Code+" "+m.Text)
	}
	return "Exit codes: " + strings.Join(codes, "; ") + ". " + order
}

// arguments are the values that an argument of the command can have, each with its meaning.
func (cmd command) arguments() (rows [][]string) {
	for _, f := range valuesOf("", strings.Trim(cmd.args, "[].")) {
		if f.means != "" {
			rows = append(rows, []string{f.word, f.means})
		}
	}
	return rows
}

func (h *help) heading(title string) {
	if h.Len() > 0 {
		h.WriteString("\n")
	}
	h.WriteString(title + ":\n")
}

func (h *help) lines(text string) {
	h.WriteString(helpIndent + strings.ReplaceAll(text, "\n", "\n"+helpIndent) + "\n")
}

// section writes a text below its heading, wrapped where it is not indented.
func (h *help) section(title, text string) {
	h.heading(title)
	for _, p := range terminal.Paragraphs(text) {
		if p.Apart {
			h.WriteString("\n")
		}
		lines := p.Lines
		if !p.Verbatim {
			lines = terminal.Wrap(strings.Join(lines, " "), h.width)
		}
		h.lines(strings.Join(lines, "\n"))
	}
}

// table writes rows below their heading, if there are any.
func (h *help) table(title string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	h.heading(title)
	for _, row := range terminal.Layout(h.width, rows) {
		h.lines(row)
	}
}
