// Package config reads the configuration of mailallow: it decodes the TOML, checks
// every value, and reports each mistake with its line. It has the reference of all
// keys, too. It opens no other file than the configuration, and asks no network.
package config

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"

	"mailallow/accessmap/plan"
	"mailallow/accessmap/program"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/spf"
)

// Settings are the checked values of a configuration.
type Settings struct {
	Path        string // of the configuration
	Absent      bool   // there is no file at Path, and everything has its default
	Writable    error  // why others than root and the running user can have written the file; nil: they cannot
	Root        string // absolute, before every absolute path of the file; usually empty
	StateDir    string
	History     time.Duration // how long the history keeps entries
	MetricsFile string        // for Prometheus; empty: none
	Notify      []string      // argv; run by what installs, when there is something to know; empty: none
	DNS         dnsq.Config
	SPF         spf.Limits
	Deadline    time.Duration    // for all questions to the network together
	Limits      allowlist.Limits // of [guard], for sources that set none
	Sources     []allowlist.Source
	Targets     []plan.Target
	DNSBL       DNSBL
	Snapshot    Snapshot
	Warnings    []*fault.AtLine // of what is no mistake, and has no effect

	file  fs.FileInfo // of the configuration, as it was read; nil: there was none
	files files
	lines
}

// Edited reports whether another file is at Path than the one that was read, or other text in it. Of a pipe it knows nothing.
func (s *Settings) Edited() bool {
	if s.file == nil || !s.file.Mode().IsRegular() {
		return false
	}
	now, err := os.Stat(s.Path)
	return err != nil || !os.SameFile(now, s.file) || !now.ModTime().Equal(s.file.ModTime()) || now.Size() != s.file.Size()
}

// Within bounds ctx by the deadline.
func (s *Settings) Within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.Deadline, fmt.Errorf("not done within deadline = %s", ascii.Duration(s.Deadline)))
}

// The files and directories that are used if neither a flag nor the configuration names
// others.
const (
	DefaultFile       = "/etc/mailallow/mailallow.toml"
	DefaultStateDir   = "/var/lib/mailallow"
	DefaultSendmailCF = "/etc/mail/sendmail.cf"

	// defaultHistory is a year, and the days in which people look back on it.
	defaultHistory = 400 * 24 * time.Hour
	// defaultDeadline is far more than any network needs, and less than a timer's hour.
	defaultDeadline = 5 * time.Minute
)

// Bounds on a configuration.
const (
	// maxConfigBytes is far more than long inline lists need.
	maxConfigBytes = 4 << 20
	// maxConfigKeys bounds the keys of a configuration, as keysOf counts them: go-toml
	// compares each key with all before it.
	maxConfigKeys = 10_000

	maxNameBytes   = 64  // of a source, whose name goes into comments, tables and metrics
	maxReasonBytes = 200 // of a reason or an owner: a sentence, beside a name in tables and messages
	maxAttempts    = 10
	maxConcurrency = 1024
	maxKeys        = 100_000_000 // of a target or a source
)

// Flags are the flags of the command line that concern the configuration.
type Flags struct {
	Path      string   // of the file; empty: DefaultFile, which may be absent
	Root      string   // put before every absolute path in the file; usually empty
	Resolvers []string // in place of the configured ones; empty: those
}

// Typed gives the flags as people type them, each after a blank, for a command to paste.
func (f Flags) Typed() (text string) {
	if f.Path != "" {
		text += " -c " + program.Quoted(f.Path)
	}
	if f.Root != "" {
		text += " --root " + program.Quoted(f.Root)
	}
	for _, resolver := range f.Resolvers {
		text += " --resolver " + program.Quoted(resolver)
	}
	return text
}

// Check gives the mistake in the flags that is one whatever the file says, and where nothing is asked.
func (f Flags) Check() error {
	if len(f.Resolvers) == 0 {
		return nil
	}
	_, err := dnsq.New(dnsq.Config{Resolvers: f.Resolvers})
	return err
}

