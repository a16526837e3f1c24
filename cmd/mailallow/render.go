package main

import (
	"strings"
	"sync"

	"mailallow/accessmap"

	"github.com/urfave/cli/v2"
)

var renderText = sync.OnceValue(func() string {
	const indent = "  "
	var rows [][]string
	for _, f := range accessmap.Formats() {
		rows = append(rows, []string{f.Name, f.Summary})
	}
	text := "Writes the list in one format to stdout. No target is needed and nothing is changed.\n\nFormats:\n"
	for _, lines := range layout(helpWidth-len(helpIndent+indent), rows) {
		text += indent + strings.Join(lines, "\n"+indent) + "\n"
	}
	return text
})

func render(t *terminal, c *cli.Context) error {
	if c.NArg() != 1 {
		return usageError("render takes one FORMAT, and there are %d; 'mailallow render --help' lists them", c.NArg())
	}
	format, err := accessmap.FormatByName(c.Args().First())
	if err != nil {
		return usageError("%w", err)
	}
	r, err := loadRequest(t, c)
	if err != nil {
		return err
	}
	if t.json && format.Name != "json" {
		return usageError("render %s: with --json the format is json", format.Name)
	}
	list, err := r.resolve(c.Context, t)
	if err != nil {
		return err
	}
	r.warnSources(t, list)
	if list.barred != "" {
		return list.refused()
	}
	if _, err := format.Write(t.stdout, list.set.Spans(), accessmap.Selection{}); err != nil {
		return err
	}
	t.documented = true // the json format is the document
	return outcome(list.codes()...)
}
