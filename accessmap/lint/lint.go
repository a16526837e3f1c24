// Package lint finds what is wrong in files that people write: access files, Postfix tables, and the settings of the servers
// that read them. It says what to write instead, and gives a text with what is certain put right; it writes no file.
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
)

// Finding is one thing that is wrong in a file, or between a file and the server that reads it.
type Finding struct {
	File string `json:"file"`
	Line int    `json:"line"` // physical, from 1; 0: the file as a whole
	Rule string `json:"rule"`
	Text string `json:"text"` // why, on one line
	Fix  string `json:"fix"`  // what to write in the line's place, or what to do; empty: nothing to say

	// Certain tells that the fix is what the line means, and is in the fixed text that the linter returns.
	Certain bool `json:"-"`
}

// Options are what a linter knows besides the file.
type Options struct {
	// CF is the sendmail.cf that reads the map of this file; nil: not known.
	CF *sendmail.CF
	// Shared names the provider with many customers that sends from a part of a prefix, empty for none. nil: none is known.
	Shared func(netip.Prefix) string
}

// Kind is what a file is linted as.
type Kind string

const (
	KindAccess Kind = "access" // a Sendmail access file
	KindCIDR   Kind = "cidr"   // a Postfix cidr table
	KindConfig Kind = "config" // mailallow's configuration
)

var (
	tomlLine = ascii.Pattern(`^\s*(\[\[?[a-z_.]+\]\]?\s*(#.*)?$|[a-z_.]+\s*=)`)
	// cidrWord is what stands in a Postfix table and in no access file.
	cidrWord = ascii.Pattern(`(?i)^(if\s+!?[\[0-9a-f:]|endif\s*$|!|\S+\s+(permit|dunno|permit_\S+|reject_\S+|defer_\S+|defer|hold|warn|prepend|info)\b)`)
	// accessTag is a tag of Sendmail's before a key: whatever the value, its writer had an access file in mind.
	accessTag = ascii.Pattern(`(?i)^(connect|from|to|spam|greetpause|clientrate|clientconn|tls_srv|tls_clt|tls_rcpt|try_tls|srv_features):`)
	// accessWord is a key that stands in an access file and in no Postfix table: a tag, a name, a cut address.
	accessWord = ascii.Pattern(`(?i)^([a-z_]+:\S*|[a-z0-9_.+-]*@\S*|[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z-]+|\d{1,3}(\.\d{1,3}){0,2}\.?)\s`)
)

// KindOf tells what a file is, by what it is called and what is in it. What could be either is an access file: that is
// what people paste networks into.
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

// partFault is what a check finds wrong with a part of a line. The line as a whole has one fix, made of all of them.
type partFault struct {
	text   string
	advice string // what to do if nobody can tell what is meant
}

// maxShown bounds what of a line is shown in a message.
const maxShown = 60

func shown(s string) string { return ascii.Printable(s, maxShown) }

var number = ascii.Pattern(`^\d+$`)

// rewrite is a line of a file, and what is to stand in its place.
type rewrite struct {
	number  int    // from 1
	raw     string // without its LF
	changed bool
	text    []string // the lines in its place; none: it goes
}

func (r *rewrite) set(text ...string) { r.changed, r.text = true, text }

func (r *rewrite) line() *rewrite { return r }

// found is a finding on the line, which stays as it is.
func (r *rewrite) found(text, fix string) Finding {
	return Finding{Line: r.number, Text: text, Fix: fix}
}

// fixed is a finding that other lines in the place of this one put right.
func (r *rewrite) fixed(text string, lines ...string) Finding {
	r.set(lines...)
	return Finding{Line: r.number, Text: text, Fix: fixOf(lines), Certain: true}
}

// fixOf is the fix that puts lines in the place of one, in words where there is nothing to paste.
func fixOf(lines []string) string {
	switch text := strings.Join(lines, "\n"); {
	case text != "":
		return text
	case len(lines) > 0:
		return "leave the line empty"
	}
	return "remove the line"
}

// rewritten is the text with the lines that were set; its end stays as it is, with or without an LF.
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

// sortFindings puts them in the order of the file.
func sortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
}
