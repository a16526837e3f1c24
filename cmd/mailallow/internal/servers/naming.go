package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/accessmap/plan"
	"mailallow/allowlist/bounded"
)

// MaxSettings bounds a sendmail.cf, main.cf or master.cf, in bytes: those of large hosts are a hundredth of it.
const MaxSettings = 4 << 20

// Naming says why the file of a target must not go: a server's settings name it, or cannot be read. It is empty if they can be
// read and none names it. A setting may write the path with a parameter of Postfix ($config_directory), so that the name of the
// file behind a slash is enough: an empty file that nobody reads does no harm, and a missing one may refuse all mail
// (docs/facts.md 33).
func Naming(ctx context.Context, root string, t plan.Target) string {
	inside := strings.TrimPrefix(t.Path, root)
	read := 0
	for _, setting := range append([]setting{{t.SendmailCF, inside}}, ofPostfix(ctx, root, inside)...) {
		text, err := bounded.File(setting.file, MaxSettings)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return fmt.Sprintf("whether a server reads it is not known: %s: %v", setting.file, err)
		}
		read++
		for line := range bytes.Lines(text) {
			if line[0] != '#' && bytes.Contains(line, []byte(setting.word)) {
				return setting.file + " names it"
			}
		}
	}
	if read == 0 {
		return "whether a server reads it is not known: there is no sendmail.cf and no main.cf"
	}
	return ""
}

// setting is a file of settings, and the word by which it names the file of a target.
type setting struct{ file, word string }

// ofPostfix gives main.cf and master.cf, where packages put them and where this host's Postfix says that they are.
func ofPostfix(ctx context.Context, root, path string) (settings []setting) {
	dirs := postfixFolders()
	if root == "" {
		if m, err := Postfix(ctx, ""); err == nil && !slices.Contains(dirs, m.ConfigDirectory) {
			dirs = append(dirs, m.ConfigDirectory)
		}
	}
	for _, dir := range dirs {
		for _, name := range []string{"main.cf", "master.cf"} {
			settings = append(settings, setting{filepath.Join("/", root, dir, name), "/" + filepath.Base(path)})
		}
	}
	return settings
}
