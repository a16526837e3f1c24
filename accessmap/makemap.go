package accessmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// makemapLimit is ample: a million keys take three seconds with the cache below.
	makemapLimit = 5 * time.Minute
	// maxDump bounds what is read of a dumped map; a million keys are 20 MB.
	maxDump = 1 << 30
	// maxTalk bounds what is kept of a program's messages.
	maxTalk = 16 << 10
	// bigText is where Berkeley DB's own cache of 1 MiB begins to thrash, and bigCache what cures it (facts.md 5).
	bigText  = 2 << 20
	bigCache = 256 << 20
)

// Makemap is a makemap program and the sendmail.cf it reads. Without one it exits 66, so an empty CF means /dev/null,
// and then a map belongs to whoever ran it (facts.md 5).
type Makemap struct {
	Program string
	CF      string
}

// FindMakemap returns the path of makemap: name itself when it is a path, else looked up in PATH and where Debian,
// the BSDs and Sendmail's own installation put it. An empty name means "makemap".
func FindMakemap(name string) (string, error) {
	if name == "" {
		name = "makemap"
	}
	path, err := findProgram(name, searchPath("/usr/sbin", "/usr/lib/sm.bin", "/usr/libexec/sendmail",
		"/usr/local/sbin", "/usr/libexec"))
	if err != nil {
		return "", fmt.Errorf("makemap: %w (it comes with Sendmail: install sendmail-bin, name the program in "+
			"makemap = \"/path/to/makemap\", or set map = \"none\")", err)
	}
	return path, nil
}

// mapSuffix is what makemap appends to a map's name.
func mapSuffix(mapType string) (string, error) {
	switch mapType {
	case "hash", "btree":
		return ".db", nil
	case "cdb":
		return ".cdb", nil
	}
	return "", fmt.Errorf("map type %q: want hash, btree or cdb", mapType)
}

// MapFile returns the file that holds the map of a text: hash and btree live in NAME.db, cdb in NAME.cdb (facts.md 5).
func MapFile(mapType, textPath string) (string, error) {
	suffix, err := mapSuffix(mapType)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(textPath, suffix) {
		return "", fmt.Errorf("%s: makemap would take this name for the map itself; name the text", textPath)
	}
	return textPath + suffix, nil
}

func (m Makemap) run(ctx context.Context, stdin []byte, maxOutput int, args ...string) ([]byte, error) {
	cf := m.CF
	if cf == "" {
		cf = "/dev/null"
	}
	argv := append([]string{m.Program, "-C", cf}, args...)
	return program{argv: argv, stdin: stdin, limit: makemapLimit, maxOutput: maxOutput}.run(ctx)
}

// Types returns the map types this makemap was built with.
func (m Makemap) Types(ctx context.Context) ([]string, error) {
	out, err := m.run(ctx, nil, maxTalk, "-l")
	if err != nil {
		return nil, err
	}
	types := strings.Fields(string(out))
	return slices.DeleteFunc(types, func(t string) bool { return t == "implicit" }), nil
}

// Build makes the map base + suffix from a finished text. base must name no live map: makemap empties its output before
// it reads a byte (facts.md 5). An error is a *MapTextError when lines of the text are at fault.
func (m Makemap) Build(ctx context.Context, mapType, base string, text []byte) error {
	if _, err := mapSuffix(mapType); err != nil {
		return err
	}
	if _, problems := ReadMapText(text); len(problems) > 0 {
		return &MapTextError{Problems: problems}
	}
	return m.build(ctx, mapType, base, text)
}

// build is Build for a text that ReadMapText has found nothing wrong with.
func (m Makemap) build(ctx context.Context, mapType, base string, text []byte) error {
	args := []string{mapType, base}
	if len(text) > bigText {
		args = append([]string{"-c", strconv.Itoa(bigCache)}, args...)
	}
	_, err := m.run(ctx, text, maxTalk, args...)
	return m.explain(ctx, err, mapType, text)
}

// explain adds what to do to a makemap that failed: which types it has, or which line it stopped at.
func (m Makemap) explain(ctx context.Context, err error, mapType string, text []byte) error {
	var failed *programError
	if !errors.As(err, &failed) {
		return err
	}
	if strings.Contains(failed.said, "Need to recompile") || strings.Contains(failed.said, "Unknown database type") {
		if types, typesErr := m.Types(ctx); typesErr == nil {
			return m.lacks(mapType, types)
		}
	}
	if problems := makemapLines(failed.said, text); len(problems) > 0 {
		return &MapTextError{Problems: problems}
	}
	return err
}

