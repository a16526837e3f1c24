package document

import (
	"bytes"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/net/html"
)

// isHTML reports whether the server calls the document HTML or its text begins
// like HTML.
func isHTML(body []byte, contentType string) bool {
	for _, t := range []string{contentType, http.DetectContentType(body)} {
		if t, _, _ := mime.ParseMediaType(t); t == "text/html" || t == "application/xhtml+xml" {
			return true
		}
	}
	return false
}

// isInline reports whether a browser shows the element without a break around it:
// 192.0.2.<b>1</b> is one word. sup and sub are left out because they hold notes.
func isInline(tag []byte) bool {
	switch string(tag) {
	case "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em", "font", "i", "ins", "kbd", "mark",
		"nobr", "q", "s", "samp", "small", "span", "strong", "tt", "u", "var", "wbr":
		return true
	}
	return false
}

// isHidden reports whether a browser does not show the content of the element.
// The tokenizer gives this content as one text token.
func isHidden(tag []byte) bool {
	switch string(tag) {
	case "iframe", "noembed", "noframes", "noscript", "script", "style":
		return true
	}
	return false
}

// visibleText gives the words that a browser shows of an HTML document, each on
// its line of the source.
func visibleText(body []byte) []byte {
	var out bytes.Buffer
	lines := 0 // ends of lines in markup; they are written at the next blank, so that they cut no word
	write := func(s string) {
		if i := strings.IndexAny(s, " \t\r\n"); i >= 0 && lines > 0 {
			out.WriteString(s[:i] + strings.Repeat("\n", lines))
			s, lines = s[i:], 0
		}
		out.WriteString(s)
	}
	hidden := false
	for z := html.NewTokenizer(bytes.NewReader(body)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out.Bytes()
		}
		raw := z.Raw()
		if kind == html.TextToken && !hidden {
			for i, line := range strings.Split(string(raw), "\n") {
				if i > 0 {
					write("\n")
				}
				// A line break written as an entity begins no line of the source.
				write(strings.ReplaceAll(html.UnescapeString(line), "\n", " "))
			}
			continue
		}
		lines += bytes.Count(raw, []byte("\n"))
		if name, _ := z.TagName(); len(name) > 0 {
			hidden = kind != html.EndTagToken && isHidden(name)
			if !isInline(name) {
				write(" ")
			}
		}
	}
}
