package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/urfave/cli/v2"
)

const lintText = `Says what is wrong in the files, each thing with its line, why, and what to write
instead: Sendmail access files, Postfix tables of type cidr, and configurations of
mailallow, told apart by name and content. Exit 1 when something was found.

With no file it looks at the configuration, the files of its targets (else at
/etc/mail/access and the tables that main.cf names), and at sendmail.cf and Postfix's
main.cf: what there keeps the list from taking effect.

--fix puts right what is certain, and shows the difference first. What is not certain
stays as it is and is told. No map is built and nothing is reloaded.`

// What a file may hold: a million keys with their comments are half of it.
const (
	maxLintBytes = 128 << 20
	maxLintLines = 4_000_000
)

// linting is one run of lint.
type linting struct {
	settings *config.Settings
	t        *terminal.Terminal
	root     string
	shared   *catalogue                    // of shared providers
	as       accessmap.Kind                // empty: told apart by name and content
	uses     map[string]accessmap.TableUse // of tables, by path, as main.cf names them
	fix      bool
	document lintDocument
	files    int
	errs     []error // what could not be read or written

	ofServers []accessmap.Finding
}

type lintDocument struct {
	Version  int                 `json:"version"`
	Findings []accessmap.Finding `json:"findings"`
	Fixed    []accessmap.Finding `json:"fixed"`   // with --fix: what is put right now, on the lines it was found on
	Servers  []serverDocument    `json:"servers"` // with no FILE: the servers that are here
	Problems []allowlist.Problem `json:"problems"`
}

type serverDocument struct {
	MTA   string   `json:"mta"`
	File  string   `json:"file"`
	Facts []string `json:"facts"`
}

func newLintDocument() lintDocument {
	return lintDocument{Version: terminal.DocumentVersion, Findings: []accessmap.Finding{}, Fixed: []accessmap.Finding{},
		Servers: []serverDocument{}, Problems: []allowlist.Problem{}}
}

func emptyLint(problems []allowlist.Problem) any {
	doc := newLintDocument()
	doc.Problems = problems
	return doc
}

// lintKinds are what --as takes.
func lintKinds() []string {
	return []string{string(accessmap.KindAccess), string(accessmap.KindCIDR), string(accessmap.KindConfig)}
}

