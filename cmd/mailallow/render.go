package main

import (
	"strings"
	"sync"

	"mailallow/accessmap"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

var renderText = sync.OnceValue(func() string {
	const indent = "  "
	var rows [][]string
	for _, f := range accessmap.Formats() {
		rows = append(rows, []string{f.Name, f.Summary})
	}
	text := "Writes the list in one format to stdout. No target is needed and nothing is changed.\n\nFormats:\n"
	for _, lines := range terminal.Layout(helpWidth-len(helpIndent+indent), rows) {
		text += indent + strings.Join(lines, "\n"+indent) + "\n"
	}
	return text
})

func render(t *terminal.Terminal, c *cli.Context) error {
	if c.NArg() != 1 {
		return exit.Usagef("render takes one FORMAT, and there are %d; 'mailallow render --help' lists them", c.NArg())
	}
	format, err := accessmap.FormatByName(c.Args().First())
	if err != nil {
		return exit.Usagef("%w", err)
	}
	r, err := loadRequest(t, c)
	if err != nil {
		return err
	}
	if t.JSON && format.Name != "json" {
		return exit.Usagef("render %s: with --json the format is json", format.Name)
	}
	list, err := r.resolve(c.Context, t)
	if err != nil {
		return err
	}
	r.warnSources(t, list)
	if list.barred != "" {
		return list.refused()
	}
	if _, err := format.Write(t.Take(), list.set.Spans(), accessmap.Selection{}); err != nil {
		return err
	}
	return exit.Outcome(list.codes()...)
}
