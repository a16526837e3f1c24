// Package sendmail knows what Sendmail does with an access map: what sendmail.cf says of it, what the rulesets make of a
// client, and what `sendmail -bt` answers. It builds no map and changes no file.
package sendmail

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/pattern"
)

// CF is what a sendmail.cf says of the access map and of the files Sendmail trusts. Its defaults are Sendmail's.
type CF struct {
	Path string
	// Root is the directory that is to be this Sendmail's /; what lies above it is none of its. Empty: /.
	Root string

	// The Kaccess line: `Kaccess hash -T<TMPF> /etc/mail/access`. All empty where there is none.
	AccessClass string   // hash, btree, cdb, dbm, ldap, ...
	AccessFlags []string // -o, -T<TMPF>, ...
	AccessPath  string   // without the map's suffix
	AccessSkip  bool     // access_db was configured with `skip': SKIP means undecided (docs/facts.md 4)

	DelayChecks bool     // FEATURE(`delay_checks'): check_relay runs at RCPT, after the sender (docs/facts.md 4)
	DNSBLs      []string // the zones that FEATURE(`dnsbl') and its kin ask about addresses, in their order, without account keys

	TrustedUser    string
	RunAsUser      string
	CompressedIPv6 bool     // UseCompressedIPv6Addresses: no exact keys exist then (docs/facts.md 2)
	DontBlame      []string // DontBlameSendmail, in lower case
}

// HasAccessMap reports whether this sendmail.cf was made with FEATURE(`access_db').
func (cf *CF) HasAccessMap() bool { return cf.AccessClass != "" }

// maxSendmailCF bounds a sendmail.cf, in bytes; what m4 makes of every feature there is has some 100 KB.
const maxSendmailCF = 4 << 20

// ReadCF reads the sendmail.cf at path.
func ReadCF(path string) (CF, error) {
	text, err := bounded.File(path, maxSendmailCF)
	if err != nil {
		return CF{}, err
	}
	return ParseCF(path, text), nil
}

// ParseCF takes what it knows from a sendmail.cf and passes over the rest. Of a setting that comes twice the
// last one counts, as for Sendmail.
func ParseCF(path string, text []byte) CF {
	cf := CF{Path: path}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if definition, ok := strings.CutPrefix(line, "Kaccess"); ok && definition != "" && ascii.IsSpace(definition[0]) {
			cf.setAccess(strings.Fields(definition))
		}
		if option, ok := strings.CutPrefix(line, "O "); ok {
			name, value, _ := strings.Cut(option, "=")
			cf.setOption(strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value))
		}
		cf.setRules(line)
	}
	return cf
}

// dnsblRule is the lookup of FEATURE(`dnsbl'), FEATURE(`enhdnsbl') and the old FEATURE(`rbl') in the rulesets that m4 writes
// (cf/feature/dnsbl.m4, 8.17), whatever its map is called: the client's octets turned round before the zone.
// FEATURE(`rhsbl') asks for domains and is none.
var dnsblRule = pattern.New(`^R.*\$\([^ ]+ \$4\.\$3\.\$2\.\$1\.([^ $]+?)\.? `)

// setRules takes from a line of the rulesets what it tells of a feature (cf/m4/proto.m4).
func (cf *CF) setRules(line string) {
	name, ok := strings.CutPrefix(line, "S")
	name, _, _ = strings.Cut(name, "=")
	// With delay_checks the rulesets of the names check_relay and check_mail are others: these hold what was in them.
	cf.DelayChecks = cf.DelayChecks || ok && strings.TrimSpace(name) == "checkrelay"
	cf.AccessSkip = cf.AccessSkip || strings.HasPrefix(line, "R<SKIP> ")
	if match := dnsblRule().FindStringSubmatch(line); match != nil {
		if zone := dnsbl.HideKeys(match[1]); !slices.Contains(cf.DNSBLs, zone) {
			cf.DNSBLs = append(cf.DNSBLs, zone)
		}
	}
}

func (cf *CF) setAccess(fields []string) {
	cf.AccessClass, cf.AccessFlags, cf.AccessPath = "", nil, ""
	for i, field := range fields {
		switch {
		case i == 0:
			cf.AccessClass = field
		case field[0] == '-':
			cf.AccessFlags = append(cf.AccessFlags, field)
		case cf.AccessPath == "":
			cf.AccessPath = strings.TrimSuffix(strings.TrimSuffix(field, ".db"), ".cdb")
		}
	}
}

