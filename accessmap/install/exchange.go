package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/state"
)

// exchange swaps the names of two files of one directory in a single step. The file that was at live keeps its inode and
// its link count, and is at temp afterwards (docs/facts.md 6).
//
// If the system cannot do that, the old file gets a second name, temp is renamed over live, and the second name is renamed to temp.
// A whole file is at live all the time, but an edit that is renamed to live between the first step and the second would be lost.
func exchange(temp, live string) error {
	return otherwise(kernel.Exchange, exchangeByLinks, temp, live)
}

// place renames temp to live, which must not exist (EEXIST).
func place(temp, live string) error { return otherwise(kernel.Place, placeByLink, temp, live) }

// otherwise renames with first, or with second where the system does not have first.
func otherwise(first, second func(temp, live string) error, temp, live string) error {
	err := first(temp, live)
	if errors.Is(err, errors.ErrUnsupported) {
		return second(temp, live)
	}
	return err
}

// asideSuffix makes the second name of exchangeByLinks; a killed run can leave a file of that name.
const asideSuffix = ".old"

func exchangeByLinks(temp, live string) error {
	aside := temp + asideSuffix
	if err := os.Link(live, aside); err != nil {
		return fmt.Errorf("it can be neither exchanged nor linked: %w", err)
	}
	if err := os.Rename(temp, live); err != nil {
		return errors.Join(err, state.Remove(aside))
	}
	if err := os.Rename(aside, temp); err != nil {
		return errors.Join(err, os.Rename(aside, live))
	}
	return nil
}

// finishExchange does the last step of an exchangeByLinks that was killed before it: the old file is at its second name alone.
func finishExchange(temp string) error {
	if !strings.HasPrefix(filepath.Base(temp), tempPrefix) {
		return nil // journalEntry.finish refuses it
	}
	if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(temp+asideSuffix, temp); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func placeByLink(temp, live string) error {
	if err := os.Link(temp, live); err != nil {
		return err
	}
	return state.Remove(temp)
}
