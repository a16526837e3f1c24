package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/initconfig"
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
	p := newPage("mailallow", "1", programUsage)
	p.section("SYNOPSIS")
	for _, cmd := range commands() {
		p.synopsis("mailallow "+cmd.name, "[flags] "+cmd.args)
	}
	p.section("DESCRIPTION")
	p.text(description)
	p.section("COMMANDS")
	for _, cmd := range commands() {
		p.subsection(strings.TrimSpace(cmd.name + " " + cmd.args))
		p.text(strings.ToUpper(cmd.usage[:1]) + cmd.usage[1:] + ".")
		p.text(cmd.text)
		for _, row := range cmd.arguments() {
			p.entry(row[0], row[1])
		}
		p.flags(cmd.flags)
	}
	p.section("FLAGS OF EVERY COMMAND")
	p.text("Flags may come before or after the command and its arguments.")
	p.flags(append(globalFlags(), cli.HelpFlag))
	p.section("EXIT STATUS")
	meanings, order := exit.Meanings()
	for _, m := range meanings {
		p.entry(m.Code, m.Text)
	}
	p.text(order)
	p.section("FILES")
	p.entry(config.DefaultFile, "the configuration, see mailallow.toml(5)")
	p.entry(config.DefaultStateDir, "the last good state of every source, the guard's memory, the lock, and the work that a run left unfinished")
	p.entry("/etc/mail/access", "mailallow's lines between two markers; the others are the administrator's")
	p.section("SEE ALSO")
	p.text("mailallow.toml(5), makemap(8), cidr_table(5), systemd.timer(5)")
	return p.String()
}

func configPage() string {
	p := newPage("mailallow.toml", "5", "the configuration of mailallow")
	p.section("DESCRIPTION")
	p.text("The file is TOML. An unknown key is an error; the message gives its line and the nearest known key. Relative paths start at the directory of the file.")
	p.text(initconfig.Actions())
	p.text("Each key is shown with a value. A key behind a # may be left out; most of these values are the defaults.")
	p.section("KEYS")
	for _, table := range config.Reference() {
		p.subsection(table.Name)
		p.text(table.Comment)
		for _, k := range table.Keys {
			p.entry(k.Setting, k.Comment)
		}
	}
	p.section("FILES")
	p.entry(config.DefaultFile, "read unless -c names another")
	p.section("SEE ALSO")
	p.text("mailallow(1)")
	return p.String()
}
