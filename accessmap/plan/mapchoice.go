package plan

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailallow/accessmap/install"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
)

// MapChoice is the map that is made from a target's text, and who reads it.
type MapChoice struct {
	MapType string // empty: no map is built

	cf    *sendmail.CF // see CF
	reads string       // path of the sendmail.cf that makemap reads and Sendmail is asked with; empty: none
}

// CF is the sendmail.cf that names this file as its access map, or nil: there is none, or it names another one.
func (m MapChoice) CF() *sendmail.CF { return m.cf }

// chooseMap settles the type of a target's map: what the target names, else what sendmail.cf says of this very path, else
// hash.
func chooseMap(t Target) (m MapChoice, err error) {
	if !t.Format.Map || t.Map == makemap.None {
		return m, nil
	}
	m.reads = t.SendmailCF
	if _, err := os.Stat(t.SendmailCF); t.CFOptional && errors.Is(err, fs.ErrNotExist) {
		m.reads = ""
	}
	if m.MapType = t.Map; t.Map == makemap.Auto {
		m.MapType = makemap.DefaultType
	}
	if m.reads != "" {
		cf, err := sendmail.ReadCF(m.reads)
		if err != nil {
			return m, err
		}
		if cf.Names(t.Path) || t.Root != "" && cf.AccessPath == strings.TrimPrefix(t.Path, filepath.Clean(t.Root)) {
			m.cf = &cf
		}
	}
	if m.cf != nil && t.Map == makemap.Auto {
		m.MapType = m.cf.AccessClass
	}
	if t.Root != "" {
		return m, mapWithin(t, m.MapType)
	}
	return m, nil
}

// mapWithin is within for the map of a target.
func mapWithin(t Target, mapType string) error {
	usual, err := makemap.UsualFile(mapType, t.Path)
	if err != nil {
		return err
	}
	for _, suffix := range makemap.Suffixes() { // makemap says later which one it is
		live, _, err := install.Resolve(t.Path + suffix)
		if err == nil {
			err = within(t.Root, live)
		} else if t.Path+suffix != usual {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
