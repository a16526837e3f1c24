package sendmail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
)

// RefusesType gives the reasons why Sendmail would find no key in a map of this type: it reads another type, or it does not
// write keys as makemap does, in lower case and without a NUL at the end.
func (cf *CF) RefusesType(mapType string) (reasons []*fault.Hinted) {
	if cf.AccessClass != mapType {
		reasons = append(reasons, fault.Hint("", "set map = \"auto\", or change Kaccess there",
			"%s reads this map as %s, not as %s", cf.Path, cf.AccessClass, mapType))
	}
	for _, flag := range cf.AccessFlags {
		switch flag[:min(2, len(flag))] {
		case "-f":
			reasons = append(reasons, fault.Hint(cf.Path, "remove -f there",
				"Kaccess has -f: keys are looked up as they are written and makemap's are in lower case"))
		case "-N":
			reasons = append(reasons, fault.Hint(cf.Path, "remove -N there",
				"Kaccess has -N: it looks for keys that end in NUL, and makemap writes none"))
		}
	}
	return reasons
}

// RefusesPath gives the directories on the path of a map that make the map unsafe for Sendmail: those that the group or the
// world can write to, sticky or not (safedirpath in libsmutil/safefile.c; docs/facts.md 5). It checks the path as it
// is written, and the one behind symbolic links.
func (cf *CF) RefusesPath(mapPath string) (reasons []*fault.Hinted) {
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
				reasons = append(reasons, &fault.Hinted{Err: err})
			case info.Mode()&0o002 != 0:
				reasons = append(reasons, fault.Hint("", "chmod o-w "+dir, "%s: world-writable directory: Sendmail refuses the map below it", dir))
			case info.Mode()&0o020 != 0 && !slices.Contains(cf.DontBlame, "groupwritabledirpathsafe"):
				reasons = append(reasons, fault.Hint("", "chmod g-w "+dir, "%s: group-writable directory: Sendmail refuses the map below it", dir))
			}
		}
	}
	check(filepath.Dir(filepath.Clean(mapPath)))
	if real, err := filepath.EvalSymlinks(filepath.Dir(mapPath)); err == nil {
		check(real)
	}
	return reasons
}

// Inside gives a path as Sendmail sees it in Root.
func (cf *CF) Inside(path string) string {
	if below, ok := strings.CutPrefix(path, strings.TrimSuffix(cf.Root, "/")+"/"); ok && cf.Root != "" {
		return "/" + below
	}
	return path
}

// isAboveRoot reports whether a directory contains Root, so that Sendmail will not see it.
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

// RefusesFile gives the reason why Sendmail could not read a map file with this owner and mode, or nil. A Sendmail that runs
// as root reads files of root and of the TrustedUser whatever their mode. Any other file must be readable for the RunAsUser
// (docs/facts.md 5). Below a Root without /etc/passwd users have no numbers, and nothing is refused for its owner.
func (cf *CF) RefusesFile(path string, info fs.FileInfo) *fault.Hinted {
	stat := info.Sys().(*syscall.Stat_t)
	trusted, _, err := cf.userIDs(cf.TrustedUser)
	if err != nil {
		return cf.unknownUser(path, "TrustedUser", err)
	}
	uid, gids, err := cf.userIDs(cf.RunAsUser)
	if err != nil {
		return cf.unknownUser(path, "RunAsUser", err)
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

func (cf *CF) unknownUser(path, option string, err error) *fault.Hinted {
	if cf.Root != "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fault.Hint("", "write the number there, or add the name to /etc/passwd or /etc/group", "%s: %s: %s: %w", path, cf.Path, option, err)
}

// userIDs reads "user", "user:group" or numbers, as TrustedUser and RunAsUser have them. An empty string is root.
func (cf *CF) userIDs(spec string) (uid uint32, gids []uint32, err error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" {
		return 0, []uint32{0}, nil
	}
	u, err := cf.lookupUser(name)
	if err != nil {
		id, numErr := strconv.ParseUint(name, 10, 32)
		if numErr != nil {
			return 0, nil, err
		}
		u = &user.User{Uid: name, Gid: strconv.FormatUint(id, 10)}
	}
	ids := []string{u.Gid}
	if hasGroup {
		if gid, err := cf.lookupGroup(group); err == nil {
			group = gid
		}
		ids = []string{group}
	}
	for _, s := range ids {
		id, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return 0, nil, fmt.Errorf("unknown group %s", s)
		}
		gids = append(gids, uint32(id))
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	return uint32(id), gids, err
}

// lookupUser finds a user of this host, or of the system below Root.
func (cf *CF) lookupUser(name string) (*user.User, error) {
	if cf.Root == "" {
		return user.Lookup(name)
	}
	fields, err := entryBelow(cf.Root, "/etc/passwd", name)
	if err != nil {
		return nil, err
	}
	return &user.User{Username: name, Uid: fields[2], Gid: fields[3]}, nil
}

func (cf *CF) lookupGroup(name string) (gid string, err error) {
	if cf.Root == "" {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	}
	fields, err := entryBelow(cf.Root, "/etc/group", name)
	if err != nil {
		return "", err
	}
	return fields[2], nil
}

// maxUsers bounds a file of users or groups, in bytes.
const maxUsers = 4 << 20

// entryBelow gives the fields of a name in a file of users or groups, at least four (passwd(5), group(5)).
func entryBelow(root, file, name string) (fields []string, err error) {
	text, err := bounded.File(filepath.Join(root, file), maxUsers)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimRight(line, "\n"), ":"); len(fields) > 3 && fields[0] == name {
			return fields, nil
		}
	}
	return nil, fmt.Errorf("%s does not know %s", file, name)
}
