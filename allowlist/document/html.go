package document

import (
	"bytes"
	stdhtml "html"
	"mime"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/net/html"

	"mailallow/allowlist/notation"
	"mailallow/allowlist/pattern"
)

// isHTML reports whether a text is a page: the server calls it HTML, and it has a tag, or it begins like HTML. Text is often
// served as text/html, which is the default of PHP.
func isHTML(text []byte, contentType string) bool {
	if t, _, _ := mime.ParseMediaType(http.DetectContentType(text)); t == "text/html" {
		return true
	}
	t, _, _ := mime.ParseMediaType(contentType)
	return (t == "text/html" || t == "application/xhtml+xml") && hasTag(text)
}

// hasTag reports whether a text has a tag of HTML, and not only a < as in <postmaster@example.net>.
func hasTag(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 {
			return false
		}
		text = bytes.TrimPrefix(text[i+1:], []byte("/"))
		name := text
		if end := bytes.IndexAny(text[:min(len(text), len("blockquote")+1)], " \t\r\n/>"); end >= 0 {
			name = text[:end]
		}
		if elements()[string(bytes.ToLower(name[:min(len(name), len("blockquote")+1)]))] != 0 {
			return true
		}
	}
}

// place is how a browser shows an element, as far as a reader of lists is concerned.
type place byte

const (
	apart  place = 1 + iota // as words of their own
	inline                  // without a break around it: 192.0.2.<b>1</b> is one word
	note                    // as a note, whose number is no size of the address before it
	line                    // on lines of its own
	block                   // likewise, and it gives the page a layout
	term                    // a block that the cell behind it belongs to
	table
	cell
	hidden // not at all; the tokenizer gives its content as one text
	struck // struck out
)

// elements are the elements of HTML; an unknown one is apart.
var elements = sync.OnceValue(func() map[string]place {
	all := map[string]place{}
	for where, names := range map[place]string{
		apart:  "meta link img input label option select button",
		inline: "a abbr b bdi bdo big cite code data dfn em font i ins kbd mark nobr q samp small span strong tt u var wbr",
		note:   "sup sub",
		line:   "html head title body pre br",
		block: "main header footer nav section article aside address p div center hr ul ol li dl h1 h2 h3 h4 h5 h6 blockquote " +
			"form fieldset textarea caption thead tbody tfoot tr",
		term:   "dt",
		table:  "table",
		cell:   "td th dd",
		hidden: "iframe noembed noframes noscript script style",
		struck: "del s strike",
	} {
		for name := range strings.FieldsSeq(names) {
			all[name] = where
		}
	}
	return all
})

// htmlMarker turns a page into text with marks.
type htmlMarker struct {
	out    bytes.Buffer
	layout bool   // the page is more than lines of text
	lines  int    // ends of lines in markup; they are written at the next blank, so that they cut no word
	line   int    // of the source
	hidden bool   // in an element that is not shown
	struck string // the element that strikes the text out, or empty
	depth  int    // of elements of that name
	since  int    // the line on which it begins
}

// markHTML gives the words that a browser shows of a page, each on its line of the source.
func markHTML(text []byte) *htmlMarker {
	m := &htmlMarker{line: 1}
	m.out.Grow(len(text))
	for z := html.NewTokenizer(bytes.NewReader(text)); ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return m
		case html.TextToken:
			m.text(z.Raw())
		default:
			raw := z.Raw()
			lines := bytes.Count(raw, []byte("\n"))
			name, attributes := z.TagName()
			m.lines += lines
			m.tag(kind, name, attributes && strikes().Match(raw))
			m.line += lines
		}
	}
}

// strikes matches a tag whose style strikes its text out. The tokenizer could split the attributes, but then the program
// would build the tokenizer's tables of entities at each start.
var strikes = pattern.New(`(?is)^<(?:[^"']|"[^"]*"|'[^']*')*?(?:[\s/]|"[^"]*"|'[^']*')style\s*=\s*` +
	`(?:"[^"]*line-through|'[^']*line-through|[^\s"'>]*line-through)`)

func (m *htmlMarker) text(raw []byte) {
	for len(raw) > 0 {
		line, end := raw, bytes.IndexByte(raw, '\n')
		if end >= 0 {
			line = raw[:end]
		}
		if !m.hidden && m.struck == "" {
			m.write(unescape(line))
		}
		if end < 0 {
			return
		}
		m.line++
		m.write([]byte{'\n'})
		raw = raw[end+1:]
	}
}

// unescape gives a line as a browser reads it, without marks. A line break written as an entity begins no line of the source.
func unescape(line []byte) []byte {
	if bytes.IndexByte(line, '&') >= 0 {
		line = []byte(stdhtml.UnescapeString(string(line)))
	}
	if bytes.IndexFunc(line, isHidden) < 0 {
		return line
	}
	return bytes.Map(func(c rune) rune {
		if isHidden(c) {
			return ' '
		}
		return c
	}, line)
}

func isHidden(c rune) bool { return c == '\n' || c < ' ' && notation.IsMark(byte(c)) }

func (m *htmlMarker) write(text []byte) {
	if m.lines > 0 {
		if i := bytes.IndexFunc(text, func(c rune) bool { return c <= ' ' }); i >= 0 {
			m.out.Write(text[:i])
			for ; m.lines > 0; m.lines-- {
				m.out.WriteByte('\n')
			}
			text = text[i:]
		}
	}
	m.out.Write(text)
}

func (m *htmlMarker) tag(kind html.TokenType, name []byte, strikes bool) {
	if len(name) == 0 { // a comment or a doctype
		return
	}
	where, begins := elements()[string(name)], kind == html.StartTagToken
	m.hidden = kind != html.EndTagToken && where == hidden
	m.layout = m.layout || where == block || where == term || where == table
	switch {
	case m.struck == string(name) && begins:
		m.depth++
	case m.struck == string(name) && kind == html.EndTagToken:
		if m.depth--; m.depth == 0 {
			m.struck = ""
		}
	case m.struck == "" && begins && (where == struck || strikes && !isVoid(string(name))):
		m.struck, m.depth, m.since = string(name), 1, m.line
	}
	m.write([]byte(around(where, begins)))
}

// around gives the text that takes the place of a tag. Cells are counted by their beginnings.
func around(where place, begins bool) string {
	switch where {
	case inline:
		return ""
	case note:
		return map[bool]string{true: " [", false: "] "}[begins]
	case line, block:
		return string(rune(notation.RecordMark))
	case table:
		return string(rune(notation.TableMark))
	case term:
		if begins {
			return string(rune(notation.RecordMark))
		}
	case cell:
		if begins {
			return string(rune(notation.CellMark))
		}
	}
	return " "
}

// isVoid reports whether an element has no content.
func isVoid(name string) bool {
	return name == "br" || name == "hr" || name == "img" || name == "input" || name == "wbr"
}
