package install

import "context"

// ReplaceText replaces the text of one file, at an absolute path, as Install does, and makes no map. old is the text that the
// caller read. Commands that an installation still owes stay pending.
func (l *Lock) ReplaceText(ctx context.Context, path string, old, text []byte) (warnings []string, err error) {
	i, err := l.installFiles(ctx, []Job{{Path: path, Old: old, OldExists: true, New: text}}, nil)
	if i != nil {
		warnings = i.report.Warnings
	}
	return warnings, withDiskAdvice(err)
}
