package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailallow/allowlist"
)

func (r *reader) oneOf(at, value string, known ...string) {
	if value != "" && !slices.Contains(known, value) {
		r.problem(at, "%s: %q is not one of %s", keyOf(at), value, strings.Join(known, ", "))
	}
}

// keyOf is the key at the end of a place: max_age of "source[2].max_age".
func keyOf(place string) string { return place[strings.LastIndexByte(place, '.')+1:] }

func (r *reader) number(at string, value int64, to number) {
	if value < to.least || value > to.most {
		r.problem(at, "%s = %d is not between %d and %d", keyOf(at), value, to.least, to.most)
		return
	}
	*to.into = int(value)
}

func (r *reader) duration(at, value string, into *time.Duration) {
	if value == "" {
		return
	}
	d, err := ParseDuration(value)
	if err != nil || d <= 0 {
		r.problem(at, "%s = %q is no duration: write \"500ms\", \"2s\", \"72h\" or \"30d\"", keyOf(at), value)
		return
	}
	*into = d
}

// ParseDuration reads a duration as time.ParseDuration does, with days in front of it: 30d, 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	number, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		return time.ParseDuration(text)
	}
	const most = 100_000 // days that a time.Duration can hold
	days, err := strconv.ParseUint(number, 10, 31)
	if err != nil || days > most {
		return 0, strconv.ErrRange
	}
	var more time.Duration
	if rest != "" {
		if more, err = time.ParseDuration(rest); more < 0 {
			return 0, strconv.ErrRange
		}
	}
	return time.Duration(days)*24*time.Hour + more, err
}

// ParseTime reads a time as people write it: a duration before now (36h, 7d), or a time. One without a zone is of this host,
// and a date is its first moment.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if d, err := ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range [...]string{time.DateOnly, time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: write a duration (36h, 7d) or a time (2026-11-01, 2026-11-01T22:00:00Z)", text)
}

func (r *reader) percent(at, value string, into *allowlist.Percent) {
	if value == "" {
		return
	}
	digits, isPercent := strings.CutSuffix(value, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || !isPercent {
		r.problem(at, "%s = %q is no share: write \"30%%\"", keyOf(at), value)
		return
	}
	*into = allowlist.Percent(n)
}

// rooted puts root before an absolute path, and the directory of the configuration
// before another.
func (r *reader) rooted(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Join(r.root, filepath.Clean(path)) // .. does not lead out of root
	}
	return filepath.Join(r.dir, path)
}

// argv checks a command, and gives it with the path of its program.
func (r *reader) argv(at string, written []string, example string) []string {
	if written == nil {
		return nil
	}
	if len(written) == 0 || written[0] == "" {
		r.problem(at, "%s names no program: it is a list like %s", keyOf(at), example)
		return nil
	}
	return append([]string{r.program(written[0])}, written[1:]...)
}

// program keeps a bare name, for PATH; a relative path begins at the directory of the
// configuration, not at that of the run.
func (r *reader) program(name string) string {
	if !strings.Contains(name, "/") || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.dir, name)
}
