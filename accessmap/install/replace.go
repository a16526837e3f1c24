package install

import (
	"context"
	"errors"
	"fmt"
)

// ReplaceText replaces the text of one file in the way of an installation: staged beside it, swapped atomically, synced,
// with owner, mode and attributes kept and symbolic links followed. old is the text that the caller read; ErrChanged says
// that somebody has edited the file since. After any error the file is as it was. ReplaceText makes no map. The warning
// says that the file has other names (hard links), which keep the old text.
func ReplaceText(ctx context.Context, path string, old, text []byte) (warning string, err error) {
	c, err := newChange(kindText, path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	c.old, c.new = old, text
	unlock, err := lockDirectories(ctx, defaultLockDir(), []Job{{Path: path}}, 0)
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := c.checkOld(c.live); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	tx := transaction{changes: []*change{c}, exchange: exchange}
	c.chooseTemp("")
	if err := c.stage(); err != nil {
		return "", errors.Join(fmt.Errorf("%s: %w", path, err), tx.discard())
	}
	if err = tx.commit(); err == nil {
		err = tx.recheck()
	}
	if err != nil {
		return "", errors.Join(err, tx.rollback(), tx.discard())
	}
	return c.linkWarning(), tx.finish()
}
