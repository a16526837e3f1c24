// Package lint finds what is wrong in files that people write: access files, Postfix tables, and the settings of the servers
// that read them. It says what to write instead, and gives a text with what is certain put right; it writes no file.
package lint

import (
	"bytes"
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/allowlist/pattern"
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

// Rule is an entry of the table of rules.
type Rule struct {
	Name    string `json:"name"`
	Catches string `json:"catches"`
	Why     string `json:"why"`
}

// Rules are all there are, in the order in which people are told of them: access files, Postfix tables, what the
// servers do with either, mailallow's own.
func Rules() []Rule {
	return []Rule{
		{"cidr", "a network as 192.0.2.0/24, a netmask or A-B in an access key",
			"Sendmail cuts addresses at octets and 16-bit groups and looks up nothing else: the key never matches"},
		{"ipv6-prefix", "an IPv6 key without IPv6: before it", "Sendmail looks up IPv6:2001:db8:..., never 2001:db8:..."},
		{"ipv6-form", "an IPv6 key with ::, leading zeros or a colon at its end", "Sendmail looks up groups without leading zeros and without ::"},
		{"address-form", "an IPv4 key that is none: 192.0.2., 192.0.2.*, 192.0.2.300, 192.0.02; a name as *.example.com", "it never matches"},
		{"blank-in-key", "a blank between a tag and its key", "the key is the tag alone, and the rest its value"},
		{"value-comment", "a comment behind a value", "there is none: OK # google is an error reply, and refuses"},
		{"value", "a value that Sendmail does not know, on an address", "it is an error reply, and refuses"},
		{"skip", "SKIP where access_db was not configured with `skip'", "it is an error reply there, and refuses"},
		{"duplicate", "a key that stands in the file already", "makemap keeps the first, and fails"},
		{"shadowed", "an address key that never decides", "longer keys, or the same one under Connect:, are found first"},
		{"sender-domain", "OK or RELAY on an untagged IPv4 key under delay_checks", "a forged sender domain that ends like it matches, too"},
		{"shared-relay", "RELAY on a range of a provider with many customers", "each of them may relay through this server"},
		{"missing-value", "a key without a value", "makemap refuses the line; Postfix skips it"},
		{"leading-blank", "a line that begins with a blank", "makemap refuses it; Postfix takes it for more of the line above"},
		{"long-line", "a line that makemap cuts in two", "its end becomes a key of its own, in a comment, too"},
		{"control", "a CR at the end of lines, a NUL byte, a byte order mark", "they become part of a value or a key, or end the line for makemap"},
		{"map-older", "a map that is older than its text", "what was changed since is not in effect"},
		{"map-differs", "a map that does not hold what its text says", "Sendmail reads the map alone"},

		{"host-bits", "a network with host bits, in a Postfix table", "Postfix skips the line, with a warning in the log alone"},
		{"pattern", "what is no address, in a Postfix table", "Postfix skips the line, with a warning in the log alone"},
		{"access-syntax", "a Sendmail key in a Postfix table", "Postfix skips the line, with a warning in the log alone"},
		{"table-value", "RELAY, or another word that the table's reader does not know", "postscreen stops at it, and smtpd answers 451"},
		{"unreachable", "a line behind a wider one, in a Postfix table", "the first match decides"},
		{"if", "if and endif that make no pair", "Postfix skips the line, with a warning in the log alone"},

		{"no-access-map", "a sendmail.cf without an access map", "no list of ours is asked"},
		{"other-map", "a sendmail.cf that reads another map, or another type", "the list is not what Sendmail reads"},
		{"no-map", "a map that is not there", "Sendmail answers 451, or goes on without it"},
		{"unsafe-map", "a map that Sendmail refuses to open", "every lookup fails"},
		{"compressed-ipv6", "UseCompressedIPv6Addresses", "no exact keys exist for a network then"},
		{"not-named", "a table that main.cf names nowhere", "Postfix does not read it"},
		{"dnsbl-first", "a DNSBL that is asked whatever the table says", "a permit ends only the list it stands in"},
		{"relay-table", "a permitting table where relaying is decided", "every address it permits may relay to anywhere"},

		{"block", "markers of mailallow's block that make no pair, or lines in it that are not ours", "update refuses the file, or writes over them"},
		{"config", "what is wrong in mailallow's configuration", "update refuses it"},
	}
}

// Kind is what a file is linted as.
type Kind string

const (
	KindAccess Kind = "access" // a Sendmail access file
	KindCIDR   Kind = "cidr"   // a Postfix cidr table
	KindConfig Kind = "config" // mailallow's configuration
)

var (
	tomlLine = pattern.New(`^\s*(\[\[?[a-z_.]+\]\]?\s*(#.*)?$|[a-z_.]+\s*=)`)
	// cidrWord is what stands in a Postfix table and in no access file.
	cidrWord = pattern.New(`(?i)^(if\s+!?[\[0-9a-f:]|endif\s*$|!|\S+\s+(permit|dunno|permit_\S+|reject_\S+|defer_\S+|defer|hold|warn|prepend|info)\b)`)
	// accessTag is a tag of Sendmail's before a key: whatever the value, its writer had an access file in mind.
	accessTag = pattern.New(`(?i)^(connect|from|to|spam|greetpause|clientrate|clientconn|tls_srv|tls_clt|tls_rcpt|try_tls|srv_features):`)
	// accessWord is a key that stands in an access file and in no Postfix table: a tag, a name, a cut address.
	accessWord = pattern.New(`(?i)^([a-z_]+:\S*|[a-z0-9_.+-]*@\S*|[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z-]+|\d{1,3}(\.\d{1,3}){0,2}\.?)\s`)
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

// rewrite is a line of a file, and what is to stand in its place.
type rewrite struct {
	raw     string // without its LF
	changed bool
	text    []string // the lines in its place; none: it goes
}

func (r *rewrite) set(text ...string) { r.changed, r.text = true, text }

func (r *rewrite) line() *rewrite { return r }

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
