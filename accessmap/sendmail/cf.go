// Package sendmail knows how Sendmail uses an access map: the settings in sendmail.cf, the decision of the rulesets for a
// client, and the answers of `sendmail -bt`. It builds no map and changes no file.
package sendmail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/pattern"
)

// CF holds the settings of a sendmail.cf for the access map and for the files that Sendmail trusts. Settings that are absent
// have Sendmail's defaults.
type CF struct {
	Path string
	// Root is the directory that Sendmail will see as /; the checks of directories leave out those above it. Empty: /.
	Root string

	// The Kaccess line: `Kaccess hash -T<TMPF> /etc/mail/access`. All are empty without one.
	AccessClass string   // hash, btree, cdb, dbm, ldap, ...
	AccessFlags []string // -o, -T<TMPF>, ...
	AccessPath  string   // without the map's suffix; empty where it is no file, as with ldap
	AccessSkip  bool     // access_db was configured with `skip': SKIP means undecided (docs/facts.md 4)

	DotDomains  bool    // FEATURE(`lookupdotdomain'): keys with a dot before a name match all names that end in it
	DelayChecks bool    // FEATURE(`delay_checks'): check_relay runs at RCPT, after the sender (docs/facts.md 4)
	DNSBLs      []DNSBL // that FEATURE(`dnsbl'), FEATURE(`enhdnsbl') and FEATURE(`rbl') ask about IPv4 clients, each zone once, in their order
	// ChecksIPv6 says that ratecontrol, conncontrol, greet_pause or require_rdns looks at IPv6 clients, which DNSBLs do not.
	ChecksIPv6 bool

	Milters     string // InputMailFilters: they may refuse what the rulesets accept
	RequireRDNS bool   // FEATURE(`require_rdns'): check_relay refuses clients without a name that leads back to them

	TrustedUser    string
	RunAsUser      string
	CompressedIPv6 bool     // UseCompressedIPv6Addresses: no exact keys exist then (docs/facts.md 2)
	DontBlame      []string // DontBlameSendmail, in lower case
}

// DNSBL is a list that a sendmail.cf asks.
type DNSBL struct {
	Zone     string // without an account key
	Filtered bool   // only some answers refuse the client: enhdnsbl with patterns (docs/facts.md 29)
	ShowsKey bool   // the refusal names the zone with its account key
}

// Zones gives the names of the DNSBLs.
func (cf *CF) Zones() (zones []string) {
	for _, d := range cf.DNSBLs {
		zones = append(zones, d.Zone)
	}
	return zones
}

// HasAccessMap reports whether this sendmail.cf was made with FEATURE(`access_db').
func (cf *CF) HasAccessMap() bool { return cf.AccessClass != "" }

// MaxCF bounds a sendmail.cf, in bytes. m4 writes some 100 KB with every feature.
const MaxCF = 4 << 20

// ReadCF reads the sendmail.cf at path, of at most 4 MiB.
func ReadCF(path string) (CF, error) {
	text, err := bounded.File(path, MaxCF)
	if err != nil {
		return CF{}, err
	}
	return ParseCF(path, text), nil
}

// ParseCF parses a sendmail.cf and ignores lines that it does not know. The last of several settings counts, as for Sendmail.
func ParseCF(path string, text []byte) CF {
	cf, asked := CF{Path: path}, ""
	// A line that begins with a blank continues the one above (fgetfolded in Sendmail's util.c).
	joined := strings.NewReplacer("\r\n\t", "\t", "\r\n ", " ", "\n\t", "\t", "\n ", " ").Replace(string(text))
	for line := range strings.Lines(joined) {
		line = strings.TrimRight(line, "\r\n")
		if definition, ok := strings.CutPrefix(line, "K"); ok {
			if fields := strings.Fields(definition); len(fields) > 1 && strings.EqualFold(fields[0], "access") {
				cf.setAccess(fields[1:])
			}
		}
		if option, ok := strings.CutPrefix(line, "O "); ok {
			name, value, _ := strings.Cut(option, "=")
			cf.setOption(strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value))
		}
		cf.setRules(line)
		asked = cf.setDNSBL(line, asked)
	}
	return cf
}

