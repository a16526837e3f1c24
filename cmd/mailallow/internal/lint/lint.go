// Package lint is the command that reports mistakes in access files, tables,
// configurations and the settings of the mail servers, and with --fix corrects the certain
// ones. It chooses the files and shows the findings; package accessmap/lint has the rules.
package lint

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mailallow/accessmap/install"
	"mailallow/accessmap/lint"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/program"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	Config config.Flags
	As     string // one of Kinds; empty: by name and content
	Fix    bool   // correct the files if the correction is certain
	DNS    bool   // ask the DNSBLs of the servers
	// LockTimeout is how long Fix waits for another run, as config.ParseDuration reads it.
	LockTimeout string
	Strict      bool     // a note counts as a finding for the exit code
	Rules       bool     // list the rules, and check nothing
	Files       []string // empty: the configuration, its targets and the servers
}

// check is a run of the command.
type check struct {
	settings  *config.Settings
	t         *terminal.Terminal
	root      string        // absolute; empty: /
	as        lint.Kind     // empty: by name and content
	named     bool          // the command line names the files
	lock      *install.Lock // for --fix; nil: no file is written
	strict    bool
	dns       bool
	resolvers []string // of the command line
	flags     string   // those of the configuration, for a command to paste
	warned    bool     // of the lines of resolv.conf that cannot be used
	document  jsonDocument
	files     int       // checked
	written   []subject // by --fix
	unwritten bool      // --fix failed to write a file
	errs      []error   // of reading and writing

	main    *postfix.Main // see mainCF
	mainErr error

	ofServers []rule.Finding // in sendmail.cf and main.cf
}

type jsonDocument struct {
	Findings []rule.Finding      `json:"findings"`
	Fixed    []rule.Finding      `json:"fixed"`   // corrected by --fix; the lines are those before
	Servers  []serverDocument    `json:"servers"` // of this host, if no FILE is named
	Problems []allowlist.Problem `json:"problems"`
}

type serverDocument struct {
	MTA   string   `json:"mta"`
	File  string   `json:"file"`
	Facts []string `json:"facts"`
}

func newDocument(problems []allowlist.Problem) jsonDocument {
	return jsonDocument{[]rule.Finding{}, []rule.Finding{}, []serverDocument{}, problems}
}

// Empty gives the JSON document of a run that ended with problems before it checked a
// file.
func Empty(problems []allowlist.Problem) any { return newDocument(problems) }

// Kinds gives the values of --as.
func Kinds() []string {
	return []string{string(lint.KindAccess), string(lint.KindTable), string(lint.KindList), string(lint.KindConfig)}
}

// Run checks the files, or without any the whole host. The error is exit.Finding if there
// are findings other than notes, a usage error if a file cannot be read, and exit.Install if
// one cannot be written.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if o.Rules {
		if len(o.Files) > 0 {
			return exit.Usagef("--rules lists the rules and checks no FILE")
		}
		if o.As != "" || o.DNS || o.Fix || o.Strict {
			return exit.Usagef("--rules lists the rules: leave out --as, --dns, --fix and --strict")
		}
		return showRules(t)
	}
	run.CollectSooner()
	l := &check{t: t, root: o.Config.Root, as: lint.Kind(o.As), strict: o.Strict, dns: o.DNS, resolvers: o.Config.Resolvers, flags: o.Config.Typed(), named: len(o.Files) > 0,
		document: newDocument([]allowlist.Problem{})}
	if err := exit.OneOf("as", o.As, Kinds()); o.As != "" && err != nil {
		return err
	}
	if o.As != "" && len(o.Files) == 0 {
		return exit.Usagef("--as needs a FILE")
	}
	if o.DNS && len(o.Files) > 0 {
		return exit.Usagef("--dns asks the lists of the servers of this host: leave out FILE")
	}
	var err error
	if l.root != "" {
		if l.root, err = filepath.Abs(l.root); err != nil {
			return err
		}
	}
	if l.settings, err = config.Load(ctx, o.Config); err != nil {
		// The mistakes are findings, if lint checks the configuration.
		l.settings = &config.Settings{Limits: allowlist.DefaultLimits()}
	}
	if why := context.Cause(ctx); why != nil {
		return why
	}
	if o.Fix && l.settings.Writable != nil { // it names the files to write
		return exit.With(exit.Usage, l.settings.Writable)
	}
	l.t.WarnOf(l.settings.Writable)
	if o.Fix {
		lock, fixErr := l.takeLock(ctx, o.LockTimeout)
		if fixErr != nil {
			return fixErr
		}
		defer lock.Release()
		l.lock = lock
	}
	if len(o.Files) > 0 {
		if err != nil && !slices.Contains(o.Files, o.Config.File()) {
			t.Note("the configuration has mistakes and is not used: 'mailallow lint%s' without a file shows them", l.flags)
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

// Find gives the findings of a whole host, and shows none. flags are those that the settings are of. The error is of files that could not be read.
func Find(ctx context.Context, s *config.Settings, flags config.Flags) ([]rule.Finding, error) {
	l := &check{t: terminal.New(nil, nil, io.Discard, io.Discard), root: s.Root, flags: flags.Typed(), settings: s, document: newDocument(nil)}
	l.host(ctx, s.Path)
	return l.document.Findings, errors.Join(l.errs...)
}

// takeLock takes the lock under which --fix writes, and finishes the work of a killed run. It
// is that of the state directory; a user who may not write there has one of their own
// (XDG Base Directory Specification).
func (l *check) takeLock(ctx context.Context, timeout string) (*install.Lock, error) {
	dir := cmp.Or(l.settings.StateDir, filepath.Join(l.root, config.DefaultStateDir))
	lock, err := run.TakeLock(ctx, l.t, l.settings, dir, timeout)
	if os.Geteuid() == 0 || !errors.Is(err, fs.ErrPermission) {
		return lock, err
	}
	own := os.Getenv("XDG_STATE_HOME")
	if home, homeErr := os.UserHomeDir(); own == "" && homeErr == nil {
		own = filepath.Join(home, ".local/state")
	}
	if !filepath.IsAbs(own) {
		return nil, err
	}
	return run.TakeLock(ctx, l.t, l.settings, filepath.Join(own, "mailallow"), timeout)
}

// known gives what the rules need to know of networks.
func (l *check) known() rule.Options {
	limits := l.settings.Limits
	return rule.Options{Shared: catalogue.Shared, Limits: rule.Limits{IPv4: limits.WidestIPv4, IPv6: limits.WidestIPv6}, Flags: l.flags}
}

// host checks the configuration at path, the files that it names, and the servers.
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
		if isMissing(t.Path) {
			next := "'mailallow update" + l.flags + "' creates it"
			if dir := filepath.Dir(t.Path); isMissing(dir) {
				next = "nor does its directory, which 'mailallow update' does not create: mkdir -p " + program.Quoted(dir)
			}
			l.t.Note("%s does not exist yet: %s", t.Path, next)
			continue
		}
		l.file(ctx, t.Path)
	}
	l.servers(ctx)
	// Findings that keep the whole list from taking effect come before those in its lines.
	found := l.document.Findings
	l.document.Findings = append(found[:ofConfig:ofConfig], slices.Concat(l.ofServers, found[ofConfig:])...)
}
