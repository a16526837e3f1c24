package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// page is a page of the manual in the making, in the requests that groff's and mandoc's man(7) share.
type page struct {
	strings.Builder
	begun bool // something stands below the last heading: a paragraph of its own begins with a request
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

// synopsis is a line of its own: what is typed as it stands, then what it stands for.
func (p *page) synopsis(typed, rest string) {
	if p.begun {
		p.line(".br")
	}
	p.begun = true
	p.request("B", typed)
	p.line(roff(strings.TrimSpace(rest)))
}

// entry is a term and, indented below it, what is said of it.
func (p *page) entry(term, text string) {
	p.begun = true
	p.line(".TP")
	p.request("B", term)
	p.line(roff(text))
}

// text writes paragraphs. Lines that are indented stay as they are.
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
		p.entry(w.typed(), w.told())
	}
}

// words are what there is to say of a flag.
type words struct {
	names     []string // as they are typed
	value     string   // what stands for the value; empty: it takes none
	otherwise string   // the value where the flag is not given, if there is one
	usage     string
}

// flagWords takes a flag's texts apart. The flag library marks the value in the usage by backquotes.
func flagWords(f cli.Flag) words {
	var w words
	for _, name := range f.Names() {
		w.names = append(w.names, dashed(name))
	}
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return w
	}
	before, marked, found := strings.Cut(doc.GetUsage(), "`")
	value, after, _ := strings.Cut(marked, "`")
	w.usage = before + value + after
	if doc.TakesValue() {
		if w.value = value; !found {
			w.value = "VALUE"
		}
		w.otherwise = cmp.Or(doc.GetDefaultText(), doc.GetValue())
	}
	return w
}

// dashed is a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// typed is `-c, --config FILE`.
func (w words) typed() string {
	return strings.TrimSpace(strings.Join(w.names, ", ") + " " + w.value)
}

// told is what a flag does, and without it.
func (w words) told() string {
	if w.otherwise == "" {
		return w.usage
	}
	return w.usage + " (default: " + w.otherwise + ")"
}

// roff writes text so that it comes out as it is: nothing of it is a request or an escape, and hyphens and quotes can be
// copied from the page into a shell.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
