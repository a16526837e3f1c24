package install

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/state"
)

// exchange swaps the names of two files of one directory in a single step. The file that was at live keeps its inode and
// its link count, and is at temp afterwards (docs/facts.md 6).
//
// If the file system cannot do that (EINVAL, ENOSYS, EOPNOTSUPP), the old file gets a second name, temp is renamed over
// live, and the second name is renamed to temp. A whole file is at live all the time, but an edit that is renamed to live
// between the first step and the second would be lost.
func exchange(temp, live string) error {
	return rename(temp, live, unix.RENAME_EXCHANGE, exchangeByLinks)
}

// place renames temp to live, which must not exist (EEXIST).
func place(temp, live string) error {
	return rename(temp, live, unix.RENAME_NOREPLACE, placeByLink)
}

// rename renames with a flag of renameat2(2), or in another way if the file system does not know the flag.
func rename(temp, live string, flag uint, otherwise func(temp, live string) error) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, live, flag)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		return otherwise(temp, live)
	}
	return err
}

// asideSuffix makes the second name of exchangeByLinks; a killed run can leave a file of that name.
const asideSuffix = ".old"

func exchangeByLinks(temp, live string) error {
	aside := temp + asideSuffix
	if err := os.Link(live, aside); err != nil {
		return fmt.Errorf("this file system can neither exchange nor link: %w", err)
	}
	if err := os.Rename(temp, live); err != nil {
		return errors.Join(err, state.Remove(aside))
	}
	if err := os.Rename(aside, temp); err != nil {
		return errors.Join(err, os.Rename(aside, live))
	}
	return nil
}

func placeByLink(temp, live string) error {
	if err := os.Link(temp, live); err != nil {
		return err
	}
	return state.Remove(temp)
}
