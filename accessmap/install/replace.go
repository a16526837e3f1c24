package install

import (
	"context"
	"errors"
	"fmt"

	"github.com/aymanbagabas/go-udiff"
)

// UnifiedDiff is the difference between two texts of the file at path; empty when there is none.
func UnifiedDiff(path string, old, text []byte) string {
	return udiff.Unified(path, path, string(old), string(text))
}

// ReplaceText gives the file at path a new text in one step, as an installation does it: staged beside it, owner, mode
// and attributes kept, symbolic links followed, durable. old is what the caller read there: ErrChanged says that
// somebody has edited it since, and then, as with every other error, the file stays as it is. No map is made. A warning
// says that the file has other names, which keep the old text.
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
	if err := c.unedited(c.live); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	tx := transaction{changes: []*change{c}, exchange: exchange}
	c.chooseTemp("")
	if err := c.stage(); err != nil {
		return "", errors.Join(fmt.Errorf("%s: %w", path, err), tx.discard())
	}
	if _, err := tx.commit(); err != nil {
		return "", errors.Join(err, tx.discard())
	}
	if err := tx.displaced(); err != nil {
		return "", errors.Join(err, tx.rollback(), tx.discard())
	}
	return c.linkWarning(), tx.finish()
}
