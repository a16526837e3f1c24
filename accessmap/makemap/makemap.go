// Package makemap builds, dumps and compares maps with the makemap program, and reads a text as that program reads it. It never
// writes to a map that is in use: who calls it names the file and puts it in place.
package makemap

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailallow/accessmap/program"
	"mailallow/allowlist/pattern"
)

const (
	// makemapLimit is ample: a million keys take a second and a half in the order that they are fed in.
	makemapLimit = 5 * time.Minute

	// smallText is where Berkeley DB's own cache of 1 MiB begins to thrash in case that order is the wrong one, perText
	// times the text what cures it, and maxCache a bound for it (docs/facts.md 5). They are bytes.
	smallText = 512 << 10
	perText   = 4
	maxCache  = 256 << 20
)

// Program is a makemap program and the sendmail.cf it reads. Without one it exits 66, so an empty CF means /dev/null,
// and then a map belongs to whoever ran it (docs/facts.md 5).
type Program struct {
	Path string
	CF   string
}

// Find returns the path of makemap: name itself when it is a path, else looked up in PATH and where Debian,
// the BSDs and Sendmail's own installation put it. An empty name means "makemap".
func Find(name string) (string, error) {
	if name == "" {
		name = "makemap"
	}
	path, err := program.Find(name, program.SearchPath("/usr/sbin", "/usr/lib/sm.bin", "/usr/libexec/sendmail",
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

// Suffixes are those that any makemap appends.
func Suffixes() []string { return []string{".db", ".cdb"} }

// UsualFile returns the file that holds the map of a text: hash and btree live in NAME.db, cdb in NAME.cdb (docs/facts.md 5).
func UsualFile(mapType, textPath string) (string, error) {
	suffix, err := mapSuffix(mapType)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(textPath, suffix) {
		return "", fmt.Errorf("%s: makemap would take this name for the map itself; name the text", textPath)
	}
	return textPath + suffix, nil
}

func (m Program) with(stdin io.Reader, args ...string) program.Program {
	cf := m.CF
	if cf == "" {
		cf = "/dev/null"
	}
	argv := append([]string{m.Path, "-C", cf}, args...)
	return program.Program{Argv: argv, Stdin: stdin, Limit: makemapLimit, MaxOutput: program.MaxTalk}
}

// File returns the file that this makemap keeps the map of a text in. Where a type lives depends on how makemap was built:
// cdb is in NAME.cdb or in NAME.db. `makemap -x` tells, with a line TYPE:SUFFIX for each type (docs/facts.md 19). A makemap
// that does not know -x is taken to do as MapFile says.
func (m Program) File(ctx context.Context, mapType, textPath string) (string, error) {
	usual, err := UsualFile(mapType, textPath)
	if err != nil {
		return "", err
	}
	out, err := m.with(nil, "-x").Run(ctx)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		return usual, nil
	}
	for line := range strings.Lines(string(out)) {
		if named, suffix, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && named == mapType && suffixForm().MatchString(suffix) {
			return textPath + "." + suffix, nil
		}
	}
	types, err := m.Types(ctx)
	if err != nil {
		return "", err
	}
	return "", m.lacks(mapType, types)
}

var suffixForm = pattern.New(`^[a-z0-9]+$`)

// wrote is nil when makemap has written the map to file, and no file appeared beside those that are known: a map elsewhere
// would pass every look at the one that makemap reads back, and an empty file would be installed (docs/facts.md 19). A file that
// appeared is removed.
func (m Program) wrote(mapType, file string, known []string) error {
	info, err := os.Lstat(file)
	if err != nil {
		return fmt.Errorf("%s: it left no map: %w", m.Path, err)
	}
	names, err := namesakes(file)
	if err != nil {
		return err
	}
	var errs []error
	base := withoutSuffix(file)
	for _, name := range names {
		if !slices.Contains(known, name) {
			errs = append(errs, os.Remove(name), fmt.Errorf("%s wrote its %s map to NAME%s, and NAME%s was expected: is it the makemap of this Sendmail?",
				m.Path, mapType, strings.TrimPrefix(name, base), filepath.Ext(file)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return fmt.Errorf("%s said that all is well and wrote no %s map: is it the makemap of this Sendmail?", m.Path, mapType)
	}
	return nil
}

// namesakes are the other files in which makemap could keep the map of the same name: without a suffix, or with another.
func namesakes(file string) (paths []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(file))
	base := filepath.Base(withoutSuffix(file))
	for _, entry := range entries {
		if name := entry.Name(); name == base || strings.HasPrefix(name, base+".") && name != filepath.Base(file) {
			paths = append(paths, filepath.Join(filepath.Dir(file), name))
		}
	}
	return paths, err
}

// Types returns the map types this makemap was built with.
func (m Program) Types(ctx context.Context) ([]string, error) {
	out, err := m.with(nil, "-l").Run(ctx)
	if err != nil {
		return nil, err
	}
	types := strings.Fields(string(out))
	return slices.DeleteFunc(types, func(t string) bool { return t == "implicit" }), nil
}

// Build makes the map in file from a finished text. file is no live map: makemap empties its output before it reads a byte
// (docs/facts.md 5). Afterwards file holds the map, and makemap has written to no other file of that name. An error is a
// *MapTextError when lines of the text are at fault.
func (m Program) Build(ctx context.Context, mapType, file string, text *Text) error {
	if len(text.Problems) > 0 {
		return &TextError{Problems: text.Problems}
	}
	input := text.feed(mapType)
	args := []string{mapType, withoutSuffix(file)}
	if size := len(text.text); size > smallText {
		args = append([]string{"-c", strconv.Itoa(min(perText*size, maxCache))}, args...)
	}
	known, err := namesakes(file)
	if err != nil {
		return err
	}
	if _, err := m.with(input.reader(), args...).Run(ctx); err != nil {
		return m.explain(ctx, err, mapType, input)
	}
	return m.wrote(mapType, file, known)
}

// withoutSuffix is the name by which makemap knows the map in a file.
func withoutSuffix(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) }

// explain adds what to do to a makemap that failed: which types it has, or which line it stopped at.
func (m Program) explain(ctx context.Context, err error, mapType string, input feed) error {
	var failed *program.Error
	if !errors.As(err, &failed) {
		return err
	}
	if strings.Contains(failed.Said, "Need to recompile") || strings.Contains(failed.Said, "Unknown database type") {
		if types, typesErr := m.Types(ctx); typesErr == nil {
			return m.lacks(mapType, types)
		}
	}
	if problems := makemapLines(failed.Said, input); len(problems) > 0 {
		return &TextError{Problems: problems}
	}
	return err
}

var makemapLine = pattern.New(`(?m)^\S*makemap: .*: line (\d+): (.*)$`)

// makemapLines reads makemap's complaints ("makemap: NAME: line 3: key a: duplicate key"). Its line numbers are those
// of what it was fed, as long as no line is over its limit, which ReadMapText has ruled out before.
func makemapLines(said string, input feed) []Problem {
	var problems []Problem
	for _, match := range makemapLine().FindAllStringSubmatch(said, -1) {
		n, _ := strconv.Atoi(match[1]) // 0 is no line
		if p, ok := input.problem(n, match[2]); ok {
			problems = append(problems, p)
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return problems
}

// Holds reports whether the live map at path holds exactly the entries. One that is missing or cannot be dumped does
// not: making another will say why. The error is the context's.
func (m Program) Holds(ctx context.Context, mapType, path string, want *Text) (bool, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || filepath.Ext(real) != filepath.Ext(path) {
		return false, nil
	}
	err = m.Verify(ctx, mapType, real, want)
	return err == nil, context.Cause(ctx)
}

// lacks says which types there are in place of one there is not.
func (m Program) lacks(mapType string, types []string) error {
	return fmt.Errorf("%s cannot make %s maps, only %s: set map to one of these and to what sendmail.cf reads",
		m.Path, mapType, strings.Join(types, ", "))
}

// CanMake tells beforehand whether a map of that type could be made here.
func CanMake(ctx context.Context, name, mapType string) error {
	program, err := Find(name)
	if err != nil {
		return err
	}
	m := Program{Path: program}
	types, err := m.Types(ctx)
	if err == nil && !slices.Contains(types, mapType) {
		err = m.lacks(mapType, types)
	}
	return err
}

const Auto = "auto"

const None = "none"

const DefaultType = "hash"

// Words are the words that Target.Map may be.
func Words() []string { return []string{Auto, "hash", "btree", "cdb", None} }
