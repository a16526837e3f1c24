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

const snapshotVersion = 1

// The bounds of a snapshot: twice the ranges of one document
// (DefaultDocumentRanges), which is more than the keys of any usable access map.
// With its path, a range takes about 130 bytes in the file and 200 in memory.
const (
	MaxSnapshotBytes  = 256 << 20
	MaxSnapshotRanges = 2_000_000
)

// maxPathSteps bounds a path in a snapshot; no SPF walk is as deep.
const maxPathSteps = 200

// maxMistakes bounds the mistakes of a snapshot that are reported one by one.
const maxMistakes = 20

// Snapshot holds the resolved ranges of all sources. One format has three uses:
// the last good state, the reviewed plan that many hosts install, and the list
// inside the program for a first run without a network.
type Snapshot struct {
	Sources []Resolved // by name
}

// Resolved is one source with its ranges.
type Resolved struct {
	Name string
	// Definition is the Source.Definition of the source when it was resolved.
	Definition string
	// Time is the time of the fetch, in UTC and whole seconds.
	Time time.Time
	// Validator names the state of the document that gave the ranges; nil for other sources.
	Validator *Validator
	// Ranges are canonical; they may overlap.
	Ranges Ranges
}

// Age gives the age of the ranges at now, never below zero.
func (r Resolved) Age(now time.Time) time.Duration { return max(0, now.Sub(r.Time)) }

// Find gives the source with this name. A nil snapshot has none.
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

// Match gives the state of each source, nil for none, each state once: the state of its name, else one of its definition, so
// that a source that was renamed keeps its state. It has the name of the snapshot. Inline lists have no state.
func (s *Snapshot) Match(sources []Source) []*Resolved {
	found := make([]*Resolved, len(sources))
	if s == nil {
		return found
	}
	taken := map[string]bool{}
	for i, src := range sources {
		if last, ok := s.Find(src.Name); ok && !src.Inline() {
			found[i], taken[src.Name] = &last, true
		}
	}
	for i, src := range sources {
		if found[i] != nil || src.Inline() {
			continue
		}
		definition := src.Definition()
		at := slices.IndexFunc(s.Sources, func(r Resolved) bool { return r.Definition == definition && !taken[r.Name] })
		if at >= 0 {
			found[i], taken[s.Sources[at].Name] = &s.Sources[at], true
		}
	}
	return found
}

// Newest gives the name and the time of the newest source; zero for none.
func (s *Snapshot) Newest() (name string, at time.Time) {
	if s != nil {
		for _, src := range s.Sources {
			if src.Time.After(at) {
				name, at = src.Name, src.Time
			}
		}
	}
	return name, at
}

// NewSnapshot sorts the sources by name, so that equal content encodes to equal
// bytes.
func NewSnapshot(sources []Resolved) *Snapshot {
	s := &Snapshot{Sources: slices.Clone(sources)}
	slices.SortFunc(s.Sources, func(a, b Resolved) int { return strings.Compare(a.Name, b.Name) })
	for i := range s.Sources {
		s.Sources[i].Time = s.Sources[i].Time.UTC().Truncate(time.Second)
	}
	return s
}

// Encode gives the snapshot as JSON, one range to a line, ordered by address and
// path, so that the diff of two snapshots shows how the list changed.
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

// encode gives JSON without escapes for HTML: ">" in a path is easier to review
// than its code.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("allowlist: a snapshot value has no JSON form: " + err.Error()) // strings, times and prefixes all have one
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// CheckSize returns an error if DecodeSnapshot would refuse the encoded snapshot
// for its size: more than MaxSnapshotRanges or MaxSnapshotBytes.
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

// DecodeSnapshot reads a snapshot that Encode or a person wrote. It is strict,
// because the ranges are installed without another look: an unknown member, a
// member given twice or in other letters, a prefix with host bits set, or two
// sources with one name is an error. Errors begin with name and report every
// mistake, up to a bound.
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

// decoded is a source of the file before checkSnapshot.
type decoded struct {
	Resolved
	Ranges []Range
}

func checkSnapshot(sources []decoded) error {
	var problems []error
	unreported := 0
	seen := map[string]bool{}
	for _, src := range sources {
		fail := func(format string, args ...any) {
			if len(problems) == maxMistakes {
				unreported++
				return
			}
			problems = append(problems, fmt.Errorf("source \"%s\": "+format, append([]any{cutText(src.Name)}, args...)...))
		}
		if src.Name == "" {
			fail("it has no name")
		}
		if seen[src.Name] {
			fail("another source has the same name")
		}
		seen[src.Name] = true
		if src.Definition == "" {
			fail("it has no definition")
		}
		if src.Time.IsZero() {
			fail("it has no time")
		} else if year := src.Time.UTC().Year(); year < 1970 || year > 9999 {
			fail("its time is in the year %d", year)
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
	if unreported > 0 {
		problems = append(problems, fmt.Errorf("and %d more mistakes", unreported))
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

// printable makes s fit for a step of a path. DecodeSnapshot refuses a path that
// cannot be printed, and file names in the configuration may have such characters.
func printable(s string) string {
	const most = 1000
	if isPrintable(s) {
		return s
	}
	return ascii.Printable(s, most)
}

// isPrintable reports whether s is text on one line.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !ascii.Shows(r) })
}

// canonical masks a prefix and turns an IPv4-mapped one into IPv4, since Sendmail
// and Postfix see such a client as IPv4. changed reports whether the result
// differs from p.
func canonical(p netip.Prefix) (_ netip.Prefix, changed bool) {
	masked := p.Masked()
	if masked.Addr().Is4In6() && masked.Bits() >= 96 {
		return netip.PrefixFrom(masked.Addr().Unmap(), masked.Bits()-96), true
	}
	return masked, masked != p
}
