package lint

import (
	"net/netip"
	"path/filepath"
	"strings"

	"mailallow/allowlist/pattern"
)

// Kind is a kind of file that has rules.
type Kind string

const (
	KindAccess Kind = "access" // a Sendmail access file
	KindTable  Kind = "cidr"   // a Postfix cidr table
	KindList   Kind = "list"   // a plain list, one network a line
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

// tellingBytes is how much of a line tells its kind. A pattern takes a second for some megabytes.
const tellingBytes = 1 << 10

// KindOf tells the kind of a file by its name, else by its lines. A file that could be either is an access file, because people
// paste networks into access files. A list has networks alone, whatever it is called.
func KindOf(path string, text []byte) Kind {
	switch base := strings.ToLower(filepath.Base(path)); {
	case strings.HasSuffix(base, ".toml"):
		return KindConfig
	case strings.HasSuffix(base, ".cidr"):
	case base == "access", strings.HasPrefix(base, "access."), strings.HasSuffix(base, ".access"):
		return KindAccess
	}
	cidr, access, list := 0, 0, 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line[:min(len(line), tellingBytes)], "\r\n")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		if cidr+access == 0 && tomlLine().MatchString(line) {
			return KindConfig
		}
		if _, err := netip.ParsePrefix(strings.TrimSpace(line)); err == nil {
			list++
		} else if cidrWord().MatchString(line) && !accessTag().MatchString(line) {
			cidr++
		} else if accessWord().MatchString(line + " ") {
			access++
		}
	}
	if list > cidr+access {
		return KindList
	}
	if strings.HasSuffix(path, ".cidr") || cidr > access || cidr+access == 0 && strings.Contains(filepath.ToSlash(path), "postfix/") {
		return KindTable
	}
	return KindAccess
}