// File is the path of the configuration.
func (f Flags) File() string { return cmp.Or(f.Path, filepath.Join(f.Root, DefaultFile)) }

// Load reads and checks the configuration. A file that Path names must exist, and may be a pipe: Load waits until ctx ends. The
// error holds every mistake in it, each with its line.
func Load(ctx context.Context, f Flags) (*Settings, error) {
	path := f.File()
	text, info, err := bounded.StreamWithInfo(ctx, path, maxConfigBytes)
	absent := errors.Is(err, fs.ErrNotExist) && f.Path == ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Hint("", "let the user that mailallow runs as read it; for mailallow-fetch.service that is every user: chmod a+r the file, a+x its folder",
			"%w", err)
	case err != nil && !absent:
		return nil, err
	}
	s, err := Parse(path, text, f)
	if err != nil {
		return nil, err
	}
	if s.Absent = absent; !absent {
		s.file, s.Writable = info, writable(path, info)
	}
	return s, nil
}

// writable says why others than root and the running user may have written a file, could still write it, or put another in its
// place; nil: they cannot. The commands that the file names run as the user who runs mailallow.
func writable(path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeCharDevice != 0 {
		return nil // nobody can write it beforehand, as /dev/null
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	switch mode := info.Mode().Perm(); {
	case owner != 0 && owner != os.Geteuid():
		return fault.Hint(path, "chown root "+program.Quoted(path), "it belongs to user %d, who can have any command run by this user", owner)
	case mode&0o022 != 0:
		return fault.Hint(path, "chmod go-w "+program.Quoted(path), "others than its owner can write to it (mode %#o), and so have any command run by this user", mode)
	}
	absolute, err := filepath.Abs(path)
	for _, at := range []string{absolute, behindLinks(absolute)} {
		if err == nil && info.Mode().IsRegular() {
			err = state.CheckEntry(at)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Parse checks a configuration. Messages name path, and relative paths begin at its directory. The error joins a *fault.AtLine
// for each mistake; of settings that come with an error only the lines are reliable.
func Parse(path string, text []byte, f Flags) (*Settings, error) {
	var document map[string]any
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors begin a file with it, and nobody sees it
	if keysOf(text) > maxConfigKeys {
		return nil, &fault.AtLine{Place: path, Err: fmt.Errorf("more than %d keys: this is no configuration of mailallow", maxConfigKeys)}
	}
	err := toml.Unmarshal(text, &document)
	if err != nil {
		at := &fault.AtLine{Place: path, Err: errors.New(strings.TrimPrefix(err.Error(), "toml: "))}
		var wrong *toml.DecodeError
		if errors.As(err, &wrong) {
			at.Line, _ = wrong.Position()
		}
		return nil, at
	}
	s := &Settings{Path: path, Deadline: defaultDeadline, History: defaultHistory, SPF: spf.DefaultLimits(), lines: linesOf(text)}
	r := &reader{Settings: s, root: f.Root, paths: map[string]int{}, names: map[string]int{}}
	r.dir, err = filepath.Abs(filepath.Dir(path))
	if err == nil && r.root != "" {
		r.root, err = filepath.Abs(r.root)
	}
	if err != nil {
		return nil, err
	}
	s.Root = r.root
	r.document(document)
	r.resolvers(f.Resolvers)
	if err = r.err(); err == nil {
		r.withoutEffect()
		if s.MetricsFile != "" && filepath.Ext(s.MetricsFile) != ".prom" {
			s.Warnings = append(s.Warnings, r.mistake("metrics_file", "metrics_file without effect: the collector of node_exporter reads no file but *.prom"))
		}
	}
	return s, err
}

// keysOf gives a number that is not less than that of the keys: the equals signs outside of comments.
func keysOf(text []byte) (n int) {
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("#")) {
			n += bytes.Count(line, []byte("="))
		}
	}
	return n
}

// reader turns a document into settings, and notes mistakes.
type reader struct {
	*Settings
	root, dir string // absolute; dir is that of the configuration
	action    string // at the top of the file
	mistakes

	names, paths map[string]int // the lines of sources by name, and of targets by path
	reference    []Table        // nil: no key was unknown
}

// document reads the tables. The keys are in the order in which messages list them.
func (r *reader) document(document map[string]any) {
	r.Limits = allowlist.DefaultLimits()
	var notify []string
	r.table("", document, []key{
		{"state_dir", &r.StateDir},
		{"history", &r.History},
		{"action", &r.action},
		{"metrics_file", &r.MetricsFile},
		{"notify", &notify},
		{"dns", oneTable(r.dns)},
		{"guard", oneTable(func(at string, table map[string]any) {
			r.table(at, table, append(limitKeys(&r.Limits), key{"expire", &r.Limits.Expire}, key{"allow_special", &r.Limits.AllowSpecial}))
		})},
		{"snapshot", oneTable(r.snapshot)},
		{"source", eachTable(func(at string, table map[string]any) { r.source(at, table, r.Limits) })},
		{"target", eachTable(r.target)},
		{"dnsbl", oneTable(r.dnsbl)},
	})
	r.StateDir = r.rooted(cmp.Or(r.StateDir, DefaultStateDir))
	if r.MetricsFile != "" {
		r.MetricsFile = r.rooted(r.MetricsFile)
	}
	r.overwrites()
	r.Notify = r.argv("notify", notify, `["mail", "-s", "mailallow", "postmaster"]`)
	if r.action != "" {
		_, err := allowlist.ParseAction(r.action)
		r.check("action", err)
	}
}

func (r *reader) dns(at string, table map[string]any) {
	r.table(at, table, []key{
		{"resolvers", &r.DNS.Resolvers},
		{"timeout", &r.DNS.Timeout},
		{"attempts", number{&r.DNS.Attempts, 1, maxAttempts}},
		{"concurrency", number{&r.DNS.Concurrency, 1, maxConcurrency}},
		{"require_ad", &r.DNS.RequireAD},
		{"agree", number{&r.DNS.Agree, 1, 2}},
		{"deadline", &r.Deadline},
		{"max_lookups", number{&r.SPF.Lookups, 1, 100_000}},
		{"max_depth", number{&r.SPF.Depth, 1, provenance.MaxDepth}},
		{"max_record_bytes", number{&r.SPF.RecordBytes, 1, 256 << 10}},
	})
}

// resolvers checks the resolvers of the file, and whether those that are asked are enough.
func (r *reader) resolvers(ofFlags []string) {
	if r.DNS.Resolvers != nil && len(r.DNS.Resolvers) == 0 {
		r.problem("dns.resolvers", "resolvers names no resolver; without it, those of /etc/resolv.conf are asked")
	}
	for i, resolver := range r.DNS.Resolvers {
		at := item("dns.resolvers", i)
		_, err := dnsq.New(dnsq.Config{Resolvers: []string{resolver}})
		r.check(at, err)
		r.DNS.Places = append(r.DNS.Places, fmt.Sprintf("%s:%d", r.Path, r.Line(at)))
	}
	r.DNS.Origin = "[dns] resolvers"
	if len(ofFlags) > 0 {
		r.DNS.Resolvers, r.DNS.Places, r.DNS.Origin = ofFlags, nil, "--resolver"
	}
	// Whether /etc/resolv.conf has enough resolvers is for the commands that ask them: update --snapshot works on any host.
	if len(r.DNS.Resolvers) > 0 {
		if _, err := dnsq.New(r.DNS); errors.As(err, new(*dnsq.TooFewError)) {
			r.problem("dns.agree", "%w", err)
		}
	}
	r.DNS.AgreeAt = fmt.Sprintf("%s:%d", r.Path, r.Line("dns.agree"))
}