// dnsblRule matches the lookup that m4 writes for FEATURE(`dnsbl'), FEATURE(`enhdnsbl') and the old FEATURE(`rbl')
// (cf/feature/dnsbl.m4, 8.17): the client's octets in reverse order before the zone, in a map of any name. The rule of
// FEATURE(`rhsbl') looks up a domain and does not match.
var dnsblRule = pattern.New(`^R.*\$\([^ ]+ \$4\.\$3\.\$2\.\$1\.([^ $]+?)\.? `)

// setRules finds the features that a line of the rulesets belongs to (cf/m4/proto.m4).
func (cf *CF) setRules(line string) {
	name, ok := strings.CutPrefix(line, "S")
	name, _, _ = strings.Cut(name, "=")
	// With delay_checks, m4 writes the rules of check_relay and check_mail into checkrelay and checkmail.
	cf.DelayChecks = cf.DelayChecks || ok && strings.TrimSpace(name) == "checkrelay"
	cf.DotDomains = cf.DotDomains || strings.Contains(line, ":.$2 $: ? $) >")
	cf.RequireRDNS = cf.RequireRDNS || strings.HasPrefix(line, "R$*") && strings.HasSuffix(line, "$&{client_addr} $| $&{client_resolve}")
	cf.AccessSkip = cf.AccessSkip || strings.HasPrefix(line, "R<SKIP> ")
	cf.ChecksIPv6 = cf.ChecksIPv6 || checksIPv6().MatchString(line)
}

// checksIPv6 matches a line of the features that look at clients of any family.
var checksIPv6 = pattern.New("<! (ClientRate|ClientConn)>|^Sgreet_pause|Fix reverse DNS for ")

// setDNSBL reads the rule that asks a list, or one of those below it for the answers of the list asked. It gives that list, or
// "" after its last rule.
func (cf *CF) setDNSBL(line, asked string) string {
	if match := dnsblRule().FindStringSubmatch(line); match != nil {
		zone := dnsbl.HideKeys(match[1])
		if !slices.Contains(cf.Zones(), zone) {
			cf.DNSBLs = append(cf.DNSBLs, DNSBL{Zone: zone, Filtered: true})
		}
		return zone
	}
	left, right, _ := strings.Cut(line, "\t")
	i := slices.Index(cf.Zones(), asked)
	if i < 0 || !strings.HasPrefix(left, "R<?>") {
		return ""
	}
	if d := &cf.DNSBLs[i]; strings.Contains(right, "$#error") || strings.Contains(right, "$#discard") {
		d.Filtered = d.Filtered && left != "R<?>$+"
		d.ShowsKey = d.ShowsKey || dnsbl.HideKeys(right) != right
	}
	return asked
}

func (cf *CF) setAccess(fields []string) {
	cf.AccessClass, cf.AccessFlags, cf.AccessPath = "", nil, ""
	for i, field := range fields {
		switch {
		case i == 0:
			cf.AccessClass = ascii.Lower(field)
		case field[0] == '-':
			cf.AccessFlags = append(cf.AccessFlags, field)
		case cf.AccessPath == "" && filepath.IsAbs(field) && cf.AccessClass != "ldap": // else it belongs to a flag, as -P of ldap, or is no file
			cf.AccessPath = strings.TrimSuffix(strings.TrimSuffix(field, ".db"), ".cdb")
		}
	}
}

func (cf *CF) setOption(name, value string) {
	switch name {
	case "inputmailfilters":
		cf.Milters = value
	case "trusteduser":
		cf.TrustedUser = value
	case "runasuser":
		cf.RunAsUser = value
	case "usecompressedipv6addresses":
		cf.CompressedIPv6 = value == "" || strings.ContainsRune("tTyY", rune(value[0]))
	case "dontblamesendmail":
		cf.DontBlame = strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return r == ',' || r == ' ' })
	}
}

// Names reports whether the access map of this sendmail.cf is the one built from textPath.
func (cf *CF) Names(textPath string) bool {
	if cf.AccessPath == "" || filepath.Base(cf.AccessPath) != filepath.Base(textPath) {
		return false
	}
	dirCF, dirText := filepath.Dir(cf.AccessPath), filepath.Dir(textPath)
	if dirCF == dirText {
		return true
	}
	a, errA := os.Stat(dirCF)
	b, errB := os.Stat(dirText)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
