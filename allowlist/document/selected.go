package document

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/notation"
)

// CheckSelect compiles a jq query and returns its first error. A query cannot
// use modules, the environment or further inputs.
func CheckSelect(query string) error {
	_, err := compileSelect(query)
	return err
}

func compileSelect(query string) (*gojq.Code, error) {
	parsed, err := gojq.Parse(query)
	if err != nil {
		return nil, fmt.Errorf("select: not a jq query: %w", err)
	}
	code, err := gojq.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("select: %w", err)
	}
	return code, nil
}

// Selected runs a query over a JSON document, or over each document of JSON Lines. Every result must be a string that is an
// address or a network in one of its dresses, or an array of such strings. null is an error too, because a query gives null
// after the document has changed its structure. maxValues bounds the values of all documents, and maxSteps the steps of the
// query over them. With an error, some ranges may have been added.
func (r Reader) Selected(ctx context.Context, body []byte, query string, maxValues, maxSteps int) error {
	code, err := compileSelect(query)
	if err != nil {
		return err
	}
	docs, err := r.decodeJSON(body, maxValues)
	if err != nil {
		return err
	}
	s := selection{Reader: r, query: Step(query)}
	limited := &stepLimit{Context: ctx, left: maxSteps, max: maxSteps}
	for _, doc := range docs {
		if err := s.run(limited, code, doc); err != nil {
			return err
		}
		if s.mistakes >= maxMistakes {
			break
		}
	}
	return errors.Join(s.failed...)
}

// run takes the results for one document.
func (s *selection) run(ctx context.Context, code *gojq.Code, doc any) error {
	for results := code.RunWithContext(ctx, doc); s.mistakes < maxMistakes; {
		result, more := results.Next()
		if !more {
			return nil
		}
		if err, failed := result.(error); failed {
			s.fail(errors.New(ascii.Excerpt(err.Error())))
			return nil // jq gives no results after an error
		}
		if err := s.take(result); err != nil {
			return err
		}
	}
	return nil
}

// decodeJSON reads one document, or several one after the other. It counts the values first, since a value takes many times
// the memory of its text.
func (r Reader) decodeJSON(body []byte, maxValues int) (docs []any, err error) {
	if body, err = r.decode(body, ""); err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, errors.New("select: the document is not JSON: it is not UTF-8")
	}
	if countValues(body) > maxValues {
		return nil, fmt.Errorf("select: the document has more than %s values", ascii.Count(maxValues))
	}
	var doc any
	if json.Unmarshal(body, &doc) == nil {
		return []any{doc}, nil
	}
	for stream := json.NewDecoder(bytes.NewReader(body)); ; docs = append(docs, doc) {
		doc = nil
		before := stream.InputOffset()
		err := stream.Decode(&doc)
		switch {
		case err == nil && len(docs) < maxValues:
			continue
		case err == nil:
			return nil, fmt.Errorf("select: the document has more than %s values", ascii.Count(maxValues))
		case err == io.EOF && len(docs) > 0:
			return docs, nil
		}
		return nil, notJSON(body[before:], bytes.Count(body[:before], []byte("\n")), err)
	}
}

// notJSON gives the error of the document in rest, which begins after so many lines.
func notJSON(rest []byte, lines int, err error) error {
	const what = "select: the document is not JSON: "
	var doc any
	again := json.Unmarshal(rest, &doc)
	if syntax, ok := errors.AsType[*json.SyntaxError](again); ok {
		lines += 1 + bytes.Count(rest[:min(int(syntax.Offset), len(rest))], []byte("\n"))
		return fmt.Errorf(what+"line %d: %w", lines, syntax)
	}
	return errors.New(what + ascii.Excerpt(err.Error()))
}

// countValues counts keys and values, and never too few: before each but the
// first is a comma, a bracket, a brace or a colon.
func countValues(doc []byte) int {
	count, quoted := 1, false
	for i := 0; i < len(doc); i++ {
		switch doc[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ',', '[', '{', ':':
			if !quoted {
				count++
			}
		}
	}
	return count
}

// Step gives a query as a path and a message name it.
func Step(query string) string {
	return ascii.Line("select " + strings.Join(strings.Fields(query), " "))
}

// selection turns results into ranges.
type selection struct {
	Reader
	query    string // as messages name it
	mistakes int
	failed   []error // the mistakes, each once
}

func (s *selection) fail(err error) {
	s.mistakes++
	text := s.query + ": " + err.Error()
	if !slices.ContainsFunc(s.failed, func(before error) bool { return before.Error() == text }) {
		s.failed = append(s.failed, errors.New(text))
	}
}

// take adds a result to the ranges, or a mistake to failed. It returns an error
// only past the bound of ranges.
func (s *selection) take(result any) error {
	switch v := result.(type) {
	case []any:
		for _, element := range v {
			if err := s.take(element); err != nil || s.mistakes >= maxMistakes {
				return err
			}
		}
		return nil
	case string:
		return s.read(v)
	}
	text := "null, not an address or a network: with // empty at its end it passes over entries that have none"
	if _, object := result.(map[string]any); object {
		text = "an object, not an address or a network"
	} else if result != nil {
		text = ascii.Excerpt(fmt.Sprint(result)) + ", not an address or a network"
	}
	s.fail(errors.New("gives " + text))
	return nil
}

// read reads a string: an address or a network in one of its dresses.
func (s *selection) read(text string) error {
	p, note, err := notation.ParseCIDR(text)
	if err == nil {
		if note != "" {
			s.Problem("canonicalised", func() string { return fmt.Sprintf("%s: %s: %s", s.Name, s.query, note) })
		}
		return s.Add(p, 0)
	}
	var full error // the bound of ranges, which ends the reading: a string of a few megabytes can name millions of networks
	added := 0
	strict := s.Reader.Reader
	strict.Strict = true
	strict.Add = func(p netip.Prefix, _ int) error {
		added++
		full = s.Add(p, 0)
		return full
	}
	mistakes := strict.Read([]byte(text), notation.Layout{Lines: true})
	if full == nil && (mistakes != nil || added == 0) {
		s.fail(err)
	}
	return full
}

// stepLimit ends a query after a number of steps. The jq machine calls Done
// before each step and nowhere else, so the bound is the same on every host. A
// time limit alone would not bound the memory of [range(1e12)].
type stepLimit struct {
	context.Context
	left, max int
}

// Done counts one step.
func (l *stepLimit) Done() <-chan struct{} {
	if l.left > 0 {
		l.left--
		return l.Context.Done()
	}
	ended := make(chan struct{})
	close(ended)
	return ended
}

// Err gives the error of the bound that ended the query.
func (l *stepLimit) Err() error {
	if err := l.Context.Err(); err != nil || l.left > 0 {
		return err
	}
	return fmt.Errorf("not done after %s steps", ascii.Count(l.max))
}
