package report

import (
	_ "embed"
	"html/template"
	"io"

	"mailallow/cmd/mailallow/internal/terminal"
)

//go:embed page.html
var pageText string

//go:embed page.css
var styleText string

// write writes the page. html/template escapes every text by its place; before that, characters that show as nothing, or turn
// the direction of what follows, become visible, as on a terminal.
func (p *page) write(w io.Writer) error {
	shown, err := template.New("page").Funcs(template.FuncMap{
		"t":     text,
		"style": func() template.CSS { return template.CSS(styleText) },
		"grouped": func(n any) string {
			switch n := n.(type) {
			case int:
				return terminal.Grouped(uint64(n))
			case uint32:
				return terminal.Grouped(uint64(n))
			case uint64:
				return terminal.Grouped(n)
			}
			return ""
		},
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return shown.Execute(w, p)
}

// text gives a name that others chose as the page shows it.
func text(s string) string { return terminal.Clean(shortened(s)) }
