// Package lint finds mistakes in files that people write: access files, Postfix tables, and the settings of the servers that
// read them. It says how to correct each, and returns a text with the certain corrections made. It writes no file and decides
// no exit code. The table of rules in rules.go names every check.
package lint

import (
	"bytes"
	"cmp"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

// Finding is one mistake in a file, or between a file and the server that reads it.
type Finding struct {
	File string `json:"file"`
	Line int    `json:"line"` // physical, from 1; 0: the file as a whole
	Rule string `json:"rule"` // its name in the table of rules
	Text string `json:"text"` // the mistake and its effect, on one line
	Fix  string `json:"fix"`  // the lines to write instead of this one, or advice; may be empty

	// Certain reports that the line can mean nothing but the fix, so that the fixed text has it.
	Certain bool `json:"-"`
}

// Options hold what a linter knows besides the file.
type Options struct {
	// CF is the sendmail.cf that reads the map of this file; nil: not known.
	CF *sendmail.CF
	// Shared gives the title of a provider with many customers that sends from a part of a prefix; empty: no such provider
	// does. nil: no provider is known.
	Shared func(netip.Prefix) string
}

// Kind is a kind of file that has rules.
type Kind string

const (
	KindAccess Kind = "access" // a Sendmail access file
	KindCIDR   Kind = "cidr"   // a Postfix cidr table
	KindConfig Kind = "config" // mailallow's configuration
)

var (
	tomlLine = pattern.New(`^\s*(\[\[?[a-z_.]+\]\]?\s*(#.*)?$|[a-z_.]+\s*=)`)
	// cidrWord matches lines of a Postfix table that no access file has.
	cidrWord = pattern.New(`(?i)^(if\s+!?[\[0-9a-f:]|endif\s*$|!|\S+\s+(permit|dunno|permit_\S+|reject_\S+|defer_\S+|defer|hold|warn|prepend|info)\b)`)
	// accessTag matches lines with a tag of Sendmail before the key: they belong to an access file whatever their value.
	accessTag = pattern.New(`(?i)^(connect|from|to|spam|greetpause|clientrate|clientconn|tls_srv|tls_clt|tls_rcpt|try_tls|srv_features):`)
	// accessWord matches keys of an access file that no Postfix table has: a tag, a name, an address cut after an octet.
	accessWord = pattern.New(`(?i)^([a-z_]+:\S*|[a-z0-9_.+-]*@\S*|[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z-]+|\d{1,3}(\.\d{1,3}){0,2}\.?)\s`)
)

// KindOf tells the kind of a file by its name, else by its lines. A file that could be either is an access file, because
// people paste networks into access files.
func KindOf(path string, text []byte) Kind {
	switch base := strings.ToLower(filepath.Base(path)); {
	case strings.HasSuffix(base, ".toml"):
		return KindConfig
	case strings.HasSuffix(base, ".cidr"):
		return KindCIDR
	case base == "access", strings.HasPrefix(base, "access."), strings.HasSuffix(base, ".access"):
		return KindAccess
	}
	cidr, access := 0, 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		if cidr+access == 0 && tomlLine().MatchString(line) {
			return KindConfig
		}
		if cidrWord().MatchString(line) && !accessTag().MatchString(line) {
			cidr++
		} else if accessWord().MatchString(line + " ") {
			access++
		}
	}
	if cidr > access || cidr+access == 0 && strings.Contains(filepath.ToSlash(path), "postfix/") {
		return KindCIDR
	}
	return KindAccess
}

// partFault is a mistake in a part of a line. The faults of all parts give the line one fix.
type partFault struct {
	text   string
	advice string // used if the fix of the line is not certain
}

// maxShown bounds how much of a line a message shows, in bytes.
const maxShown = 60

func shown(s string) string { return ascii.Printable(s, maxShown) }

var number = pattern.New(`^\d+$`)

// rewrite is a line of a file and the lines that replace it.
type rewrite struct {
	number  int    // physical, from 1
	raw     string // without its LF
	changed bool
	text    []string // if changed: the lines that replace it; empty: it is removed
}

func (r *rewrite) set(text ...string) { r.changed, r.text = true, text }

func (r *rewrite) line() *rewrite { return r }

// found makes a finding that leaves the line unchanged.
func (r *rewrite) found(text, fix string) Finding {
	return Finding{Line: r.number, Text: text, Fix: fix}
}

// fixed makes a finding that replaces the line.
func (r *rewrite) fixed(text string, lines ...string) Finding {
	r.set(lines...)
	return Finding{Line: r.number, Text: text, Fix: fixOf(lines), Certain: true}
}

// fixOf describes the replacement of a line: the new lines, or words if there is nothing to paste.
func fixOf(lines []string) string {
	switch text := strings.Join(lines, "\n"); {
	case text != "":
		return text
	case len(lines) > 0:
		return "leave the line empty"
	}
	return "remove the line"
}

// rewritten gives the text with its changed lines replaced. A last line without LF stays without it.
func rewritten[L interface{ line() *rewrite }](text []byte, lines []L) []byte {
	if !slices.ContainsFunc(lines, func(l L) bool { return l.line().changed }) {
		return text
	}
	var b bytes.Buffer
	for _, l := range lines {
		in := []string{l.line().raw}
		if l.line().changed {
			in = l.line().text
		}
		for _, t := range in {
			b.WriteString(t)
			b.WriteByte('\n')
		}
	}
	if len(text) > 0 && text[len(text)-1] != '\n' && b.Len() > 0 {
		b.Truncate(b.Len() - 1)
	}
	return b.Bytes()
}

// sortFindings sorts by line. Findings on one line keep their order.
func sortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
}
