package allowlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// snapshotReader reads a snapshot token by token, so that the whole text is never
// in memory. It compares names of members letter by letter and refuses a member
// that is given twice. json.Unmarshal would accept "Prefix" for "prefix", and
// would take the last of two members although a reviewer may have read the first.
type snapshotReader struct {
	dec    *json.Decoder
	ranges int
	raw    json.RawMessage   // buffer for one range
	steps  map[string]string // one copy of each step of a path but the last, which few ranges share
}

func newSnapshotReader(r io.Reader) *snapshotReader {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	return &snapshotReader{dec: dec, steps: map[string]string{}}
}

func (r *snapshotReader) document() (version int, sources []decoded, err error) {
	err = r.object([]string{"version", "sources"}, func(member int) error {
		if member == 0 {
			number, err := read[json.Number](r, "number")
			if err == nil {
				version, err = strconv.Atoi(number.String())
			}
			return err
		}
		return r.array(func() error {
			src, err := r.source()
			sources = append(sources, src)
			return err
		})
	})
	return version, sources, err
}

func (r *snapshotReader) source() (src decoded, err error) {
	err = r.object([]string{"name", "definition", "time", "validator", "ranges"}, func(member int) (err error) {
		switch member {
		case 0:
			src.Name, err = read[string](r, "string")
		case 1:
			src.Definition, err = read[string](r, "string")
		case 2:
			var text string
			if text, err = read[string](r, "string"); err == nil {
				src.Time, err = time.Parse(time.RFC3339, text)
			}
		case 3:
			src.Validator = &Validator{}
			err = r.object([]string{"etag", "last_modified"}, func(member int) (err error) {
				*[]*string{&src.Validator.ETag, &src.Validator.LastModified}[member], err = read[string](r, "string")
				return err
			})
		case 4:
			err = r.array(func() error {
				next, err := r.nextRange()
				src.Ranges = append(src.Ranges, next)
				return err
			})
		}
		return err
	})
	return src, err
}

// nextRange reads one range. It first tries the form that Encode writes, because
// reading token by token takes several times as long.
func (r *snapshotReader) nextRange() (Range, error) {
	if r.ranges++; r.ranges > MaxSnapshotRanges {
		return Range{}, fmt.Errorf("more than %d ranges", MaxSnapshotRanges)
	}
	if err := r.dec.Decode(&r.raw); err != nil {
		return Range{}, err
	}
	if encoded, ok := r.encodedRange(r.raw); ok {
		return encoded, nil
	}
	return newSnapshotReader(bytes.NewReader(r.raw)).anyRange()
}

// encodedRange reads a range in the form that Encode writes, if it has no escape:
// in JSON without a backslash every quotation mark begins or ends a string.
func (r *snapshotReader) encodedRange(raw []byte) (result Range, ok bool) {
	prefix, path, ok := bytes.Cut(raw, []byte(`", "path": ["`))
	prefix, isFirst := bytes.CutPrefix(prefix, []byte(`{"prefix": "`))
	path, isLast := bytes.CutSuffix(path, []byte(`"]}`))
	if !ok || !isFirst || !isLast || bytes.IndexByte(path, '\\') >= 0 {
		return result, false
	}
	last := bytes.Count(path, []byte(`","`))
	if last >= maxPathSteps || bytes.Count(path, []byte(`"`)) != 2*last || !utf8.Valid(path) {
		return result, false
	}
	result.Path = make([]string, 0, last+1)
	for step := range bytes.SplitSeq(path, []byte(`","`)) {
		if len(result.Path) < last {
			result.Path = append(result.Path, r.shared(step))
		} else {
			result.Path = append(result.Path, string(step))
		}
	}
	var err error
	result.Prefix, err = netip.ParsePrefix(string(prefix))
	return result, err == nil
}

// shared gives one string for all equal steps.
func (r *snapshotReader) shared(step []byte) string {
	known, ok := r.steps[string(step)]
	if !ok {
		known = string(step)
		r.steps[known] = known
	}
	return known
}

// anyRange reads a range in any form of JSON.
func (r *snapshotReader) anyRange() (result Range, err error) {
	err = r.object([]string{"prefix", "path"}, func(member int) error {
		if member == 0 {
			text, err := read[string](r, "string")
			if err == nil && text != "" { // checkRange reports an empty prefix, with the name of the source
				result.Prefix, err = netip.ParsePrefix(text)
			}
			return err
		}
		return r.array(func() error {
			step, err := read[string](r, "string")
			if len(result.Path) <= maxPathSteps { // one step past the bound, so that checkRange reports it
				result.Path = append(result.Path, step)
			}
			return err
		})
	})
	result.Path = slices.Clip(result.Path)
	return result, err
}

// object reads an object with no other members than names, in any order. member
// reads the value of names[i].
func (r *snapshotReader) object(names []string, member func(int) error) error {
	if err := r.delimiter('{'); err != nil {
		return err
	}
	var seen uint
	for r.dec.More() {
		name, err := read[string](r, "name")
		if err != nil {
			return err
		}
		i := slices.Index(names, name)
		switch {
		case i < 0:
			return fmt.Errorf("unknown field \"%s\"", cutText(name))
		case seen&(1<<i) != 0:
			return fmt.Errorf("field %q is given twice", name)
		}
		seen |= 1 << i
		if err := member(i); err != nil {
			return err
		}
	}
	return r.delimiter('}')
}

func (r *snapshotReader) array(element func() error) error {
	if err := r.delimiter('['); err != nil {
		return err
	}
	for r.dec.More() {
		if err := element(); err != nil {
			return err
		}
	}
	return r.delimiter(']')
}

func (r *snapshotReader) delimiter(want json.Delim) error {
	got, err := read[json.Delim](r, want.String())
	if err == nil && got != want {
		err = fmt.Errorf("found a %s, expected a %s", got, want)
	}
	return err
}

// read reads a token of type T. expected is the word for it in the error.
func read[T any](r *snapshotReader, expected string) (value T, err error) {
	token, err := r.dec.Token()
	if errors.Is(err, io.EOF) && r.dec.InputOffset() > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return value, err
	}
	value, ok := token.(T)
	if !ok {
		err = fmt.Errorf("found %s, expected a %s", kindOf(token), expected)
	}
	return value, err
}

// kindOf gives JSON's word for a token.
func kindOf(token json.Token) string {
	switch t := token.(type) {
	case json.Delim:
		return "a " + t.String()
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case bool:
		return "a bool"
	}
	return "a null"
}
