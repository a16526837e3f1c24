package program

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
)

// sendmailPlaces are where systems have Sendmail's programs (docs/facts.md 21): Debian, FreeBSD's base, Sendmail's own installation,
// OpenBSD's and FreeBSD's ports, pkgsrc.
var sendmailPlaces = [...]string{"/usr/sbin", "/usr/lib/sm.bin", "/usr/libexec/sendmail", "/usr/local/libexec/sendmail", "/usr/local/sbin",
	"/usr/pkg/libexec/sendmail", "/usr/pkg/sbin", "/usr/libexec", "/usr/lib"}

// OfSendmail finds one of Sendmail's own programs by its name: in dirs, then in PATH, then where systems have it. Other mail servers
// have programs of the same names, often behind links: the alternatives of Enterprise Linux, mailwrapper of the BSDs, OpenSMTPD's
// makemap, which is smtpctl. So the name behind all links must be the name itself, or NAME.sendmail, as Enterprise Linux calls what its
// link leads to if Sendmail is chosen. The error is exec.ErrNotFound.
func OfSendmail(name string, dirs ...string) (string, error) {
	return findOfSendmail(name, append(dirs, SearchPath(sendmailPlaces[:]...)...))
}

func findOfSendmail(name string, dirs []string) (string, error) {
	for _, dir := range dirs {
		for _, own := range []string{name + ".sendmail", name} {
			if path := filepath.Join(dir, own); isOfSendmail(name, path) {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// IsOfSendmail reports whether a path is that of a program that OfSendmail could find by its name, in whichever of the folders.
func IsOfSendmail(name, path string) bool {
	inPlace := slices.ContainsFunc(SearchPath(sendmailPlaces[:]...), func(dir string) bool { return filepath.Clean(dir) == filepath.Dir(path) })
	return inPlace && isOfSendmail(name, path)
}

func isOfSendmail(name, path string) bool {
	if !filepath.IsAbs(path) || executable(path) != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(path)
	return err == nil && (filepath.Base(real) == name || filepath.Base(real) == name+".sendmail")
}
