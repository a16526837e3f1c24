package lint

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"mailallow/accessmap/format"
	"mailallow/accessmap/install"
	"mailallow/accessmap/lint"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/bounded"
	"mailallow/cmd/mailallow/internal/config"
)

// Bounds on a file: a million keys with their comments are half of that.
const (
	maxBytes = 128 << 20
	maxLines = 4_000_000
)

// targetOf is the target whose file is at path; nil for none.
func (l *check) targetOf(path string) *plan.Target {
	for i, t := range l.settings.Targets {
		if t.Path == path {
			return &l.settings.Targets[i]
		}
	}
	return nil
}

// kindOf is the kind that --as names, else that of the file's target, else that of
// main.cf, else that of its name and content.
func (l *check) kindOf(path string, text []byte, target *plan.Target) (lint.Kind, format.Use) {
	use := format.UseNone
	if target != nil {
		use = target.Format.Use
		switch {
		case l.as != "":
		case target.Format.Use != format.UseNone:
			return lint.KindCIDR, use
		case target.Format.Map:
			return lint.KindAccess, use
		default:
			return "", use // a list for other programs, which nobody writes by hand
		}
	}
	if l.as != "" {
		return l.as, use
	}
	if use := l.uses[path]; use != format.UseNone {
		return lint.KindCIDR, use
	}
	return lint.KindOf(path, text), use
}

// readerOf is the sendmail.cf that reads the map of an access file; nil for none.
func (l *check) readerOf(path string, target *plan.Target) *sendmail.CF {
	cf, err := sendmail.ReadCF(l.sendmailCF(target))
	if err != nil {
		return nil
	}
	if l.below(&cf); !cf.Names(path) {
		return nil
	}
	return &cf
}

func (l *check) sendmailCF(target *plan.Target) string {
	if target != nil && target.SendmailCF != "" {
		return target.SendmailCF
	}
	return filepath.Join(l.root, config.DefaultSendmailCF)
}

// below puts the root before the path of the access file in a sendmail.cf.
func (l *check) below(cf *sendmail.CF) {
	if cf.Root = l.root; l.root != "" && cf.AccessPath != "" {
		cf.AccessPath = filepath.Join(l.root, cf.AccessPath)
	}
}

func mapTypeOf(target *plan.Target, cf *sendmail.CF) string {
	switch {
	case target != nil && target.Map != makemap.Auto:
		return target.Map
	case cf != nil:
		return cf.AccessClass
	}
	return ""
}

func makemapOf(target *plan.Target) string {
	if target == nil {
		return ""
	}
	return target.Makemap
}

// look gives the findings in a file, and its text with the certain ones put right.
func (l *check) look(ctx context.Context, path string, text []byte) (findings []lint.Finding, fixed []byte) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	target := l.targetOf(absolute)
	kind, use := l.kindOf(path, text, target)
	fixed = text
	switch kind {
	case lint.KindConfig:
		findings = l.config(path, text)
	case lint.KindCIDR:
		findings, fixed = lint.CIDR(text, use)
	case lint.KindAccess:
		cf := l.readerOf(absolute, target)
		findings, fixed = lint.Access(text, lint.Options{CF: cf, Shared: l.shared.Within})
		if target != nil && target.Map == makemap.None {
			break
		}
		ofMap, err := lint.Map(ctx, absolute, text, mapTypeOf(target, cf), makemapOf(target))
		if err != nil {
			l.errs = append(l.errs, err)
		}
		findings = append(ofMap, findings...)
	}
	for i := range findings {
		findings[i].File = path
	}
	return findings, fixed
}

// file looks at a file, and with --fix writes it and looks at what is left.
func (l *check) file(ctx context.Context, path string) {
	text, err := readBounded(path)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	l.files++
	findings, fixed := l.look(ctx, path, text)
	if l.fix && string(fixed) != string(text) {
		l.t.Unified(install.UnifiedDiff(path, text, fixed))
		warning, err := install.ReplaceText(ctx, path, text, fixed)
		if warning != "" {
			l.t.Warn("%s", warning)
		}
		if err != nil {
			l.errs = append(l.errs, fmt.Errorf("it stays as it is: %w", err))
		} else {
			for _, f := range findings {
				if f.Certain {
					l.document.Fixed = append(l.document.Fixed, f)
				}
			}
			findings, _ = l.look(ctx, path, fixed)
		}
	}
	l.document.Findings = append(l.document.Findings, findings...)
}

func readBounded(path string) ([]byte, error) {
	text, err := bounded.Stream(path, maxBytes)
	if err == nil && bytes.Count(text, []byte("\n")) > maxLines {
		err = fmt.Errorf("%s: more than %d lines", path, maxLines)
	}
	if err == nil && isBinary(text) {
		err = fmt.Errorf("%s: no text; a map is linted with the text that it is made from", path)
	}
	return text, err
}

// isBinary reports whether a file is a map or the like and no text, by the NULs at its
// beginning.
func isBinary(text []byte) bool {
	const looked, often = 4096, 10
	head := text[:min(len(text), looked)]
	return bytes.Count(head, []byte{0})*often > len(head)
}
