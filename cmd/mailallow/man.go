package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/initconfig"
	"mailallow/cmd/mailallow/internal/roff"
	"mailallow/cmd/mailallow/internal/terminal"
)

const manText = `Writes a page of the manual to stdout, in roff: mailallow.1, made of the texts that
--help shows, or mailallow.toml.5, made of the reference in docs/configuration.md.
Packages are built with it.`

func man(t *terminal.Terminal, c *cli.Context) error {
	pages := map[string]func() string{"mailallow.1": commandPage, "mailallow.toml.5": configPage}
	page, known := pages[c.Args().First()]
	if !known || c.NArg() != 1 {
		return exit.Usagef("man takes one PAGE: mailallow.1 or mailallow.toml.5")
	}
	return t.Whole(page())
}

func commandPage() string {
	p := roff.New("mailallow", "1", programUsage, "mailallow "+version)
	p.Section("SYNOPSIS")
	for _, cmd := range commands() {
		p.Synopsis("mailallow "+cmd.name, "[flags] "+cmd.args)
	}
	p.Section("DESCRIPTION")
	p.Text(description)
	p.Section("COMMANDS")
	for _, cmd := range commands() {
		p.Subsection(strings.TrimSpace(cmd.name + " " + cmd.args))
		p.Text(strings.ToUpper(cmd.usage[:1]) + cmd.usage[1:] + ".")
		p.Text(cmd.text)
		for _, row := range append(cmd.arguments(), rowsOf(cmd.flags)...) {
			p.Entry(row[0], row[1])
		}
	}
	p.Section("FLAGS OF EVERY COMMAND")
	p.Text("Flags may come before or after the command and its arguments.")
	for _, row := range rowsOf(append(globalFlags(), cli.HelpFlag)) {
		p.Entry(row[0], row[1])
	}
	p.Section("EXIT STATUS")
	meanings, order := exit.Meanings()
	for _, m := range meanings {
		p.Entry(m.Code, m.Text)
	}
	p.Text(order)
	p.Section("FILES")
	p.Entry(config.DefaultFile, "the configuration, see mailallow.toml(5)")
	p.Entry(config.DefaultStateDir, "the last good state of every source, the history, the guard's memory, the lock, and the work that a run left unfinished")
	p.Entry("/etc/mail/access", "mailallow's lines between two markers; the others are the administrator's")
	p.Section("SEE ALSO")
	p.Text("mailallow.toml(5), makemap(8), cidr_table(5), systemd.timer(5)")
	return p.String()
}

func configPage() string {
	p := roff.New("mailallow.toml", "5", "the configuration of mailallow", "mailallow "+version)
	p.Section("DESCRIPTION")
	p.Text("The file is TOML. An unknown key is an error; the message gives its line and the nearest known key. Relative paths start at the directory of the file.")
	p.Text(initconfig.Actions())
	p.Text("Each key is shown with its default or an example.")
	p.Section("KEYS")
	for _, table := range config.Reference() {
		p.Subsection(table.Name)
		p.Text(table.Comment)
		for _, k := range table.Keys {
			p.Entry(k.Setting, k.Comment)
		}
	}
	p.Section("FILES")
	p.Entry(config.DefaultFile, "read unless -c names another")
	p.Section("SEE ALSO")
	p.Text("mailallow(1)")
	return p.String()
}
