package lint

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/aymanbagabas/go-udiff"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint"
	"mailallow/accessmap/lint/access"
	"mailallow/accessmap/lint/list"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/table"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/servers"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Bounds on a file. A million keys with their comments need half of each.
const (
	maxBytes = 128 << 20
	maxLines = 4_000_000
)

// subject is a file to check.
type subject struct {
	path, absolute string
	text           []byte
	target         plan.Target // with this file; its Path is empty if there is none
	kind           lint.Kind   // empty: a list for other programs, not written by hand, which has no rules
	use            format.Use
}

// subjectOf finds the target with the file, and the kind of the file: from --as, else its
// target, else main.cf, else its name and content.
func (l *check) subjectOf(ctx context.Context, path string, text []byte) subject {
	s := subject{path: path, absolute: path, text: text}
	if absolute, err := filepath.Abs(path); err == nil {
		s.absolute = absolute
	}
	var isTarget bool
	if s.target, isTarget = l.targetOf(s.absolute); isTarget {
		s.use = s.target.Format.Use
	} else {
		s.use = l.reader(ctx, s.absolute)
	}
	switch {
	case l.as != "":
		s.kind = l.as
	case s.use != format.UseNone:
		s.kind = lint.KindTable
	case slices.ContainsFunc(l.settings.Sources, func(src allowlist.Source) bool { return src.FilePath == s.absolute }):
		s.kind = lint.KindList
	case !isTarget:
		s.kind = lint.KindOf(path, text)
	case s.target.Format.Map:
		s.kind = lint.KindAccess
	}
	return s
}

func (l *check) targetOf(path string) (t plan.Target, found bool) {
	i := slices.IndexFunc(l.settings.Targets, func(t plan.Target) bool { return t.Path == path })
	if i < 0 {
		return t, false
	}
	return l.settings.Targets[i], true
}

// readerOf gives the sendmail.cf that reads the map of an access file; nil: there is
// none.
func (l *check) readerOf(s subject) *sendmail.CF {
	cf, err := servers.Sendmail(l.sendmailCF(s.target), l.root)
	if err != nil || !cf.Names(s.absolute) {
		return nil
	}
	return cf
}

// sendmailCF gives the path of the sendmail.cf for a target, which may be zero.
func (l *check) sendmailCF(target plan.Target) string {
	return cmp.Or(target.SendmailCF, filepath.Join(l.root, config.DefaultSendmailCF))
}

// mapOptions says how the map of an access file is made and read. cf, the sendmail.cf that
// names the map, may be nil.
func (l *check) mapOptions(s subject, cf *sendmail.CF) access.MapOptions {
	o := access.MapOptions{Makemap: s.target.Makemap, SendmailCF: l.sendmailCF(s.target)}
	if cf != nil {
		o.Type = cf.AccessClass
	}
	if s.target.Map != "" && s.target.Map != makemap.Auto {
		o.Type = s.target.Map
	}
	return o
}

// find gives the findings in a file.
func (l *check) find(ctx context.Context, s subject) (findings []rule.Finding) {
	switch s.kind {
	case lint.KindConfig:
		findings = l.config(ctx, s.path, s.text)
	case lint.KindTable:
		findings = table.Check(s.text, s.use, l.relaying(ctx, s.absolute))
	case lint.KindList:
		findings = list.Check(s.text, l.relaying(ctx, s.absolute))
	case lint.KindAccess:
		cf := l.readerOf(s)
		findings = access.Check(s.text, access.Options{CF: cf, Options: l.known()})
		if s.target.Map == makemap.None {
			break
		}
		ofMap, err := access.CheckMap(ctx, s.absolute, s.text, l.mapOptions(s, cf))
		if err != nil {
			l.errs = append(l.errs, err)
		}
		findings = append(ofMap, findings...)
	}
	return of(s.path, findings)
}

