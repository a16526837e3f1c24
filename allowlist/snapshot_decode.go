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

// snapshotReader takes a snapshot apart token by token: its text is never in
// memory as a whole. Every member is what its name says letter by letter, and
// stands once: encoding/json would take "Prefix" for "prefix", and the last of
// two, where whoever reviewed the file may have read the first.
type snapshotReader struct {
	dec    *json.Decoder
	ranges int
	raw    json.RawMessage   // the range that is read
	steps  map[string]string // of paths, without the last: that is what most ranges do not share
}

func newSnapshotReader(r io.Reader) *snapshotReader {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	return &snapshotReader{dec: dec, steps: map[string]string{}}
}

// document reads the whole of a snapshot.
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
				of, err := r.nextRange()
				src.Ranges = append(src.Ranges, of)
				return err
			})
		}
		return err
	})
	return src, err
}

// nextRange reads a range whole, and takes it apart only where it is not written
// as Encode writes it: that takes several times as long.
func (r *snapshotReader) nextRange() (Range, error) {
	if r.ranges++; r.ranges > MaxSnapshotRanges {
		return Range{}, fmt.Errorf("more than %d ranges", MaxSnapshotRanges)
	}
	if err := r.dec.Decode(&r.raw); err != nil {
		return Range{}, err
	}
	if of, ok := r.plainRange(r.raw); ok {
		return of, nil
	}
	return newSnapshotReader(bytes.NewReader(r.raw)).oneRange()
}

// plainRange reads what Encode writes of a range in which no character is escaped:
// in JSON without a backslash every quotation mark begins or ends a string.
func (r *snapshotReader) plainRange(raw []byte) (of Range, ok bool) {
	prefix, path, ok := bytes.Cut(raw, []byte(`", "path": ["`))
	prefix, isFirst := bytes.CutPrefix(prefix, []byte(`{"prefix": "`))
	path, isLast := bytes.CutSuffix(path, []byte(`"]}`))
	if !ok || !isFirst || !isLast || bytes.IndexByte(path, '\\') >= 0 {
		return of, false
	}
	last := bytes.Count(path, []byte(`","`))
	if last >= maxPathSteps || bytes.Count(path, []byte(`"`)) != 2*last || !utf8.Valid(path) {
		return of, false
	}
	of.Path = make([]string, 0, last+1)
	for step := range bytes.SplitSeq(path, []byte(`","`)) {
		if len(of.Path) < last {
			of.Path = append(of.Path, r.once(step))
		} else {
			of.Path = append(of.Path, string(step))
		}
	}
	var err error
	of.Prefix, err = netip.ParsePrefix(string(prefix))
	return of, err == nil
}

// once gives a step of a path as the string that others share.
func (r *snapshotReader) once(step []byte) string {
	known, ok := r.steps[string(step)]
	if !ok {
		known = string(step)
		r.steps[known] = known
	}
	return known
}

func (r *snapshotReader) oneRange() (of Range, err error) {
	err = r.object([]string{"prefix", "path"}, func(member int) error {
		if member == 0 {
			text, err := read[string](r, "string")
			if err == nil && text != "" { // that there is none is told with the source
				of.Prefix, err = netip.ParsePrefix(text)
			}
			return err
		}
		return r.array(func() error {
			step, err := read[string](r, "string")
			if len(of.Path) <= maxPathSteps { // one more, to be told of
				of.Path = append(of.Path, step)
			}
			return err
		})
	})
	of.Path = slices.Clip(of.Path)
	return of, err
}

// object reads an object that has these members and no others, in any order.
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
			return fmt.Errorf("field %q stands there twice", name)
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
		err = fmt.Errorf("there is a %s, and a snapshot has a %s there", got, want)
	}
	return err
}

// read reads a token of type T, which people call what.
func read[T any](r *snapshotReader, what string) (value T, err error) {
	token, err := r.dec.Token()
	if errors.Is(err, io.EOF) && r.dec.InputOffset() > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return value, err
	}
	value, ok := token.(T)
	if !ok {
		err = fmt.Errorf("there is %s, and a snapshot has a %s there", kindOf(token), what)
	}
	return value, err
}

// kindOf names a token in the words of JSON.
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
