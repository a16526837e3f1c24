package document

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
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

// Selected runs a query over a JSON document. Every result must be a string that
// is an address or a network, or an array of such strings. null is an error too,
// because a query gives null after the document has changed its structure.
// maxValues bounds the values of the document, and maxSteps the steps of the query.
func (r Reader) Selected(ctx context.Context, body []byte, query string, maxValues, maxSteps int) error {
	code, err := compileSelect(query)
	if err != nil {
		return err
	}
	doc, err := decodeJSON(body, maxValues)
	if err != nil {
		return err
	}
	s := selection{Reader: r, query: ascii.Line("select " + strings.Join(strings.Fields(query), " "))}
	s.path = provenance.Of(r.Name, s.query)
	limited := &stepLimit{Context: ctx, left: maxSteps, max: maxSteps}
	for results := code.RunWithContext(limited, doc); len(s.failed) < maxMistakes; {
		result, more := results.Next()
		if !more {
			break
		}
		if err, failed := result.(error); failed {
			s.fail(errors.New(ascii.Excerpt(err.Error())))
			break // jq gives no results after an error
		}
		if err := s.take(result); err != nil {
			return err
		}
	}
	return errors.Join(s.failed...)
}

// decodeJSON reads one document. It counts the values first, since a value takes
// many times the memory of its text.
func decodeJSON(body []byte, maxValues int) (any, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if !utf8.Valid(body) {
		return nil, errors.New("select: the document is not JSON: it is not UTF-8")
	}
	if countValues(body) > maxValues {
		return nil, fmt.Errorf("select: the document has more than %d values", maxValues)
	}
	var doc any
	err := json.Unmarshal(body, &doc)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(body[:min(int(syntax.Offset), len(body))], []byte("\n"))
		return nil, fmt.Errorf("select: the document is not JSON: line %d: %w", line, err)
	}
	if err != nil {
		return nil, fmt.Errorf("select: the document is not JSON: %s", ascii.Excerpt(err.Error()))
	}
	return doc, nil
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

// selection turns results into ranges.
type selection struct {
	Reader
	query  string // as messages name it
	path   *provenance.Path
	failed []error
}

func (s *selection) fail(err error) {
	s.failed = append(s.failed, fmt.Errorf("%s: %w", s.query, err))
}

// take adds a result to the ranges, or a mistake to failed. It returns an error
// only past the bound of ranges.
func (s *selection) take(result any) error {
	switch v := result.(type) {
	case []any:
		for _, element := range v {
			if err := s.take(element); err != nil || len(s.failed) >= maxMistakes {
				return err
			}
		}
		return nil
	case string:
		if len(v) > maxWord {
			v = v[:maxWord] + "..." // no network is as long: ParseCIDR must fail
		}
		p, note, err := ParseCIDR(v)
		if err != nil {
			s.fail(err)
			return nil
		}
		if note != "" {
			s.Problem("canonicalised", func() string { return fmt.Sprintf("%s: %s: %s", s.Name, s.query, note) })
		}
		return s.Add(p, s.path)
	}
	text := "null"
	if _, object := result.(map[string]any); object {
		text = "an object"
	} else if result != nil {
		text = ascii.Excerpt(fmt.Sprint(result))
	}
	s.fail(fmt.Errorf("gives %s, not an address or a network", text))
	return nil
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
	return fmt.Errorf("not done after %d steps", l.max)
}
