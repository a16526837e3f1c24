package lint

import "fmt"

// duplicates finds the keys that makemap sees twice. A second line that says the same is dropped. What stands behind a
// blank is no key yet, and becomes one only where there is none.
func duplicates(l *accessLinter) (found []Finding) {
	seen := make(map[string]*accessLine, len(l.lines))
	for _, line := range l.lines {
		before := seen[line.folded]
		switch {
		case line.ours && before != nil:
			found = append(found, before.found(fmt.Sprintf("%s stands in mailallow's block, too, on line %d: makemap keeps the first, and fails",
				shown(before.written), line.number), "'mailallow update' leaves its own key out"))
		case line.ours && line.folded == "", !line.ours && (line.form != formEntry || line.gap):
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
			line.refused = before.number
		} else {
			seen[line.folded] = line
		}
	}
	return found
}

// repeat takes a line for one that has the key of an earlier line.
func repeat(line, before *accessLine) Finding {
	line.form = formRepeated
	text := fmt.Sprintf("%s stands on line %d already (letters of a key are folded): makemap keeps that one, and fails",
		shown(line.written), before.number)
	if before.means == line.means && !before.ours {
		return line.fixed(text)
	}
	before.disputed = line.number
	return line.found(text, "remove one of the two: they say different things")
}
