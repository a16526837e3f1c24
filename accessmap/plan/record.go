package plan

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/provenance"
)

// NotOurs is in a Change in place of the name of a source: a person wrote the line among ours.
const NotOurs = "not ours"

// Installed finds what the record says of a target. It goes by the file itself, since a path can be another name of it.
func (t Target) Installed(r record.Record) (found record.Target, ok bool) {
	live, err := filepath.EvalSymlinks(t.Path)
	for _, one := range r.Targets {
		at := filepath.Join("/", t.Root, one.Path)
		if at == t.Path {
			return one, true
		}
		if there, errThere := filepath.EvalSymlinks(at); err == nil && errThere == nil && live == there {
			return one, true
		}
	}
	return record.Target{}, false
}

// TargetOf gives the target of a record that is below root.
func TargetOf(r record.Target, root string) (t Target, err error) {
	t = Target{Path: filepath.Join("/", root, r.Path), WholeFile: r.WholeFile, Map: r.Map, Makemap: r.Makemap,
		SendmailCF: filepath.Join("/", root, r.SendmailCF), CFOptional: r.CFOptional, Root: root}
	if root == "" {
		t.OnChange = r.OnChange
	}
	t.Format, err = format.ByName(r.Format)
	return t, err
}

// inside gives an absolute path as the system below Root has it.
func (t Target) inside(path string) string {
	return strings.TrimPrefix(path, strings.TrimSuffix(filepath.Clean(t.Root), "/")) // of /, nothing
}

// Recorded gives what the record is to say once the plan is installed. earlier is what it says now; sources are those of the
// list.
func (p *Plan) Recorded(earlier record.Target, sources []string) record.Target {
	next := record.Target{
		Path: p.inside(p.Path), Format: p.Format.Name, WholeFile: p.WholeFile, Map: p.Map, Makemap: p.Makemap,
		SendmailCF: p.inside(p.SendmailCF), CFOptional: p.CFOptional, OnChange: p.OnChange, Sources: sources,
		Created: earlier.Created, Unterminated: earlier.Unterminated,
		Texts: earlier.Next(p.before.managed, p.managed),
	}
	if p.First() {
		next.Created, next.Unterminated = !p.Exists, ""
		if last := block.LastLine(p.Old); p.inBlock() && len(last) > 0 && !bytes.HasSuffix(last, []byte("\n")) {
			next.Unterminated = record.Digest(last)
		}
	}
	return next
}

// divide divides the managed part of a file into our lines and those of others. The numbers of the latter are counted from the
// beginning of the file. If the record does not know our lines, their form tells them from others.
func (t Target) divide(r record.Target, file block.File) (ours []byte, foreign []record.Line) {
	ours, foreign = r.Foreign(file.Inside)
	if t.inBlock() && !r.Knows() {
		ours = nil
		number := 0
		for line := range bytes.Lines(file.Inside) {
			number++
			if format.OursSendmail(line) {
				ours = append(ours, line...)
			} else {
				foreign = append(foreign, record.Line{Number: number, Text: line})
			}
		}
	}
	for i := range foreign {
		foreign[i].Number += linesAbove(file)
	}
	return ours, foreign
}

// linesAbove is how many lines of the file are above its managed part.
func linesAbove(file block.File) int {
	if !file.Found {
		return 0
	}
	return bytes.Count(file.Before, []byte("\n")) + 1 // the marker
}

const kindUnread = "foreign"

// Unread reports whether a managed part could not be read, so that nobody knows which networks it has.
func (p Problem) Unread() bool { return p.Kind == kindUnread }

// unread says what becomes of a managed part in which a line of ours, which stand between the foreign ones, cannot be read.
func unread(err error, file block.File, foreign []record.Line, becomes string) Problem {
	p := Problem{Kind: kindUnread}
	if at := (*fault.AtLine)(nil); errors.As(err, &at) {
		p.Line, err = at.Line+linesAbove(file), at.Err
		for _, line := range foreign {
			if line.Number <= p.Line {
				p.Line++
			}
		}
	}
	p.Text = "its content is not as mailallow writes it, and " + becomes + ": " + err.Error()
	return p
}

// maxNotOurs bounds the lines that are named one by one: a person wrote few among ours.
const maxNotOurs = 20

// notOurs names lines of others; what says what becomes of them.
func notOurs(foreign []record.Line, what string) (problems []Problem) {
	for i, line := range foreign {
		if i == maxNotOurs {
			return append(problems, Problem{Kind: "not-ours", Line: line.Number, Text: "and " + ascii.Count(len(foreign)-i) + " more that mailallow did not write"})
		}
		problems = append(problems, Problem{Kind: "not-ours", Line: line.Number,
			Text: fmt.Sprintf("not ours: mailallow did not write the line \"%s\"; %s", ascii.Excerpt(strings.TrimSuffix(string(line.Text), "\n")), what)})
	}
	return problems
}

// entriesOf reads the managed part of the present file. The entries of lines that are not ours have NotOurs for their source, and
// not the one whose comment is above them.
func entriesOf(f format.Format, ours []byte, foreign []record.Line) ([]allowlist.Entry, error) {
	entries, err := f.Read(ours)
	if err != nil || len(foreign) == 0 {
		return entries, err
	}
	have := map[netip.Prefix]bool{}
	for _, e := range entries {
		have[e.Prefix] = true
	}
	for _, line := range foreign {
		others, err := f.Read(line.Text)
		if err != nil {
			continue // no entry, and named as a line
		}
		for _, e := range others {
			if !have[e.Prefix] { // makemap keeps the first of a key
				e.Owners = []allowlist.Owner{{Source: NotOurs, Paths: []*provenance.Path{provenance.Of(fmt.Sprintf("line %d", line.Number))}}}
				entries = append(entries, e)
			}
		}
	}
	return entries, nil
}
