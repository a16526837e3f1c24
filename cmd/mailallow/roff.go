package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// page builds a page of the manual, in the requests that both groff and mandoc know
// (man(7)).
type page struct {
	strings.Builder
	begun bool // there is text below the last heading: the next paragraph needs a request
}

func newPage(name, section, summary string) *page {
	p := &page{}
	p.request("TH", strings.ToUpper(name), section, "", "mailallow "+version)
	p.section("NAME")
	p.line(roff(name) + ` \- ` + roff(summary))
	return p
}

// request writes a line that begins with a dot, its arguments quoted.
func (p *page) request(name string, args ...string) {
	p.WriteString("." + name)
	for _, arg := range args {
		p.WriteString(` "` + strings.ReplaceAll(roff(arg), `"`, `\(dq`) + `"`)
	}
	p.WriteString("\n")
}

func (p *page) line(text string) { fmt.Fprintln(p, text) }

func (p *page) section(title string) { p.heading("SH", title) }

func (p *page) subsection(title string) { p.heading("SS", title) }

func (p *page) heading(request, title string) {
	p.request(request, title)
	p.begun = false
}

func (p *page) paragraph() {
	if p.begun {
		p.line(".PP")
	}
	p.begun = true
}

// synopsis writes a line of its own: the literal words, then the placeholders.
func (p *page) synopsis(typed, rest string) {
	if p.begun {
		p.line(".br")
	}
	p.begun = true
	p.request("B", typed)
	p.line(roff(strings.TrimSpace(rest)))
}

// entry writes a term with its text indented below.
func (p *page) entry(term, text string) {
	p.begun = true
	p.line(".TP")
	p.request("B", term)
	p.line(roff(text))
}

// text writes paragraphs. Indented lines stay as they are.
func (p *page) text(text string) {
	for _, part := range paragraphs(text) {
		p.paragraph()
		if part.verbatim {
			p.line(".EX")
		}
		for _, line := range part.lines {
			p.line(roff(line))
		}
		if part.verbatim {
			p.line(".EE")
		}
	}
}

func (p *page) flags(flags []cli.Flag) {
	for _, f := range flags {
		w := flagWords(f)
		p.entry(w.typed(), w.explained())
	}
}

// escapes builds its table on first use, and one of its own for every line would be most of the work for a page.
var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// roff escapes a text, so that no part of it is a request or an escape, and people can
// copy hyphens and quotes from the page into a shell.
func roff(text string) string {
	text = escapes.Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
