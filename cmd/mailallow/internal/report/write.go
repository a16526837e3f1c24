package report

import (
	_ "embed"
	"html"
	"strings"

	"mailallow/cmd/mailallow/internal/terminal"
)

//go:embed page.css
var styleText markup

// markup is HTML. It comes from a constant of this package or from put: a name that others chose becomes part of it through put
// alone. Package html/template is not used, because templates call methods by name, so that the linker would keep every
// exported method in the program.
type markup string

// put writes texts in place of the bytes % of a form, as text: in an element, or in an attribute between double quotes.
func put(form markup, texts ...string) markup {
	length := len(form)
	for _, s := range texts {
		length += len(s)
	}
	var b strings.Builder
	b.Grow(length) // what is escaped takes more
	for _, s := range texts {
		before, after, _ := strings.Cut(string(form), "%")
		b.WriteString(before)
		b.WriteString(html.EscapeString(s))
		form = markup(after)
	}
	b.WriteString(string(form))
	return markup(b.String())
}

// text gives a name that others chose as the page shows it: characters that show as nothing, or turn the direction of what follows,
// become visible, as on a terminal.
func text(s string) string { return terminal.Clean(shortened(s, maxName)) }

// sentence gives a message, or a command to paste, which is of no use when it is cut off.
func sentence(s string) string { return terminal.Clean(shortened(s, maxSentence)) }

// list makes one markup of those of the elements.
func list[E any](all []E, each func(E) markup) markup {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(string(each(e)))
	}
	return markup(b.String())
}

// when gives m if there is something to say.
func when(something bool, m markup) markup {
	if something {
		return m
	}
	return ""
}

// more says how many elements the page leaves out: an "and %d more" in a paragraph, with a rest of the sentence.
func more(n int, rest markup) markup {
	return when(n > 0, put("\n<p>and % more", grouped(n))+rest+"</p>")
}

func grouped[N int | uint32 | uint64](n N) string { return terminal.Grouped(uint64(n)) }

// table is a table with a heading. On a narrow screen each cell is below the one before it, with the title of its column.
type table []column

type column struct {
	title  markup
	number bool
}

// columns makes a table of the titles of its columns; those of numbers begin with #.
func columns(titles ...markup) (t table) {
	for _, title := range titles {
		name, number := strings.CutPrefix(string(title), "#")
		t = append(t, column{markup(name), number})
	}
	return t
}

// of gives the table with its rows.
func (t table) of(rows markup) markup {
	heading := list(t, func(c column) markup { return "<th" + when(c.number, ` class="n"`) + ">" + c.title + "</th>" })
	return "\n<table class=\"wide\"><thead><tr>" + heading + "</tr></thead>\n<tbody>" + rows + "\n</tbody></table>"
}

// cell is what a row has in a column, and the class of its look.
type cell struct {
	shown markup
	class string
}

// plain makes a cell of a text.
func plain(s string) cell { return cell{shown: put("%", s)} }

// row gives a row, with a cell for each column.
func (t table) row(cells ...cell) markup {
	m := markup("\n<tr>")
	for i, c := range cells {
		m += "<td" + when(t[i].number, ` class="n"`) + ` data-l="` + t[i].title + `"` + when(c.class != "", put(` class="%"`, c.class)) + ">" + c.shown + "</td>"
	}
	return m + "</tr>"
}
