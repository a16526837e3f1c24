package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"mailallow/accessmap/install"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
	"mailallow/accessmap/state"
)

// MapChoice is the map that is built from a target's text, and the sendmail.cf that names it.
type MapChoice struct {
	MapType string // of makemap's types; empty: no map is built

	cf     *sendmail.CF // see CF
	cfPath string       // of the sendmail.cf for makemap and for questions to Sendmail; empty: there is none
}

// CF is the sendmail.cf whose access map is this target; nil if there is none, or it names another file.
func (m MapChoice) CF() *sendmail.CF { return m.cf }

// chooseMap takes the type of the map from the target, then from the sendmail.cf that names this path, then hash.
func chooseMap(t Target) (m MapChoice, err error) {
	if !t.Format.Map || t.Map == makemap.None {
		return m, nil
	}
	m.cfPath = t.SendmailCF
	if _, err := os.Stat(t.SendmailCF); t.CFOptional && errors.Is(err, fs.ErrNotExist) {
		m.cfPath = ""
	}
	if m.MapType = t.Map; t.Map == makemap.Auto {
		m.MapType = makemap.DefaultType
	}
	if m.cfPath != "" {
		cf, err := sendmail.ReadCF(m.cfPath)
		if err != nil {
			return m, err
		}
		if cf.Names(t.Path) || cf.AccessPath == t.inside(t.Path) {
			m.cf = &cf
		}
	}
	if m.cf != nil && t.Map == makemap.Auto {
		if m.MapType = m.cf.AccessClass; !slices.Contains(makemap.Words(), m.MapType) {
			return m, fmt.Errorf("%s reads this map as %s: mailallow makes hash, btree and cdb; name one of them in Kaccess there, or set map = %q",
				m.cfPath, m.MapType, makemap.None)
		}
	}
	if t.Root != "" {
		return m, mapWithin(t, m.MapType)
	}
	return m, nil
}

// mapWithin is an error if a file that makemap may write lies outside of Root. Which suffix it gives the map is not known yet,
// so every suffix is checked; only the usual file must resolve.
func mapWithin(t Target, mapType string) error {
	usual, err := makemap.UsualFile(mapType, t.Path)
	if err != nil {
		return err
	}
	for _, suffix := range makemap.Suffixes() {
		file, _, err := install.Resolve(t.Path + suffix)
		if err == nil {
			err = state.Within(t.Root, file)
		} else if t.Path+suffix != usual {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
