// Package roff writes pages of the manual in the requests that both groff and mandoc know
// (man(7)). It does not know what they say.
package roff

import (
	"fmt"
	"strings"

	"mailallow/cmd/mailallow/internal/terminal"
)

// Page is a page of the manual. String gives its text.
type Page struct {
	strings.Builder
	begun bool // there is text below the last heading: the next paragraph needs a request
}

// New begins a page in a section of the manual. source is the program and its version.
func New(name, section, summary, source string) *Page {
	p := &Page{}
	p.line(".nr HY 0") // groff divides no word: people copy them into a shell
	p.request("TH", strings.ToUpper(name), section, "", source)
	p.Section("NAME")
	p.line(escape(name) + ` \- ` + escape(summary))
	return p
}

// request writes a line that begins with a dot, its arguments quoted.
func (p *Page) request(name string, args ...string) {
	p.WriteString("." + name)
	for _, arg := range args {
		p.WriteString(` "` + strings.ReplaceAll(escape(arg), `"`, `\(dq`) + `"`)
	}
	p.WriteString("\n")
}

func (p *Page) line(text string) { fmt.Fprintln(p, text) }

// Section begins a section.
func (p *Page) Section(title string) { p.heading("SH", title) }

// Subsection begins a part of a section.
func (p *Page) Subsection(title string) { p.heading("SS", title) }

func (p *Page) heading(request, title string) {
	p.request(request, title)
	p.begun = false
}

func (p *Page) paragraph() {
	if p.begun {
		p.line(".PP")
	}
	p.begun = true
}

// Synopsis writes a line of its own: the literal words, then the placeholders.
func (p *Page) Synopsis(typed, rest string) {
	if p.begun {
		p.line(".br")
	}
	p.begun = true
	p.request("B", typed)
	p.line(escape(strings.TrimSpace(rest)))
}

// Entry writes a term with its text indented below.
func (p *Page) Entry(term, text string) {
	p.begun = true
	p.line(".TP")
	p.request("B", term)
	p.line(escape(text))
}

// Text writes paragraphs. Indented lines stay as they are.
func (p *Page) Text(text string) {
	for _, part := range terminal.Paragraphs(text) {
		p.paragraph()
		if part.Verbatim {
			p.line(".EX")
		}
		for _, line := range part.Lines {
			p.line(escape(line))
		}
		if part.Verbatim {
			p.line(".EE")
		}
	}
}

// escapes builds its table on first use, and one of its own for every line would be most of the work for a page.
var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// escape escapes a text, so that no part of it is a request or an escape, and people can
// copy hyphens and quotes from the page into a shell.
func escape(text string) string {
	text = escapes.Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
