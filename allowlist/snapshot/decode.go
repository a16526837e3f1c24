package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// Decode reads a snapshot that Encode, or version 1 of it, or a person
// wrote. It is strict, because the ranges are installed without another look: an
// unknown member, a member given twice or in other letters, a prefix with host
// bits set, or two sources with one name is an error. Errors begin with name and
// report every mistake, up to a bound.
func Decode(r io.Reader, name string) (*Snapshot, error) {
	return decode(r, name, allowlist.MaxFileRanges, maxSourceBytes)
}

// DecodeBytes is Decode for a text in memory.
func DecodeBytes(text []byte, name string) (*Snapshot, error) {
	return Decode(bytes.NewReader(text), name)
}

// decode bounds the ranges and the bytes of each source.
func decode(r io.Reader, name string, maxRanges int, maxBytes int64) (*Snapshot, error) {
	in := newReader(r, maxRanges, maxBytes)
	decoded, err := in.document()
	if in.limited.N <= 0 {
		return nil, fmt.Errorf("snapshot %s: source %d is larger than %s bytes", name, len(decoded), ascii.Count(maxBytes))
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the file is empty")
	}
	if err == nil {
		if _, after := in.dec.Token(); !errors.Is(after, io.EOF) {
			err = errors.New("more text after its end")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: byte %d: %w", name, in.dec.InputOffset()+in.lines.taken, err)
	}
	if err := checkSources(decoded); err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", name, err)
	}
	s := &Snapshot{Written: in.written}
	for _, src := range decoded {
		s.Sources = append(s.Sources, src.Source)
	}
	return s.normal(), nil
}

// reader reads a snapshot token by token, so that the whole text is never
// in memory. It compares names of members letter by letter and refuses a member
// that is given twice. json.Unmarshal would accept "Prefix" for "prefix", and
// would take the last of two members although a reviewer may have read the first.
type reader struct {
	dec     *json.Decoder     // of lines
	lines   *lines            // of limited
	limited *io.LimitedReader // what a source may still have
	version int
	written time.Time
	ranges  int // of a source

	maxRanges int
	maxBytes  int64

	known map[versionOneStep]*provenance.Path // of a source in version 1
}

func newReader(r io.Reader, maxRanges int, maxBytes int64) *reader {
	limited := &io.LimitedReader{R: r, N: maxBytes + 1}
	in := &lines{in: bufio.NewReaderSize(limited, 64<<10)}
	dec := json.NewDecoder(in)
	dec.UseNumber()
	return &reader{dec: dec, lines: in, limited: limited, maxRanges: maxRanges, maxBytes: maxBytes}
}

// decoded is a source of the file, with the mistakes in its ranges.
type decoded struct {
	Source
	mistakes   []error
	unreported int // mistakes past maxMistakes
}

func (d *decoded) mistake(format string, args ...any) {
	if len(d.mistakes) == maxMistakes {
		d.unreported++
		return
	}
	d.mistakes = append(d.mistakes, fmt.Errorf(format, args...))
}

func (r *reader) document() (sources []*decoded, err error) {
	err = r.object([]string{"version", "time", "sources"}, func(member int) (err error) {
		switch {
		case member == 0:
			return r.readVersion()
		case r.version == 0:
			return errors.New("the version comes before the sources and the time")
		case member == 1:
			if r.version == 1 {
				return unknownField("time")
			}
			if r.written, err = r.time(); err == nil && !isWritable(r.written) {
				err = fmt.Errorf("its time is in the year %d", r.written.UTC().Year())
			}
			return err
		}
		return r.array(func() error {
			if len(sources) == maxSources {
				return fmt.Errorf("more than %d sources", maxSources)
			}
			src, err := r.source()
			sources = append(sources, src)
			return err
		})
	})
	if err == nil && r.version == 0 {
		err = errors.New("it has no version")
	}
	return sources, err
}

func (r *reader) readVersion() error {
	number, err := read[json.Number](r, "number")
	if err != nil {
		return err
	}
	for _, v := range []int{1, version} {
		if number.String() == strconv.Itoa(v) {
			r.version = v
			return nil
		}
	}
	return fmt.Errorf("version %s, and this mailallow reads versions 1 and %d", ascii.Excerpt(number.String()), version)
}

func (r *reader) time() (at time.Time, err error) {
	text, err := read[string](r, "string")
	if err != nil {
		return at, err
	}
	if at, err = time.Parse(time.RFC3339, text); err != nil {
		err = fmt.Errorf("\"%s\" is no time: write 2026-12-31T12:00:00Z", ascii.Excerpt(text))
	}
	return at, err
}

// isWritable reports whether Encode can write a time: RFC 3339 has four digits for the year.
func isWritable(at time.Time) bool {
	year := at.UTC().Year()
	return 1970 <= year && year <= 9999
}

func (r *reader) source() (*decoded, error) {
	src := &decoded{}
	r.ranges, r.limited.N = 0, r.maxBytes+1
	r.known = map[versionOneStep]*provenance.Path{}
	members := []string{"name", "definition", "time", "validator", "paths", "status", "reasons", "refused"}
	if r.version == 1 {
		members = []string{"name", "definition", "time", "validator", "ranges"}
	}
	return src, r.object(members, func(member int) (err error) {
		switch member {
		case 0:
			src.Name, err = read[string](r, "string")
		case 1:
			src.Definition, err = read[string](r, "string")
		case 2:
			src.Time, err = r.time()
		case 3:
			src.Validator = &allowlist.Validator{}
			err = r.texts([]string{"etag", "last_modified"}, &src.Validator.ETag, &src.Validator.LastModified)
		case 4:
			if r.version == 1 {
				return r.array(func() error { return r.versionOneRange(src) })
			}
			err = r.steps(src, nil, 1)
		case 5:
			src.Status, err = r.status()
		case 6:
			err = r.array(func() error { return r.reason(src) })
		case 7:
			src.Refused, err = r.refused()
		}
		return err
	})
}