func lint(t *terminal.Terminal, c *cli.Context) error {
	if c.Bool("rules") {
		return tellRules(t)
	}
	l := &linting{t: t, root: c.String("root"), as: accessmap.Kind(c.String("as")), fix: c.Bool("fix"),
		uses: map[string]accessmap.TableUse{}, document: newLintDocument()}
	if err := exit.OneOf("as", string(l.as), lintKinds()); l.as != "" && err != nil {
		return err
	}
	if l.as != "" && !c.Args().Present() {
		return exit.Usagef("--as says what FILE is, and there is none")
	}
	var err error
	if l.root != "" {
		if l.root, err = filepath.Abs(l.root); err != nil {
			return err
		}
	}
	if l.shared, err = sharedCatalogue(); err != nil {
		return err
	}
	if l.settings, err = config.Load(configFlags(c)); err != nil {
		l.settings = &config.Settings{} // what is wrong with the configuration is a finding, where it is looked at
	}
	if c.Args().Present() {
		if err != nil {
			t.Note("what the configuration says of files is not known: 'mailallow lint' with no file looks at it")
		}
		for _, path := range c.Args().Slice() {
			l.file(c.Context, path)
		}
	} else {
		l.host(c.Context, c.String("config"))
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	return l.end()
}

// host looks at the configuration, at the files it names, and at the servers.
func (l *linting) host(ctx context.Context, path string) {
	if path == "" {
		path = filepath.Join(l.root, config.DefaultFile)
	}
	if l.settings.Absent {
		l.t.Note("there is no configuration %s: looking at the files that the servers read", path)
	} else {
		l.file(ctx, path)
	}
	ofConfig := len(l.document.Findings)
	for _, t := range l.settings.Targets {
		if _, err := os.Stat(t.Path); errors.Is(err, os.ErrNotExist) {
			l.t.Note("%s: not there yet: 'mailallow update' creates it", t.Path)
			continue
		}
		l.file(ctx, t.Path)
	}
	l.servers(ctx)
	// What keeps the whole list from taking effect comes before what is wrong with a line.
	l.document.Findings = slices.Insert(l.document.Findings, ofConfig, l.ofServers...)
}

// file lints one file, and with --fix writes it and looks at what is left.
func (l *linting) file(ctx context.Context, path string) {
	text, err := readBounded(path)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	l.files++
	findings, fixed := l.look(ctx, path, text)
	if l.fix && string(fixed) != string(text) {
		l.t.Unified(accessmap.UnifiedDiff(path, text, fixed))
		if err := accessmap.ReplaceText(ctx, path, text, fixed); err != nil {
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
	text, err := bounded.Stream(path, maxLintBytes)
	if err == nil && bytes.Count(text, []byte("\n")) > maxLintLines {
		err = fmt.Errorf("%s: more than %d lines", path, maxLintLines)
	}
	if err == nil && isBinary(text) {
		err = fmt.Errorf("%s: no text; a map is linted with the text that it is made from", path)
	}
	return text, err
}

// isBinary reports whether a file is a map or the like and not a text, by the NULs at its beginning.
func isBinary(text []byte) bool {
	const looked, often = 4096, 10
	head := text[:min(len(text), looked)]
	return bytes.Count(head, []byte{0})*often > len(head)
}

// look gives what is wrong in a file, and its text with what is certain put right.
func (l *linting) look(ctx context.Context, path string, text []byte) (findings []accessmap.Finding, fixed []byte) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	target := l.targetOf(absolute)
	kind, use := l.kindOf(path, text, target)
	fixed = text
	switch kind {
	case accessmap.KindConfig:
		findings = l.lintConfig(path, text)
	case accessmap.KindCIDR:
		findings, fixed = accessmap.LintPostfixCIDR(text, use)
	case accessmap.KindAccess:
		cf := l.readerOf(absolute, target)
		findings, fixed = accessmap.LintAccess(text, accessmap.AccessOptions{CF: cf, Shared: l.shared.within})
		if target != nil && target.Map == accessmap.MapNone {
			break
		}
		ofMap, err := accessmap.LintMap(ctx, absolute, text, mapTypeOf(target, cf), makemapOf(target))
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

// targetOf is the target whose file is at path; nil for none.
func (l *linting) targetOf(path string) *accessmap.Target {
	for i, t := range l.settings.Targets {
		if t.Path == path {
			return &l.settings.Targets[i]
		}
	}
	return nil
}

// kindOf is what --as says, else what the file's target says, else what it looks like.
func (l *linting) kindOf(path string, text []byte, target *accessmap.Target) (accessmap.Kind, accessmap.TableUse) {
	use := accessmap.UseUnknown
	if target != nil {
		known := map[string]accessmap.TableUse{"postfix-cidr": accessmap.UseSMTPD, "postscreen-cidr": accessmap.UsePostscreen,
			"mynetworks-cidr": accessmap.UseMyNetworks}
		var isTable bool
		use, isTable = known[target.Format.Name]
		switch {
		case l.as != "":
		case isTable:
			return accessmap.KindCIDR, use
		case target.Format.Map:
			return accessmap.KindAccess, use
		default:
			return "", use // a list for other programs: mailallow's own as a whole
		}
	}
	if l.as != "" {
		return l.as, use
	}
	if use := l.uses[path]; use != accessmap.UseUnknown {
		return accessmap.KindCIDR, use
	}
	return accessmap.KindOf(path, text), use
}

// readerOf is the sendmail.cf that reads the map of an access file; nil when none is known to.
func (l *linting) readerOf(path string, target *accessmap.Target) *accessmap.SendmailCF {
	cf, err := accessmap.ReadSendmailCF(l.sendmailCF(target))
	if err != nil {
		return nil
	}
	if l.below(&cf); !cf.Names(path) {
		return nil
	}
	return &cf
}

func (l *linting) sendmailCF(target *accessmap.Target) string {
	if target != nil && target.SendmailCF != "" {
		return target.SendmailCF
	}
	return filepath.Join(l.root, config.DefaultSendmailCF)
}

// below puts the root before the path that a sendmail.cf below it names.
func (l *linting) below(cf *accessmap.SendmailCF) {
	if cf.Root = l.root; l.root != "" && cf.AccessPath != "" {
		cf.AccessPath = filepath.Join(l.root, cf.AccessPath)
	}
}

func mapTypeOf(target *accessmap.Target, cf *accessmap.SendmailCF) string {
	switch {
	case target != nil && target.Map != accessmap.MapAuto:
		return target.Map
	case cf != nil:
		return cf.AccessClass
	}
	return ""
}

func makemapOf(target *accessmap.Target) string {
	if target == nil {
		return ""
	}
	return target.Makemap
}
