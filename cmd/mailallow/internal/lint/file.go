package lint

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/aymanbagabas/go-udiff"

	"mailallow/accessmap/format"
	"mailallow/accessmap/install"
	"mailallow/accessmap/lint"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/bounded"
	"mailallow/cmd/mailallow/internal/config"
)

// Bounds on a file. A million keys with their comments need half of each.
const (
	maxBytes = 128 << 20
	maxLines = 4_000_000
)

// targetOf gives the target with the file at path; nil: there is none.
func (l *check) targetOf(path string) *plan.Target {
	for i, t := range l.settings.Targets {
		if t.Path == path {
			return &l.settings.Targets[i]
		}
	}
	return nil
}

// kindOf gives the kind of a file: from --as, else its target, else main.cf, else its
// name and content. An empty kind has no rules.
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
			return "", use // a list for other programs, not written by hand
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

// readerOf gives the sendmail.cf that reads the map of an access file; nil: there is
// none.
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

// sendmailCF gives the path of the sendmail.cf for a target, which may be nil.
func (l *check) sendmailCF(target *plan.Target) string {
	if target != nil && target.SendmailCF != "" {
		return target.SendmailCF
	}
	return filepath.Join(l.root, config.DefaultSendmailCF)
}

// below puts the root before the path of the access map in a sendmail.cf.
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

// find gives the findings in a file, and its text with the certain ones corrected.
func (l *check) find(ctx context.Context, path string, text []byte) (findings []lint.Finding, fixed []byte) {
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

// file checks a file. With --fix it writes the fixed text and checks the file again.
func (l *check) file(ctx context.Context, path string) {
	text, err := readBounded(path)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	l.files++
	findings, fixed := l.find(ctx, path, text)
	if l.fix && string(fixed) != string(text) {
		l.t.Unified(udiff.Unified(path, path, string(text), string(fixed)))
		warning, err := install.ReplaceText(ctx, path, text, fixed)
		if warning != "" {
			l.t.Warn("%s", warning)
		}
		if err != nil {
			l.errs = append(l.errs, fmt.Errorf("--fix: the file is unchanged: %w", err))
		} else {
			for _, f := range findings {
				if f.Certain {
					l.document.Fixed = append(l.document.Fixed, f)
				}
			}
			findings, _ = l.find(ctx, path, fixed)
		}
	}
	l.document.Findings = append(l.document.Findings, findings...)
}

// readBounded reads a text file within the bounds.
func readBounded(path string) ([]byte, error) {
	text, err := bounded.Stream(path, maxBytes)
	if err == nil && bytes.Count(text, []byte("\n")) > maxLines {
		err = fmt.Errorf("%s: more than %d lines", path, maxLines)
	}
	if err == nil && isBinary(text) {
		err = fmt.Errorf("%s: no text; to check a map, lint the text that it is built from", path)
	}
	return text, err
}

// isBinary reports whether a file is a map or other binary: of its first 4096 bytes more
// than a tenth are NULs.
func isBinary(text []byte) bool {
	head := text[:min(len(text), 4096)]
	return bytes.Count(head, []byte{0})*10 > len(head)
}
