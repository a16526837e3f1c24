// Package docs holds the pages for readers of the README who want more. Its tests read the pages as a person does: they run
// each command that a page shows on a host of the test's own and compare the output, and look for each file, flag and name.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// page is a page of Markdown, taken apart.
type page struct {
	path     string // from the top of the repository
	source   []byte
	steps    []step
	spans    []string // text in backquotes
	links    []string
	headings []string
}

// step is a part of a page that a test does something with: a fenced block, or a comment that HTML does not show. A comment
// holds a word, a colon and what the word is about:
//
//	host: NAME                the page is run on a host with this mail server, sendmail or postfix
//	dns: ZONE... !NAME...     from here on the DNS has these zones, and does not answer about these names
//	dns2: ZONE... !NAME...    the same of a second DNS server, at 127.0.0.2
//	first: COMMANDS           what a shell runs before the next block
//	terminal: N               the next block is what a terminal of so many columns shows
//	exit: N                   how the last command of the next block ends
//	shape: COMMAND            the next block has the members of the JSON that the command writes
type step struct {
	kind       string // the word; or of a block its language, as ``` has it
	text       string
	start, end int // of the text in the source
}

// blocks are the languages of blocks that a test reads; what is in another says nothing of mailallow.
func blocks() []string { return []string{"console", "sh", "toml", "json", "yaml", "text", "go"} }

func comments() []string {
	return []string{"host", "dns", "dns2", "first", "terminal", "exit", "shape"}
}

// pages reads every page of the project for people.
func pages(t *testing.T) []page {
	t.Helper()
	paths, err := filepath.Glob("*.md")
	if err != nil || len(paths) < 10 {
		t.Fatalf("pages: %q, %v", paths, err)
	}
	for i := range paths {
		paths[i] = "docs/" + paths[i]
	}
	var all []page
	for _, path := range append(paths, "README.md", "CONTRIBUTING.md") {
		all = append(all, readPage(t, path))
	}
	return all
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	source, err := os.ReadFile("../" + path)
	if err != nil {
		t.Fatal(err)
	}
	p := page{path: path, source: source}
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	err = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			p.add(t, n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *page) add(t *testing.T, n ast.Node) {
	t.Helper()
	switch n := n.(type) {
	case *ast.FencedCodeBlock:
		s := step{kind: string(n.Language(p.source))}
		if !slices.Contains(blocks(), s.kind) {
			t.Errorf("%s: a block in the language %q, which no test reads", p.path, s.kind)
		}
		s.start, s.end = extent(n.Lines())
		s.text = string(p.source[s.start:s.end])
		p.steps = append(p.steps, s)
	case *ast.CodeBlock:
		t.Errorf("%s: a block without a fence, which no test reads: %.60q", p.path, n.Lines().Value(p.source))
	case *ast.HTMLBlock:
		whole := string(n.Lines().Value(p.source))
		if n.HasClosure() {
			whole += string(n.ClosureLine.Value(p.source))
		}
		comment := regexp.MustCompile(`(?s)^<!-- (\w+): (.*?)\s*-->\s*$`).FindStringSubmatch(whole)
		if comment == nil || !slices.Contains(comments(), comment[1]) {
			t.Errorf("%s: HTML that no test reads: %.60q", p.path, whole)
			return
		}
		p.steps = append(p.steps, step{kind: comment[1], text: comment[2]})
	case *ast.CodeSpan:
		var span strings.Builder
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			span.Write(c.(*ast.Text).Segment.Value(p.source))
		}
		p.spans = append(p.spans, span.String())
	case *ast.Link:
		p.links = append(p.links, string(n.Destination))
	case *ast.Heading:
		p.headings = append(p.headings, string(n.Lines().Value(p.source)))
	}
}

// extent is where the lines of a block begin and end in the source.
func extent(lines *text.Segments) (start, end int) {
	if lines.Len() == 0 {
		return 0, 0
	}
	return lines.At(0).Start, lines.At(lines.Len() - 1).Stop
}

// of are the blocks of a language.
func (p page) of(language string) (texts []string) {
	for _, s := range p.steps {
		if s.kind == language {
			texts = append(texts, s.text)
		}
	}
	return texts
}