// fix gives the text of a file with the certain findings corrected, and those findings.
func (l *check) fix(ctx context.Context, s subject) (fixed []byte, made []rule.Finding) {
	switch s.kind {
	case lint.KindTable:
		fixed, made = table.Fix(s.text, s.use, l.relaying(ctx, s.absolute))
	case lint.KindList:
		fixed, made = list.Fix(s.text, l.relaying(ctx, s.absolute))
	case lint.KindAccess:
		fixed, made = access.Fix(s.text, access.Options{CF: l.readerOf(s), Options: l.known()})
	default:
		return s.text, nil
	}
	return fixed, of(s.path, made)
}

// of gives findings the path of their file.
func of(path string, findings []rule.Finding) []rule.Finding {
	for i := range findings {
		findings[i].File = path
	}
	return findings
}

// file checks a file. With --fix it first writes the fixed text.
func (l *check) file(ctx context.Context, path string) {
	text, err := l.read(ctx, path)
	if err == nil && l.as == "" && isSettings(path) {
		err = fmt.Errorf("%s: settings of a mail server, and no list: lint without a FILE checks those that the server of this host reads", path)
	}
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	s := l.subjectOf(ctx, path, text)
	if other := l.otherType(ctx, s); other != "" {
		l.errs = append(l.errs, fmt.Errorf("%s: Postfix reads it as %s:, and lint knows its tables of type cidr alone; to check it all the same, say as what with --as", path, other))
		return
	}
	l.files++
	if l.lock != nil {
		l.correct(ctx, &s)
	}
	l.document.Findings = append(l.document.Findings, l.find(ctx, s)...)
}

// correct writes the fixed text of a file, if it is another one, and shows the difference first.
func (l *check) correct(ctx context.Context, s *subject) {
	fixed, made := l.fix(ctx, *s)
	if bytes.Equal(fixed, s.text) {
		return
	}
	name := terminal.Place(s.path, 0)
	l.t.Unified(udiff.Unified(name, name, string(s.text), string(fixed)))
	if l.write(ctx, *s, fixed) {
		l.document.Fixed = append(l.document.Fixed, made...)
		l.written = append(l.written, *s)
		s.text = fixed
	}
}

// write replaces the text of a file, and reports whether it did.
func (l *check) write(ctx context.Context, s subject, fixed []byte) (ok bool) {
	warnings, err := l.lock.ReplaceText(ctx, s.absolute, s.text, fixed)
	for _, w := range warnings {
		l.t.Warn("%s", w)
	}
	if err != nil {
		l.unwritten = true
		l.errs = append(l.errs, exit.With(exit.Install, fmt.Errorf("--fix: %w", err)))
	}
	return err == nil
}

// read reads a text file within the bounds. Only one that the command line names may be a pipe.
func (l *check) read(ctx context.Context, path string) (text []byte, err error) {
	if l.named {
		text, err = bounded.Stream(ctx, path, maxBytes)
	} else {
		text, err = bounded.File(path, maxBytes)
	}
	if err == nil && bytes.Count(text, []byte("\n")) > maxLines {
		err = fmt.Errorf("%s: more than %d lines", path, maxLines)
	}
	if err == nil && isBinary(text) {
		err = fmt.Errorf("%s: no text; to check a map, lint the text that it is built from", path)
	}
	return text, err
}

// isSettings reports whether a file is main.cf, sendmail.cf or the like, by its name. As a list each of their lines would be a
// mistake, or none.
func isSettings(path string) bool {
	base := filepath.Base(path)
	return slices.Contains([]string{"main.cf", "master.cf", "sendmail.cf", "submit.cf"}, base) || filepath.Ext(base) == ".mc"
}

// isBinary reports whether a file is a map or other binary: of its first 4096 bytes more
// than a tenth are NULs.
func isBinary(text []byte) bool {
	head := text[:min(len(text), 4096)]
	return bytes.Count(head, []byte{0})*10 > len(head)
}
