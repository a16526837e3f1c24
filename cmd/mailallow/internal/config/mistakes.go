package config

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"mailallow/allowlist/fault"
)

// maxUnknownKeys bounds the unknown keys that are reported: a file with more is no
// configuration.
const maxUnknownKeys = 50

// mistakes are those of one configuration.
type mistakes struct {
	unknown  []*fault.AtLine // keys
	problems []*fault.AtLine // the others
	noValue  []string        // the places of keys whose value is of a wrong type or empty
}

// mistake makes an error about a place of the file, such as "source[2].cidr[1]". If the error quotes a long value, its beginning and
// its end, which say what is wrong and what to do, are left.
func (r *reader) mistake(at, format string, args ...any) *fault.AtLine {
	const most = 1000 // bytes
	err := fmt.Errorf(format, args...)
	if text := err.Error(); len(text) > most {
		err = errors.New(strings.ToValidUTF8(text[:most/2]+"..."+text[len(text)-most/2:], ""))
	}
	return &fault.AtLine{Place: r.Path, Line: r.Line(at), Err: err}
}

// wrong notes a mistake that leaves a key without a value.
func (r *reader) wrong(at, format string, args ...any) {
	r.problem(at, format, args...)
	r.noValue = append(r.noValue, at)
}

// problem notes a mistake, unless it follows from having no value.
func (r *reader) problem(at, format string, args ...any) {
	if !slices.Contains(r.noValue, at) {
		r.problems = append(r.problems, r.mistake(at, format, args...))
	}
}

func (r *reader) check(at string, err error) {
	if err != nil {
		r.problem(at, "%w", err)
	}
}

// byLine sorts mistakes, in place, into the order of the file.
func byLine(some []*fault.AtLine) []*fault.AtLine {
	sort.SliceStable(some, func(i, j int) bool { return some[i].Line < some[j].Line })
	return some
}

// err joins the mistakes in the order of the file.
func (r *reader) err() error {
	byLine(r.unknown)
	if more := len(r.unknown) - maxUnknownKeys; more > 0 {
		r.unknown = append(r.unknown[:maxUnknownKeys], &fault.AtLine{Place: r.Path, Err: fmt.Errorf("and %d unknown keys more", more)})
	}
	var all []error
	for _, m := range byLine(slices.Concat(r.unknown, r.problems)) {
		all = append(all, m)
	}
	return errors.Join(all...)
}