func (cf *CF) setOption(name, value string) {
	switch name {
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

// Names reports whether the access map of this sendmail.cf is the one made from textPath.
func (cf *CF) Names(textPath string) bool {
	if cf.AccessPath == "" || filepath.Base(cf.AccessPath) != filepath.Base(textPath) {
		return false
	}
	theirs, ours := filepath.Dir(cf.AccessPath), filepath.Dir(textPath)
	if filepath.Clean(theirs) == filepath.Clean(ours) {
		return true
	}
	a, errA := os.Stat(theirs)
	b, errB := os.Stat(ours)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// RefusesType returns why Sendmail would not find our keys in a map of this type whatever the file looks like: it reads
// another type, or folds and ends keys in another way than makemap does for us.
func (cf *CF) RefusesType(mapType string) (why []*fault.Hinted) {
	if cf.AccessClass != mapType {
		why = append(why, fault.Hint("", "set map = \"auto\", or change Kaccess there",
			"%s reads this map as %s, not as %s", cf.Path, cf.AccessClass, mapType))
	}
	for _, flag := range cf.AccessFlags {
		switch flag[:min(2, len(flag))] {
		case "-f":
			why = append(why, fault.Hint(cf.Path, "remove -f there",
				"Kaccess has -f: keys are looked up as they are written and makemap's are in lower case"))
		case "-N":
			why = append(why, fault.Hint(cf.Path, "remove -N there",
				"Kaccess has -N: it looks for keys that end in NUL, and makemap writes none"))
		}
	}
	return why
}

// RefusesPath returns the directories on the path of a map for which Sendmail calls the map unsafe: those that others
// may write, sticky or not (safefile.c, safedirpath; docs/facts.md 5).
func (cf *CF) RefusesPath(mapPath string) (why []*fault.Hinted) {
	if slices.Contains(cf.DontBlame, "mapinunsafedirpath") {
		return nil
	}
	seen := make(map[string]bool)
	check := func(dir string) {
		for ; !seen[dir] && !cf.isAboveRoot(dir); dir = filepath.Dir(dir) {
			seen[dir] = true
			info, err := os.Stat(dir)
			switch {
			case err != nil:
				why = append(why, &fault.Hinted{Err: err})
			case info.Mode()&0o002 != 0:
				why = append(why, fault.Hint("", "chmod o-w "+dir, "%s: world-writable directory: Sendmail refuses the map below it", dir))
			case info.Mode()&0o020 != 0 && !slices.Contains(cf.DontBlame, "groupwritabledirpathsafe"):
				why = append(why, fault.Hint("", "chmod g-w "+dir, "%s: group-writable directory: Sendmail refuses the map below it", dir))
			}
		}
	}
	check(filepath.Dir(filepath.Clean(mapPath)))
	if real, err := filepath.EvalSymlinks(filepath.Dir(mapPath)); err == nil {
		check(real)
	}
	return why
}

// Inside is a path as this Sendmail sees it.
func (cf *CF) Inside(path string) string {
	if below, ok := strings.CutPrefix(path, strings.TrimSuffix(cf.Root, "/")+"/"); ok && cf.Root != "" {
		return "/" + below
	}
	return path
}

// isAboveRoot reports whether a directory is no part of what Sendmail will see.
func (cf *CF) isAboveRoot(dir string) bool {
	if cf.Root == "" {
		return false
	}
	roots := []string{filepath.Clean(cf.Root)}
	if real, err := filepath.EvalSymlinks(cf.Root); err == nil {
		roots = append(roots, real)
	}
	return slices.ContainsFunc(roots, func(root string) bool {
		return dir != root && strings.HasPrefix(root, strings.TrimSuffix(dir, "/")+"/")
	})
}

// RefusesFile returns why Sendmail could not read a map file at path with this owner and mode, or nil: root's and the
// TrustedUser's are read whatever their mode by a Sendmail that runs as root; any other must be readable to the user
// Sendmail runs as (docs/facts.md 5, tried).
func (cf *CF) RefusesFile(path string, info fs.FileInfo) *fault.Hinted {
	stat := info.Sys().(*syscall.Stat_t)
	trusted, _, err := userIDs(cf.TrustedUser)
	if err != nil {
		return fault.Hint("", "", "%s: %s: TrustedUser: %w", path, cf.Path, err)
	}
	uid, gids, err := userIDs(cf.RunAsUser)
	if err != nil {
		return fault.Hint("", "", "%s: %s: RunAsUser: %w", path, cf.Path, err)
	}
	if uid == 0 && (stat.Uid == 0 || stat.Uid == trusted) {
		return nil
	}
	var readable bool
	switch mode := info.Mode().Perm(); {
	case stat.Uid == uid:
		readable = mode&0o400 != 0
	case slices.Contains(gids, stat.Gid):
		readable = mode&0o040 != 0
	default:
		readable = mode&0o004 != 0
	}
	if readable {
		return nil
	}
	reader := cf.RunAsUser
	if reader == "" {
		reader = "root"
	}
	return fault.Hint("", "chown it to root or the TrustedUser, or let "+reader+" read it",
		"%s: a map with owner %d:%d and mode %04o is unsafe to Sendmail, which runs as %s", path, stat.Uid, stat.Gid, info.Mode().Perm(), reader)
}

// userIDs reads "user", "user:group" or numbers as TrustedUser and RunAsUser have them; an empty string is root.
func userIDs(spec string) (uid uint32, gids []uint32, err error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" {
		return 0, []uint32{0}, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		id, numErr := strconv.ParseUint(name, 10, 32)
		if numErr != nil {
			return 0, nil, err
		}
		u = &user.User{Uid: name, Gid: strconv.FormatUint(id, 10)}
	}
	ids := []string{u.Gid}
	if hasGroup {
		if g, err := user.LookupGroup(group); err == nil {
			group = g.Gid
		}
		ids = []string{group}
	}
	for _, s := range ids {
		id, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return 0, nil, fmt.Errorf("group %q: %w", s, err)
		}
		gids = append(gids, uint32(id))
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	return uint32(id), gids, err
}
