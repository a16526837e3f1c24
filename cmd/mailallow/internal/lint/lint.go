// Package lint is the command that says what is wrong in access files, tables,
// configurations and the settings of the mail servers, and puts right what is certain.
// The rules for files are those of package accessmap.
package lint

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Config config.Flags
	As     string   // one of Kinds; empty: by name and content
	Fix    bool     // put right what is certain
	Rules  bool     // list the rules, and look at nothing
	Files  []string // empty: the configuration, its targets and the servers
}

// check is a run of the command.
type check struct {
	settings *config.Settings
	t        *terminal.Terminal
	root     string                // absolute, or empty
	shared   *catalogue.Catalogue  // of shared providers
	as       lint.Kind             // empty: by name and content
	uses     map[string]format.Use // of the tables that main.cf names, by path
	fix      bool
	document document
	files    int     // looked at
	errs     []error // of reading and writing

	ofServers []lint.Finding
}

type document struct {
	Version  int                 `json:"version"`
	Findings []lint.Finding      `json:"findings"`
	Fixed    []lint.Finding      `json:"fixed"`   // with --fix, with the lines before it
	Servers  []serverDocument    `json:"servers"` // of this host, with no FILE
	Problems []allowlist.Problem `json:"problems"`
}

type serverDocument struct {
	MTA   string   `json:"mta"`
	File  string   `json:"file"`
	Facts []string `json:"facts"`
}

func newDocument() document {
	return document{Version: terminal.DocumentVersion, Findings: []lint.Finding{}, Fixed: []lint.Finding{},
		Servers: []serverDocument{}, Problems: []allowlist.Problem{}}
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	doc := newDocument()
	doc.Problems = problems
	return doc
}

// Kinds are the kinds of files.
func Kinds() []string {
	return []string{string(lint.KindAccess), string(lint.KindCIDR), string(lint.KindConfig)}
}

// Run looks at the files, or with none at the whole host. It ends with exit.Finding if
// something is wrong.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if o.Rules {
		return tellRules(t)
	}
	l := &check{t: t, root: o.Config.Root, as: lint.Kind(o.As), fix: o.Fix,
		uses: map[string]format.Use{}, document: newDocument()}
	if err := exit.OneOf("as", o.As, Kinds()); o.As != "" && err != nil {
		return err
	}
	if o.As != "" && len(o.Files) == 0 {
		return exit.Usagef("--as says what FILE is, and there is none")
	}
	var err error
	if l.root != "" {
		if l.root, err = filepath.Abs(l.root); err != nil {
			return err
		}
	}
	if l.shared, err = catalogue.Shared(); err != nil {
		return err
	}
	if l.settings, err = config.Load(o.Config); err != nil {
		l.settings = &config.Settings{} // mistakes in the configuration are findings, if lint looks at it
	}
	if len(o.Files) > 0 {
		if err != nil {
			t.Note("what the configuration says of files is not known: 'mailallow lint' with no file looks at it")
		}
		for _, path := range o.Files {
			l.file(ctx, path)
		}
	} else {
		l.host(ctx, o.Config.Path)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.end()
}

// host looks at the configuration at path, at the files that it names, and at the
// servers.
func (l *check) host(ctx context.Context, path string) {
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
	// Mistakes that keep the whole list from taking effect come before those of a line.
	l.document.Findings = slices.Insert(l.document.Findings, ofConfig, l.ofServers...)
}