// steps reads the steps below above, and all that is below them.
func (r *reader) steps(src *decoded, above *provenance.Path, depth int) error {
	written := func(element []byte) (one allowlist.Range, ok bool) {
		if depth > provenance.MaxSteps { // step says so
			return one, false
		}
		return writtenStep(element, above)
	}
	return r.elements(src, written, func() error { return r.step(src, above, depth) })
}

func (r *reader) step(src *decoded, above *provenance.Path, depth int) error {
	if depth > provenance.MaxSteps {
		return fmt.Errorf("a path of more than %d steps", provenance.MaxSteps)
	}
	var path *provenance.Path
	before := r.ranges
	err := r.object([]string{"step", "ranges", "lines", "steps"}, func(member int) error {
		if member > 0 && path == nil {
			return errors.New("the text of a step comes before its ranges, lines and steps")
		}
		switch member {
		case 0:
			text, err := read[string](r, "string")
			if path = above.Then(text); !ascii.AllShow(text) {
				src.mistake("the step \"%s\" has characters that cannot be printed", ascii.Excerpt(text))
			}
			return err
		case 1:
			return r.array(func() error {
				prefix, err := r.prefix()
				if err != nil {
					return err
				}
				return r.add(src, allowlist.Range{Prefix: prefix, Path: path})
			})
		case 2:
			written := func(element []byte) (allowlist.Range, bool) { return writtenLine(element, path) }
			return r.elements(src, written, func() error { return r.line(src, path) })
		}
		return r.steps(src, path, depth+1)
	})
	switch {
	case err != nil:
		return err
	case path == nil:
		return errors.New("a step has no text")
	case r.ranges == before:
		return fmt.Errorf("the step \"%s\" leads to no range", ascii.Excerpt(path.Step()))
	}
	return nil
}

// line reads a line of a list and its network.
func (r *reader) line(src *decoded, list *provenance.Path) error {
	one := allowlist.Range{}
	err := r.object([]string{"line", "prefix"}, func(member int) (err error) {
		if member == 1 {
			one.Prefix, err = r.prefix()
			return err
		}
		number, err := read[json.Number](r, "number")
		if err != nil {
			return err
		}
		line, err := strconv.ParseUint(number.String(), 10, 32)
		if err != nil || line == 0 || line > prefixes.MaxLabel {
			return fmt.Errorf("line %s is not between 1 and %d", ascii.Excerpt(number.String()), prefixes.MaxLabel)
		}
		one.Path = list.AtLine(uint32(line))
		return nil
	})
	if err == nil && one.Path == nil {
		err = errors.New("a range has no line")
	}
	if err != nil {
		return err
	}
	return r.add(src, one)
}

func (r *reader) prefix() (netip.Prefix, error) {
	text, err := read[string](r, "string")
	if err != nil {
		return netip.Prefix{}, err
	}
	return parsePrefix(text)
}

func parsePrefix(text string) (p netip.Prefix, err error) {
	if p, err = netip.ParsePrefix(text); err != nil {
		err = fmt.Errorf("\"%s\" is no network: write 192.0.2.0/24 or 2001:db8::/32", ascii.Excerpt(text))
	}
	return p, err
}

// add adds a range to the source, or the mistake in it.
func (r *reader) add(src *decoded, one allowlist.Range) error {
	if r.ranges++; r.ranges > r.maxRanges {
		return fmt.Errorf("a source of more than %s ranges", ascii.Count(r.maxRanges))
	}
	switch masked := one.Prefix.Masked(); {
	case !one.Prefix.IsValid():
		src.mistake("a range has no prefix")
	case one.Prefix != masked:
		src.mistake("%s has host bits set: %s is meant", one.Prefix, masked)
	default:
		src.Ranges.Add(one)
	}
	return nil
}

// checkSources reports the mistakes of all sources.
func checkSources(sources []*decoded) error {
	var problems []error
	unreported := 0
	seen := map[string]bool{}
	for _, src := range sources {
		src.check(seen[src.Name])
		seen[src.Name] = true
		for _, err := range src.mistakes {
			if len(problems) == maxMistakes {
				unreported++
				continue
			}
			problems = append(problems, fmt.Errorf("source \"%s\": %w", ascii.Excerpt(src.Name), err))
		}
		unreported += src.unreported
	}
	if unreported > 0 {
		problems = append(problems, fmt.Errorf("and %s more mistakes", ascii.Count(unreported)))
	}
	return errors.Join(problems...)
}

// object reads an object with no other members than names, in any order. member
// reads the value of names[i].
func (r *reader) object(names []string, member func(int) error) error {
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
			return unknownField(name)
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

func unknownField(name string) error {
	return fmt.Errorf("unknown field \"%s\"", ascii.Excerpt(name))
}

func (r *reader) array(element func() error) error {
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

func (r *reader) delimiter(want json.Delim) error {
	got, err := read[json.Delim](r, want.String())
	if err == nil && got != want {
		err = fmt.Errorf("found a %s, expected a %s", got, want)
	}
	return err
}

// read reads a token of type T. expected is the word for it in the error.
func read[T any](r *reader, expected string) (value T, err error) {
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
