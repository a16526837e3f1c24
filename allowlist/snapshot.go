package allowlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mailallow/allowlist/ascii"
)

// snapshotVersion is the only version of the format so far.
const snapshotVersion = 1

// The bounds of a snapshot: twice what one document may give (DefaultDocumentRanges),
// which is more than a Sendmail map is built from; with its path, a range takes some
// 130 bytes there and 200 in memory.
const (
	MaxSnapshotBytes  = 256 << 20
	MaxSnapshotRanges = 2_000_000
)

// maxPathSteps bounds a path in a snapshot: deeper than any walk goes.
const maxPathSteps = 200

// maxMistakes bounds how many mistakes of a snapshot are told of.
const maxMistakes = 20

// Snapshot is every source as it was resolved. One format has three uses: the
// last good state, the reviewed plan that many hosts install, and the first run
// without a network that is embedded in the program.
type Snapshot struct {
	Sources []Resolved // by name
}

// Resolved is one source with its ranges.
type Resolved struct {
	Name string
	// Definition is Source.Definition of what was resolved.
	Definition string
	// Time is when the ranges were fetched, in UTC and whole seconds.
	Time time.Time
	// Validator is what a web server called the document that gave the ranges.
	Validator *Validator
	// Ranges are canonical; they may overlap.
	Ranges Ranges
}

// Age is how old the ranges are at now, never below zero.
func (r Resolved) Age(now time.Time) time.Duration { return max(0, now.Sub(r.Time)) }

// Find gives the source of that name.
func (s *Snapshot) Find(name string) (Resolved, bool) {
	if s == nil {
		return Resolved{}, false
	}
	i, ok := slices.BinarySearchFunc(s.Sources, name, func(r Resolved, name string) int {
		return strings.Compare(r.Name, name)
	})
	if !ok {
		return Resolved{}, false
	}
	return s.Sources[i], true
}

// NewSnapshot puts sources in order of name, so that the same content is the same
// bytes.
func NewSnapshot(sources []Resolved) *Snapshot {
	s := &Snapshot{Sources: slices.Clone(sources)}
	slices.SortFunc(s.Sources, func(a, b Resolved) int { return strings.Compare(a.Name, b.Name) })
	for i := range s.Sources {
		s.Sources[i].Time = s.Sources[i].Time.UTC().Truncate(time.Second)
	}
	return s
}

// Encode writes the snapshot as JSON with one range a line, in order of address
// and path, so that a change of a snapshot in a repository reads as the change of
// the list.
func (s *Snapshot) Encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"version\": %d, \"sources\": [", snapshotVersion)
	for i, src := range s.Sources {
		fmt.Fprintf(&b, "%s\n {\"name\": %s, \"definition\": %s, \"time\": %s, ",
			comma(i), encode(src.Name), encode(src.Definition), encode(src.Time))
		if src.Validator != nil {
			fmt.Fprintf(&b, "\"validator\": %s, ", encode(src.Validator))
		}
		b.WriteString("\"ranges\": [")
		separator := ""
		for r := range src.Ranges.Ordered() {
			fmt.Fprintf(&b, "%s\n  {\"prefix\": %s, \"path\": %s}", separator, encode(r.Prefix), encode(r.Path))
			separator = ","
		}
		b.WriteString("]}")
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// encode is JSON without the escapes for HTML: paths hold "<" in no program's
// page, and ">" is easier to review than its code.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("allowlist: a snapshot value has no JSON form: " + err.Error()) // strings, times and prefixes all have one
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// CheckSize says why DecodeSnapshot would not take what Encode made, nil where it would.
func (s *Snapshot) CheckSize(encoded []byte) error {
	ranges := 0
	for _, src := range s.Sources {
		ranges += src.Ranges.Len()
	}
	if ranges > MaxSnapshotRanges || len(encoded) > MaxSnapshotBytes {
		return fmt.Errorf("the sources have %d ranges, %d bytes with their paths, and a snapshot holds %d and %d: leave out the longest",
			ranges, len(encoded), MaxSnapshotRanges, MaxSnapshotBytes)
	}
	return nil
}

// DecodeSnapshot reads what Encode wrote, or what a person wrote in its format.
// It is strict: an unknown member, one that stands twice or in other letters, a
// prefix with host bits set, a source named twice are errors, since what it holds
// is installed as it stands. name is for the messages.
func DecodeSnapshot(r io.Reader, name string) (*Snapshot, error) {
	limited := &io.LimitedReader{R: r, N: MaxSnapshotBytes + 1}
	in := newSnapshotReader(limited)
	version, decoded, err := in.document()
	if limited.N <= 0 {
		return nil, fmt.Errorf("snapshot %s: larger than %d bytes", name, MaxSnapshotBytes)
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
		return nil, fmt.Errorf("snapshot %s: byte %d: %w", name, in.dec.InputOffset(), err)
	}
	if version != snapshotVersion {
		return nil, fmt.Errorf("snapshot %s: version %d, and this mailallow reads version %d", name, version, snapshotVersion)
	}
	if err := checkSnapshot(decoded); err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", name, err)
	}
	var sources []Resolved
	for _, src := range decoded {
		sortRanges(src.Ranges)
		src.Resolved.Ranges = RangesOf(src.Ranges...)
		sources = append(sources, src.Resolved)
	}
	return NewSnapshot(sources), nil
}

