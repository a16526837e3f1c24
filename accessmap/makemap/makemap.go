// Package makemap builds, dumps and compares maps with Sendmail's makemap program, and reads a text by the rules of that
// program. It never writes to a map in use: its caller names a new file and puts it in place.
package makemap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/program"
	"mailallow/allowlist/pattern"
)

// timeLimit bounds one run. A million keys take a second in the order of byPage, and ten in another.
const timeLimit = 5 * time.Minute

// usualCF is the file that makemap reads by itself.
const usualCF = "/etc/mail/sendmail.cf"

// Program is a makemap program and the sendmail.cf that it reads. An empty CF means /dev/null, because makemap exits 66
// without a file; then a map belongs to the user who runs makemap (docs/facts.md 5).
type Program struct {
	Path string
	CF   string
}

// Find returns the path of makemap. A name with a slash is that path. No name, or makemap, means Sendmail's own wherever it is
// (program.OfSendmail); another name is looked up in PATH.
func Find(name string) (path string, err error) {
	if name == "" || name == "makemap" {
		path, err = program.OfSendmail("makemap")
	} else {
		path, err = program.Find(name, program.SearchPath())
	}
	if err != nil {
		return "", fmt.Errorf("makemap: %w (it comes with Sendmail: install sendmail-bin, name the program in "+
			"makemap = \"/path/to/makemap\", or set map = \"none\")", err)
	}
	return path, nil
}

// Own finds the makemap for a command that only looks. Such a command must not start a program only because the configuration
// names it, for that may be a stranger's proposal. So path is the makemap of this name only if it is Sendmail's, in PATH or
// where systems have it; else it is Sendmail's own. Without one, path is empty, and ok is false if name is another program.
func Own(name string) (path string, ok bool) {
	usual := name == "" || name == "makemap"
	named, err := Find(name)
	if usual || err == nil && program.IsOfSendmail("makemap", named) {
		return named, true
	}
	own, err := Find("makemap")
	return own, err == nil
}

// New gives the makemap that Find finds by name, with the sendmail.cf that reads its maps; a file that does not exist is none.
// makemap opens the map of another user only if cf names that user as TrustedUser (docs/facts.md 22).
func New(name, cf string) (m Program, err error) {
	if m.Path, err = Find(name); err != nil {
		return Program{}, err
	}
	if _, err := os.Stat(cf); !errors.Is(err, fs.ErrNotExist) {
		m.CF = cf
	}
	return m, nil
}

// ByHand gives the command for a person to make the map of a text. makemap reads usualCF by itself.
func (m Program) ByHand(mapType, textPath string) string {
	cf, textPath := cmp.Or(m.CF, os.DevNull), program.Quoted(textPath)
	if cf == usualCF {
		return fmt.Sprintf("makemap %s %s < %[2]s", mapType, textPath)
	}
	return fmt.Sprintf("makemap -C %s %s %s < %[3]s", program.Quoted(cf), mapType, textPath)
}

// putError is in makemap's message about a pair that Berkeley DB does not take. On a full disk it waits for seconds before each of
// them, and the reason that it gives is another one.
const putError = "put error"

func (m Program) with(stdin io.Reader, args ...string) program.Program {
	argv := append([]string{m.Path, "-C", cmp.Or(m.CF, os.DevNull)}, args...)
	return program.Program{Argv: argv, Stdin: stdin, Limit: timeLimit, MaxOutput: program.MaxMessages, Hopeless: putError}
}

// Build makes the map of a text in file, which must not be a map in use: makemap empties its output before it reads any
// input (docs/facts.md 5). makemap must write to this file and to no other of its name. A *TextError names the lines that
// makemap refuses.
func (m Program) Build(ctx context.Context, mapType, file string, text *Text) error {
	if len(text.Problems) > 0 {
		return &TextError{Problems: text.Problems}
	}
	input := text.feed(mapType)
	known, err := namesakes(file)
	if err != nil {
		return err
	}
	args := []string{mapType, withoutSuffix(file)}
	if input.cache > 0 {
		args = append([]string{"-c", strconv.Itoa(input.cache)}, args...)
	}
	if _, err := m.with(input.reader(), args...).Run(ctx); err != nil {
		return m.explain(ctx, err, mapType, filepath.Dir(file), input)
	}
	return m.checkBuilt(mapType, file, known)
}

// withoutSuffix is the name by which makemap knows the map in a file.
func withoutSuffix(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) }

// namesakes are the other files that makemap could write: the name without a suffix, or with another one.
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

// checkBuilt returns an error unless makemap has written the map to file alone. It removes namesakes that are not in known. A
// makemap that keeps the type in another file also dumps it from there, so that Verify would pass and an empty
// file would be installed (docs/facts.md 19).
func (m Program) checkBuilt(mapType, file string, known []string) error {
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
	info, err := os.Lstat(file)
	if err != nil {
		return fmt.Errorf("%s left no map: %w", m.Path, err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return fmt.Errorf("%s ended with status 0 and wrote no %s map: is it the makemap of this Sendmail?", m.Path, mapType)
	}
	return nil
}

// explain names the types that makemap can make, or the lines that it refuses, or says that the file system of the map is full.
func (m Program) explain(ctx context.Context, err error, mapType, dir string, input feed) error {
	var failed *program.Error
	if !errors.As(err, &failed) {
		return err
	}
	if strings.Contains(failed.Said, "Need to recompile") || strings.Contains(failed.Said, "Unknown database type") {
		if types, typesErr := m.types(ctx); typesErr == nil {
			return m.cannotMake(mapType, types)
		}
	}
	if strings.Contains(failed.Said, putError) {
		if kernel.Full(dir) {
			return fmt.Errorf("%w: %w", err, syscall.ENOSPC)
		}
		return err
	}
	if problems := readComplaints(failed.Said, input); len(problems) > 0 {
		return &TextError{Problems: problems}
	}
	return err
}

var complaint = pattern.New(`(?m)^\S*makemap: .*: line (\d+): (.*)$`)

// readComplaints reads makemap's messages about lines, such as "makemap: NAME: line 3: key a: duplicate key". It counts the
// lines of the feed; that is right because ReadText has refused lines that are too long.
func readComplaints(stderr string, input feed) []Problem {
	var problems []Problem
	for _, match := range complaint().FindAllStringSubmatch(stderr, -1) {
		n, _ := strconv.Atoi(match[1]) // problem refuses 0
		if p, ok := input.problem(n, match[2]); ok {
			problems = append(problems, p)
		}
	}
	sort.SliceStable(problems, func(i, j int) bool { return problems[i].Line < problems[j].Line })
	return problems
}
