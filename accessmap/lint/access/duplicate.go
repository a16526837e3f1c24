package access

import (
	"fmt"

	"mailallow/accessmap/lint/rule"
)

// duplicates finds keys that the file has twice for makemap. The fix removes a second line with the same value. A key after
// a gap does not count, because makemap reads only its tag; if its gap is closed, another line that has the key keeps it.
func duplicates(l *linter) (found []rule.Finding) {
	seen := newIndex(len(l.begins), func(number int, folded string) bool { return l.at(number).folded == folded })
	var gaps []int
	for line := range l.each {
		switch {
		case line.folded == "", !line.managed && line.form != formEntry:
			continue
		case line.gap:
			gaps = append(gaps, line.Number)
			continue
		}
		before := seen.add(line.folded, line.Number)
		switch {
		case before == 0:
		case line.managed:
			before := l.at(before)
			found = append(found, before.Found(fmt.Sprintf("%s is also in mailallow's block, on line %d: makemap keeps the first, and fails",
				rule.Shown(before.written), line.Number), "'mailallow update' leaves its own key out"))
		default:
			found = append(found, repeat(line, l.keep(l.at(before))))
		}
	}
	for _, number := range gaps {
		line := l.keep(l.at(number))
		line.takenBy = seen.add(line.folded, number)
	}
	return found
}

// repeat marks a line that has the key of an earlier line.
func repeat(line, before *textLine) rule.Finding {
	line.form = formRepeated
	text := fmt.Sprintf("%s is already on line %d (makemap folds letters to lower case): makemap keeps the first, and fails",
		rule.Shown(line.written), before.Number)
	if before.means == line.means && !before.managed {
		return line.Fixed(text)
	}
	before.disputed = line.Number
	return line.Found(text, "remove one of the two: their values differ")
}
