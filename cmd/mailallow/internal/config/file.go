// Package config reads the configuration of mailallow: it decodes the TOML, checks
// every value, and reports each mistake with its line. It has the reference of all
// keys, too. It opens no other file than the configuration, and asks no network.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"mailallow/allowlist/fault"
)

// written is the configuration file as it is written; a key that is not there has the
// zero value. File.Settings checks the values.
type written struct {
	StateDir    string         `toml:"state_dir"`
	Action      string         `toml:"action"`
	MetricsFile string         `toml:"metrics_file"`
	DNS         dnsConfig      `toml:"dns"`
	Source      []sourceConfig `toml:"source"`
	Target      []targetConfig `toml:"target"`
	Guard       guardConfig    `toml:"guard"`
	DNSBL       dnsblConfig    `toml:"dnsbl"`
}

type dnsConfig struct {
	Resolvers   []string `toml:"resolvers"`
	Timeout     string   `toml:"timeout"`
	Attempts    *int     `toml:"attempts"`
	Concurrency *int     `toml:"concurrency"`
	RequireAD   bool     `toml:"require_ad"`
	Agree       *int     `toml:"agree"`
	Deadline    string   `toml:"deadline"`
	MaxLookups  *int     `toml:"max_lookups"`
	MaxDepth    *int     `toml:"max_depth"`
	MaxRecord   *int     `toml:"max_record_bytes"`
}

// limitsConfig are keys that both [guard] and every source have.
type limitsConfig struct {
	WidestIPv4 *int   `toml:"widest_ipv4"`
	WidestIPv6 *int   `toml:"widest_ipv6"`
	TotalIPv4  *int   `toml:"total_ipv4"`
	TotalIPv6  *int   `toml:"total_ipv6"`
	MaxShrink  string `toml:"max_shrink"`
	MaxGrow    string `toml:"max_grow"`
	Window     string `toml:"window"`
	MaxAge     string `toml:"max_age"`
}

type guardConfig struct {
	limitsConfig
	Expire       string `toml:"expire"`
	AllowSpecial bool   `toml:"allow_special"`
}

type sourceConfig struct {
	Name     string   `toml:"name"`
	Action   string   `toml:"action"`
	SPF      []string `toml:"spf"`
	Provider string   `toml:"provider"`
	URL      string   `toml:"url"`
	Select   string   `toml:"select"`
	Insecure bool     `toml:"insecure"`
	File     string   `toml:"file"`
	CIDR     []string `toml:"cidr"`
	Deadline string   `toml:"deadline"`
	MaxKeys  *int     `toml:"max_keys"`
	limitsConfig
}

type targetConfig struct {
	Format     string   `toml:"format"`
	Path       string   `toml:"path"`
	Mode       string   `toml:"mode"`
	Map        string   `toml:"map"`
	Makemap    string   `toml:"makemap"`
	SendmailCF string   `toml:"sendmail_cf"`
	Families   []string `toml:"families"`
	MaxKeys    *int     `toml:"max_keys"`
	Only       []string `toml:"only"`
	OnChange   []string `toml:"on_change"`
}

type dnsblConfig struct {
	Addresses []string `toml:"addresses"`
	Hosts     []string `toml:"hosts"`
	Zones     []string `toml:"zones"`
	KeyFile   string   `toml:"key_file"`
	Notify    []string `toml:"notify"`
}

const (
	// maxConfigBytes bounds a configuration: far more than long inline lists need.
	maxConfigBytes = 4 << 20
	// maxConfigKeys bounds the keys of a configuration, by its equals signs: go-toml
	// compares each key with all before it.
	maxConfigKeys = 10_000
	// maxUnknownKeys bounds the unknown keys that are reported: a file with more is
	// no configuration.
	maxUnknownKeys = 50
)

// File is a decoded configuration with the line of each of its keys.
type File struct {
	path     string
	text     written
	flags    Flags           // of the command line, if there is one
	lines    map[string]int  // "source[2].cidr[1]" -> 31
	problems []*fault.AtLine // everything wrong with it
}

// Decode reads a configuration. Messages name path, and relative paths begin at its
// directory. A text that is no TOML, or a value of a wrong type, is an error, a
// *fault.AtLine if it is on one line. Unknown keys are problems of the File.
func Decode(path string, text []byte) (*File, error) {
	if bytes.Count(text, []byte("=")) > maxConfigKeys {
		return nil, &fault.AtLine{Place: path, Err: fmt.Errorf("more than %d keys: this is no configuration of mailallow", maxConfigKeys)}
	}
	c := &File{path: path, lines: map[string]int{}}
	err := toml.Unmarshal(text, &c.text)
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		return nil, &fault.AtLine{Place: path, Line: line, Err: wrongValue(wrong)}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.index(text)
	return c, nil
}

// problem notes a mistake at a place of the file, such as "source[2].cidr[1]".
func (c *File) problem(place, format string, args ...any) {
	c.problems = append(c.problems, &fault.AtLine{Place: c.path, Line: c.Line(place), Err: fmt.Errorf(format, args...)})
}

// err gives the mistakes in the order of the file, each an *fault.AtLine.
func (c *File) err() error {
	slices.SortStableFunc(c.problems, func(a, b *fault.AtLine) int { return a.Line - b.Line })
	all := make([]error, len(c.problems))
	for i, p := range c.problems {
		all[i] = p
	}
	return errors.Join(all...)
}
