package access

import (
	"fmt"

	"mailallow/accessmap/lint/rule"
)

// duplicates finds keys that the file has twice for makemap. The fix removes a second line with the same value. A key after
// a gap does not count, because makemap reads only its tag; if its gap is closed, another line that has the key keeps it.
func duplicates(l *linter) (found []rule.Finding) {
	seen := make(map[string]*textLine, len(l.lines))
	for _, line := range l.lines {
		before := seen[line.folded]
		switch {
		case line.managed && before != nil:
			found = append(found, before.Found(fmt.Sprintf("%s is also in mailallow's block, on line %d: makemap keeps the first, and fails",
				rule.Shown(before.written), line.Number), "'mailallow update' leaves its own key out"))
		case line.managed && line.folded == "", !line.managed && (line.form != formEntry || line.gap):
		case before != nil:
			found = append(found, repeat(line, before))
		default:
			seen[line.folded] = line
		}
	}
	for _, line := range l.lines {
		if !line.gap {
			continue
		}
		if before := seen[line.folded]; before != nil {
			line.takenBy = before.Number
		} else {
			seen[line.folded] = line
		}
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
