package allowlist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// CheckSelect tells what is wrong with a jq query before anything is fetched.
// Modules, the environment and further inputs are not there for a query.
func CheckSelect(query string) error {
	_, err := compileSelect(query)
	return err
}

func compileSelect(query string) (*gojq.Code, error) {
	parsed, err := gojq.Parse(query)
	if err != nil {
		return nil, fmt.Errorf("select: no jq query: %w", err)
	}
	code, err := gojq.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("select: %w", err)
	}
	return code, nil
}

// selected runs a query over a JSON document. Every string it gives must be an
// address or network, in arrays too; any other result is an error, null above
// all: it is what a document gives once it has changed its shape.
func (w Web) selected(ctx context.Context, f *finding, body []byte, query string) error {
	code, err := compileSelect(query)
	if err != nil {
		return err
	}
	doc, err := decodeJSON(body, w.MaxValues)
	if err != nil {
		return err
	}
	s := selection{finding: f, path: []string{f.name, printable("select " + strings.Join(strings.Fields(query), " "))}}
	limited := &stepLimit{Context: ctx, left: w.MaxSteps, max: w.MaxSteps}
	for results := code.RunWithContext(limited, doc); len(s.failed) < maxDocumentProblems; {
		result, more := results.Next()
		if !more {
			break
		}
		if err, failed := result.(error); failed {
			s.fail(errors.New(cutText(err.Error())))
			break // jq gives nothing more after an error
		}
		if err := s.take(result); err != nil {
			return err
		}
	}
	return errors.Join(s.failed...)
}

// decodeJSON reads one document. Its values are counted beforehand, since each
// takes many times the memory of its text.
func decodeJSON(body []byte, maxValues int) (any, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if !utf8.Valid(body) {
		return nil, errors.New("select: the document is no JSON: it is not UTF-8")
	}
	if countValues(body) > maxValues {
		return nil, fmt.Errorf("select: the document has more than %d values", maxValues)
	}
	var doc any
	err := json.Unmarshal(body, &doc)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(body[:min(int(syntax.Offset), len(body))], []byte("\n"))
		return nil, fmt.Errorf("select: the document is no JSON: line %d: %w", line, err)
	}
	if err != nil {
		return nil, fmt.Errorf("select: the document is no JSON: %s", cutText(err.Error()))
	}
	return doc, nil
}

// countValues counts keys as well, and no less than there are: all but the first
// value have a comma, a bracket or a colon before them.
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
	*finding
	path   []string
	failed []error
}

func (s *selection) fail(err error) {
	s.failed = append(s.failed, fmt.Errorf("%s: %w", s.path[1], err))
}

// take returns an error where there is no point in going on.
func (s *selection) take(result any) error {
	switch v := result.(type) {
	case []any:
		for _, element := range v {
			if err := s.take(element); err != nil || len(s.failed) >= maxDocumentProblems {
				return err
			}
		}
		return nil
	case string:
		if len(v) > maxWord {
			v = v[:maxWord] + "..." // which makes it none, if it was one
		}
		p, note, err := ParseCIDR(v)
		if err != nil {
			s.fail(err)
			return nil
		}
		if note != "" {
			s.problem("canonicalised", func() string { return fmt.Sprintf("%s: %s: %s", s.name, s.path[1], note) })
		}
		return s.add(p, s.path)
	}
	said := "null"
	if _, object := result.(map[string]any); object {
		said = "an object"
	} else if result != nil {
		said = cutText(fmt.Sprint(result))
	}
	s.fail(fmt.Errorf("gives %s, and an address or network is wanted", said))
	return nil
}

// stepLimit ends a query after a number of steps. The jq machine looks whether
// its context is done before each step and nowhere else, so that the bound is
// the same on every host; time alone would not bound the memory of [range(1e12)].
type stepLimit struct {
	context.Context
	left, max int
}

// Done counts.
func (l *stepLimit) Done() <-chan struct{} {
	if l.left > 0 {
		l.left--
		return l.Context.Done()
	}
	ended := make(chan struct{})
	close(ended)
	return ended
}

// Err says which of the bounds it was.
func (l *stepLimit) Err() error {
	if err := l.Context.Err(); err != nil || l.left > 0 {
		return err
	}
	return fmt.Errorf("not done after %d steps", l.max)
}