// decoded is a source as it stands in the file.
type decoded struct {
	Resolved
	Ranges []Range // not yet known to be canonical
}

func checkSnapshot(sources []decoded) error {
	var problems []error
	unsaid := 0
	seen := map[string]bool{}
	for _, src := range sources {
		fail := func(format string, args ...any) {
			if len(problems) == maxMistakes {
				unsaid++
				return
			}
			problems = append(problems, fmt.Errorf("source \"%s\": "+format, append([]any{cutText(src.Name)}, args...)...))
		}
		if src.Name == "" {
			fail("it has no name")
		}
		if seen[src.Name] {
			fail("it stands there twice")
		}
		seen[src.Name] = true
		if src.Definition == "" {
			fail("it has no definition")
		}
		if src.Time.IsZero() {
			fail("it has no time")
		} else if year := src.Time.UTC().Year(); year < 1970 || year > 9999 {
			fail("its time is of the year %d", year)
		}
		if !isPrintable(src.Name) {
			fail("its name has characters that cannot be printed")
		}
		for _, r := range src.Ranges {
			if err := checkRange(r); err != nil {
				fail("%w", err)
			}
		}
	}
	if unsaid > 0 {
		problems = append(problems, fmt.Errorf("and %d mistakes more", unsaid))
	}
	return errors.Join(problems...)
}

func checkRange(r Range) error {
	switch {
	case !r.Prefix.IsValid():
		return errors.New("a range has no prefix")
	case r.Prefix != r.Prefix.Masked():
		return fmt.Errorf("%s has host bits set: %s is meant", r.Prefix, r.Prefix.Masked())
	case len(r.Path) == 0 || len(r.Path) > maxPathSteps:
		return fmt.Errorf("%s has a path of %d steps", r.Prefix, len(r.Path))
	case slices.ContainsFunc(r.Path, func(step string) bool { return !isPrintable(step) }):
		return fmt.Errorf("%s has a path with characters that cannot be printed", r.Prefix)
	}
	return nil
}

// printable is s as a step of a path: the configuration's own names of files, too,
// must not make a snapshot that cannot be read again.
func printable(s string) string {
	const most = 1000
	if isPrintable(s) {
		return s
	}
	return ascii.Printable(s, most)
}

// isPrintable tells whether s is text on one line, whatever shows it.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !ascii.Shows(r) })
}

// canonical masks a prefix and takes an IPv4-mapped one as the IPv4 prefix that
// Sendmail and Postfix see. changed tells whether that is not what was written.
func canonical(p netip.Prefix) (_ netip.Prefix, changed bool) {
	masked := p.Masked()
	if masked.Addr().Is4In6() && masked.Bits() >= 96 {
		return netip.PrefixFrom(masked.Addr().Unmap(), masked.Bits()-96), true
	}
	return masked, masked != p
}
