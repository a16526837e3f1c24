package access

import (
	"fmt"

	"mailallow/accessmap/lint/rule"
)

// duplicates finds keys that the file has twice for makemap. The fix removes a second line with the same value. A hidden key does
// not count: another line that has the key keeps it, wherever it is.
func duplicates(l *linter) (found []rule.Finding) {
	seen := newIndex(len(l.begins), func(number int, folded string) bool { return l.at(number).folded == folded })
	var hidden []int
	for line := range l.each {
		switch {
		case line.folded == "", !line.managed && line.form != formEntry:
			continue
		case line.hidden:
			hidden = append(hidden, line.Number)
			continue
		}
		before := seen.add(line.folded, line.Number)
		switch {
		case before == 0:
		case line.managed:
			before := l.at(before)
			found = append(found, before.Found(fmt.Sprintf("%s is also in mailallow's block, on line %d: makemap keeps the first, and fails",
				rule.Shown(before.written), line.Number), "'mailallow update"+l.Flags+"' leaves its own key out"))
		default:
			found = append(found, l.repeat(line, l.keep(l.at(before)), " (makemap folds letters to lower case): makemap keeps the first, and fails"))
		}
	}
	for _, number := range hidden {
		line := l.keep(l.at(number))
		switch before := seen.add(line.folded, number); {
		case before == 0:
		case l.at(before).means == line.means && !l.at(before).managed:
			found = append(found, l.repeat(line, l.at(before), ", and makemap does not read the key here"))
		default:
			line.takenBy = before
		}
	}
	return found
}

// repeat marks a line that has the key of another line.
func (l *linter) repeat(line, before *textLine, effect string) rule.Finding {
	line.form = formRepeated
	text := fmt.Sprintf("%s is already on line %d", rule.Shown(line.written), l.from.Of(before.Number)) + effect
	if before.means == line.means && !before.managed {
		return line.Fixed(text)
	}
	before.disputed = line.Number
	return line.Found(text, "remove one of the two: their values differ")
}
