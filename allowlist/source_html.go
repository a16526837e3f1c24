package allowlist

import (
	"bytes"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/net/html"
)

// isHTML believes a server that says so, and a document that looks like it.
func isHTML(body []byte, contentType string) bool {
	for _, t := range []string{contentType, http.DetectContentType(body)} {
		if t, _, _ := mime.ParseMediaType(t); t == "text/html" || t == "application/xhtml+xml" {
			return true
		}
	}
	return false
}

// isInline knows the elements that a browser shows without a break around them:
// 192.0.2.<b>1</b> is one word. sup and sub are not among them: they hold notes.
func isInline(tag []byte) bool {
	switch string(tag) {
	case "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em", "font", "i", "ins", "kbd", "mark",
		"nobr", "q", "s", "samp", "small", "span", "strong", "tt", "u", "var", "wbr":
		return true
	}
	return false
}

// isHidden knows the elements of whose content the tokenizer makes one text that
// is not for reading.
func isHidden(tag []byte) bool {
	switch string(tag) {
	case "iframe", "noembed", "noframes", "noscript", "script", "style":
		return true
	}
	return false
}

// visibleText is what a browser shows of an HTML document, as far as words go,
// with its words on the lines they have in the source.
func visibleText(body []byte) []byte {
	var out bytes.Buffer
	lines := 0 // of markup passed over; written where the text has a blank, since a word may go on
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
				// A line break by entity is a blank that the source has no line for.
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
