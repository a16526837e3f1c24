package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
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
	StateDir    string
	MetricsFile string // for Prometheus; empty: none
	DNS         dnsq.Config
	SPF         spf.Limits
	Deadline    time.Duration    // for all questions to the network together
	Limits      allowlist.Limits // of [guard], for sources that set none
	Sources     []allowlist.Source
	Targets     []plan.Target
	DNSBL       DNSBL
}

// Within bounds ctx by the deadline.
func (s *Settings) Within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.Deadline, fmt.Errorf("not done within deadline = %s", s.Deadline))
}

// The files and directories that are used if neither a flag nor the configuration names
// others.
const (
	DefaultFile       = "/etc/mailallow/mailallow.toml"
	DefaultStateDir   = "/var/lib/mailallow"
	DefaultSendmailCF = "/etc/mail/sendmail.cf"

	// defaultDeadline is far more than any network needs, and less than a timer's hour.
	defaultDeadline = 5 * time.Minute

	maxNameBytes   = 64 // of a source, whose name goes into comments, tables and metrics
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

// Load reads and checks the configuration. A file that Path names must exist. The
// error holds every mistake in it, each with its line.
func Load(f Flags) (*Settings, error) {
	path := f.Path
	if path == "" {
		path = filepath.Join(f.Root, DefaultFile)
	}
	file := &File{path: path}
	text, err := bounded.Stream(path, maxConfigBytes)
	absent := errors.Is(err, fs.ErrNotExist) && f.Path == ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Hint("", "let the user that mailallow runs as read it; for mailallow-fetch.service that is every user: chmod a+r the file, a+x its folder",
			"%w", err)
	case err == nil:
		file, err = Decode(path, text)
	case absent:
		err = nil
	}
	if err != nil {
		return nil, err
	}
	file.flags = f
	s, err := file.Settings(f.Root)
	if err != nil {
		return nil, err
	}
	s.Absent = absent
	return s, nil
}

// Settings checks the values. root is put before every absolute path but that of the
// configuration itself; it is usually empty. The error holds every mistake in the
// file, those in its keys included.
func (c *File) Settings(root string) (*Settings, error) {
	dir, err := filepath.Abs(filepath.Dir(c.path))
	if err == nil && root != "" {
		root, err = filepath.Abs(root)
	}
	if err != nil {
		return nil, err
	}
	r := reader{File: c, root: root, dir: dir}
	s := &Settings{Path: c.path, Deadline: defaultDeadline, StateDir: r.rooted(cmp.Or(c.text.StateDir, DefaultStateDir))}
	s.DNS, s.SPF = r.dns(c.text.DNS)
	r.duration("dns.deadline", c.text.DNS.Deadline, &s.Deadline)
	s.Limits = r.guard(c.text.Guard)
	if top := c.text.Action; top != "" {
		_, err := allowlist.ParseAction(top)
		r.check("action", err)
	}
	if c.text.MetricsFile != "" {
		s.MetricsFile = r.rooted(c.text.MetricsFile)
	}
	s.DNSBL = r.dnsbl(c.text.DNSBL)
	names := map[string]int{}
	for i, src := range c.text.Source {
		at := fmt.Sprintf("source[%d]", i)
		r.uniqueName(names, at, src.Name)
		s.Sources = append(s.Sources, r.source(at, src, s.Limits))
	}
	paths := map[string]int{}
	for i, t := range c.text.Target {
		at := fmt.Sprintf("target[%d]", i)
		target := r.target(at, t)
		if before, twice := paths[target.Path]; twice && t.Path != "" {
			r.problem(at+".path", "the path %s is that of the target on line %d already", t.Path, before)
		}
		if target.Path == s.MetricsFile && t.Path != "" {
			r.problem(at+".path", "the path %s is that of metrics_file", t.Path)
		}
		paths[target.Path] = c.lines[at+".path"]
		s.Targets = append(s.Targets, target)
	}
	return s, c.err()
}

// reader turns the values of a file into checked ones, and notes mistakes in the file.
type reader struct {
	*File
	root string
	dir  string // of the configuration, absolute
}

func (r reader) dns(d dnsConfig) (dnsq.Config, spf.Limits) {
	for i, resolver := range d.Resolvers {
		if _, err := dnsq.New(dnsq.Config{Resolvers: []string{resolver}}); err != nil {
			r.problem(fmt.Sprintf("dns.resolvers[%d]", i), "%w", err)
		}
	}
	limits := spf.DefaultLimits()
	r.number("dns.max_lookups", d.MaxLookups, 1, 100_000, &limits.Lookups)
	r.number("dns.max_depth", d.MaxDepth, 1, provenance.MaxDepth, &limits.Depth)
	r.number("dns.max_record_bytes", d.MaxRecord, 1, 256<<10, &limits.RecordBytes)
	config := dnsq.Config{Resolvers: d.Resolvers, Origin: "[dns] resolvers", RequireAD: d.RequireAD}
	if len(r.flags.Resolvers) > 0 {
		config.Resolvers, config.Origin = r.flags.Resolvers, "--resolver"
	}
	r.duration("dns.timeout", d.Timeout, &config.Timeout)
	r.number("dns.attempts", d.Attempts, 1, maxAttempts, &config.Attempts)
	r.number("dns.concurrency", d.Concurrency, 1, maxConcurrency, &config.Concurrency)
	r.number("dns.agree", d.Agree, 1, 2, &config.Agree)
	// Whether /etc/resolv.conf has enough resolvers is for the commands that ask them: update --snapshot works on any host.
	if len(config.Resolvers) > 0 {
		if _, err := dnsq.New(config); errors.As(err, new(*dnsq.TooFewError)) {
			r.problem("dns.agree", "%w", err)
		}
	}
	config.AgreeAt = fmt.Sprintf("%s:%d", r.path, r.Line("dns.agree"))
	return config, limits
}