var makemapLine = pattern(`(?m)^\S*makemap: .*: line (\d+): (.*)$`)

// makemapLines reads makemap's complaints ("makemap: NAME: line 3: key a: duplicate key"). Its line numbers are those
// of the text as long as no line is over its limit, which ReadMapText has ruled out before.
func makemapLines(said string, text []byte) []MapProblem {
	var problems []MapProblem
	lines := strings.Split(string(text), "\n")
	for _, match := range makemapLine().FindAllStringSubmatch(said, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil || n < 1 || n > len(lines) {
			continue
		}
		problems = append(problems, MapProblem{Line: n, Text: lines[n-1], Reason: match[2]})
	}
	return problems
}

// Dump returns what the map base + suffix holds, as makemap -u prints it: key to value.
func (m Makemap) Dump(ctx context.Context, mapType, base string) (map[string]string, error) {
	out, err := m.run(ctx, nil, maxDump, "-u", mapType, base)
	if err != nil {
		return nil, err
	}
	held := make(map[string]string, bytes.Count(out, []byte("\n")))
	for line := range strings.Lines(string(out)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if _, twice := held[key]; !ok || twice {
			return nil, fmt.Errorf("%s -u %s %s: cannot be read back at %q", m.Program, mapType, base, line)
		}
		held[key] = value
	}
	return held, nil
}

// Verify dumps the map base + suffix and holds it against what it was made from: every key and every value, and nothing
// else. The error names the first differences; it is a *MapDiffersError.
func (m Makemap) Verify(ctx context.Context, mapType, base string, want []MapEntry) error {
	held, err := m.Dump(ctx, mapType, base)
	if err != nil {
		return err
	}
	return compareMap(held, want)
}

// holds reports whether the live map at path holds exactly the entries. One that is missing or cannot be dumped does
// not: making another will say why. The error is the context's.
func (m Makemap) holds(ctx context.Context, mapType, path string, want []MapEntry) (bool, error) {
	suffix, err := mapSuffix(mapType)
	if err != nil {
		return false, err
	}
	// makemap follows no symbolic links (facts.md 5).
	real, err := filepath.EvalSymlinks(path)
	if err != nil || !strings.HasSuffix(real, suffix) {
		return false, nil
	}
	err = m.Verify(ctx, mapType, strings.TrimSuffix(real, suffix), want)
	return err == nil, context.Cause(ctx)
}

// MapDiffersError is a map that does not hold what its text says.
type MapDiffersError struct{ Differences []string } // the first few, in words

func (e *MapDiffersError) Error() string {
	return "the map does not hold what the text says: " + strings.Join(e.Differences, "; ")
}

func compareMap(held map[string]string, want []MapEntry) error {
	const shown = 5
	var differences []string
	add := func(format string, args ...any) {
		if len(differences) < shown {
			differences = append(differences, fmt.Sprintf(format, args...))
		}
	}
	wanted := make(map[string]bool, len(want))
	for _, e := range want {
		wanted[e.Key] = true
		if value, ok := held[e.Key]; !ok {
			add("line %d: key %q is missing", e.Line, e.Key)
		} else if value != e.Value {
			add("line %d: key %q has value %q instead of %q", e.Line, e.Key, value, e.Value)
		}
	}
	if len(held) != len(want) || len(differences) > 0 {
		var extra []string
		for key := range held {
			if !wanted[key] {
				extra = append(extra, key)
			}
		}
		slices.Sort(extra)
		for _, key := range extra {
			add("key %q is in the map alone", key)
		}
	}
	if len(differences) > 0 {
		return &MapDiffersError{Differences: differences}
	}
	return nil
}

// lacks says which types there are in place of one there is not.
func (m Makemap) lacks(mapType string, types []string) error {
	return fmt.Errorf("%s cannot make %s maps, only %s: set map to one of these and to what sendmail.cf reads",
		m.Program, mapType, strings.Join(types, ", "))
}

// canMake tells beforehand whether a map of that type could be made here.
func canMake(ctx context.Context, name, mapType string) error {
	program, err := FindMakemap(name)
	if err != nil {
		return err
	}
	m := Makemap{Program: program}
	types, err := m.Types(ctx)
	if err == nil && !slices.Contains(types, mapType) {
		err = m.lacks(mapType, types)
	}
	return err
}

// linked is the name without a suffix under which makemap finds a map that may be a symbolic link.
func linked(mapPath, textPath string) (base string, err error) {
	real, err := filepath.EvalSymlinks(mapPath)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(real, strings.TrimPrefix(mapPath, textPath)), nil
}
