// Package document takes the text out of documents: gzip, UTF-16, web pages and JSON become text with marks, in which package
// notation reads the networks; jq queries select them. It takes bytes and knows no source, no server and no file; its
// callers bound the number of networks and of problems.
package document

import (
	"bytes"
	"fmt"

	"mailallow/allowlist/notation"
)

// Reader reads one document.
type Reader struct {
	notation.Reader
	MaxBytes int64 // of the text that a compressed document holds
}

// maxMistakes bounds the mistakes of one document that an error lists.
const maxMistakes = 20

// Text adds every address and network of a document, as notation.Reader does of a text. JSON is read by its structure, and a
// page as a browser shows it, without what is struck out. Any other document is text, and so is one that is called HTML and
// has no tag. A strict list is always text.
func (r Reader) Text(body []byte, contentType string) error {
	text, err := r.decode(body, contentType)
	switch {
	case err != nil && r.Strict:
		return fmt.Errorf("%s: %w", r.Name, err) // as the mistakes of its lines begin
	case err != nil:
		return err
	case r.Strict:
	case isJSON(text):
		return r.Read(markJSON(text), notation.Layout{Marks: true})
	case isHTML(text, contentType):
		return r.page(text)
	}
	if !r.Strict && bytes.IndexByte(text, '&') >= 0 { // &ndash; of Markdown, or of HTML without a tag
		m := htmlMarker{}
		m.text(text)
		text = m.out.Bytes()
	}
	return r.Read(text, notation.Layout{Lines: true, Comments: true})
}

// page reads a page. One without a layout is lines of text, which may have comments.
func (r Reader) page(text []byte) error {
	page := markHTML(text)
	if page.struck != "" {
		r.Problem("skipped", func() string {
			return fmt.Sprintf("%s:%d: left out: all that follows is struck out, because <%s> has no end", r.Name, page.since, page.struck)
		})
	}
	return r.Read(page.out.Bytes(), notation.Layout{Marks: true, Lines: !page.layout, Comments: !page.layout})
}
