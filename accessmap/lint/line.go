package lint

import (
	"errors"
	"fmt"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
)

func byteOrderMark(l *accessLinter) []Finding {
	if !l.marked {
		return nil
	}
	return []Finding{{Line: 1, Certain: true,
		Text: "a byte order mark begins the file: it becomes part of the first key", Fix: `take it away: sed -i '1s/^\xef\xbb\xbf//'`}}
}

// blockProblems finds markers that make no pair, and what is not as mailallow wrote it.
func blockProblems(l *accessLinter) (found []Finding) {
	for _, problem := range fault.Each(l.blockErr) {
		if at := (*fault.AtLine)(nil); errors.As(problem, &at) {
			found = append(found, Finding{Line: at.Line, Text: at.Err.Error(), Fix: fmt.Sprintf("there must be one line '%s' and one '%s' below it, or neither: "+
				"mend the file by hand", block.Begin, block.End)})
		}
	}
	if l.block.Found {
		if _, err := format.ReadSendmail(l.block.Inside); err != nil {
			line := l.blockLine() + fault.LineOf(err)
			if at := (*fault.AtLine)(nil); errors.As(err, &at) {
				err = at.Err
			}
			found = append(found, Finding{Line: line, Text: "inside mailallow's block: " + err.Error(),
				Fix: "'mailallow update' writes the block anew; lines of your own belong above or below it"})
		}
	}
	if l.generated {
		if _, err := format.ReadSendmail(l.text); err != nil {
			found = append(found, Finding{Text: "this file is mailallow's as a whole, and not as it wrote it: " + err.Error(), Fix: "'mailallow update' writes it anew"})
		}
	}
	return found
}

// controlBytes finds NULs, and tells once of all CRs at the ends of lines.
func controlBytes(line *accessLine) (found []Finding) {
	if line.form == formNUL {
		found = append(found, line.found("a NUL byte ends the line for makemap, which then refuses it", "remove the byte"))
	}
	if line.ours || !line.endsInCR() {
		return found
	}
	if !line.changed {
		line.set(strings.TrimRight(line.raw, "\r"))
	}
	if line.crs > 0 {
		found = append(found, Finding{Line: line.number, Certain: true,
			Text: fmt.Sprintf("lines end in CR LF (%d of them): the CR becomes part of the value, and a blank line is refused by makemap", line.crs),
			Fix:  "end lines in LF alone: sed -i 's/\\r*$//'"})
	}
	return found
}

func longLine(line *accessLine) []Finding {
	if line.form != formTooLong {
		return nil
	}
	return []Finding{line.found(fmt.Sprintf("a line of %d bytes: makemap cuts it at %d and reads the rest as a line of its own, in a comment, too",
		len(line.raw), makemap.MaxLine), fmt.Sprintf("make lines of at most %d bytes of it", makemap.MaxLine-1))}
}

func indentedLine(line *accessLine) []Finding {
	switch _, bare := line.body(); line.form {
	case formBlanks:
		return []Finding{line.fixed("a blank line that holds blanks: makemap refuses it", "")}
	case formIndented:
		return []Finding{line.fixed("a comment that does not begin in the first column: makemap refuses the line", bare)}
	}
	return nil
}

func keyWithoutValue(line *accessLine) []Finding {
	if line.form != formKeyAlone {
		return nil
	}
	_, bare := line.body()
	return []Finding{line.found(shown(strings.TrimSpace(bare))+": a key without a value: makemap refuses the line",
		"write a value behind it, or remove the line")}
}

// indentedEntry finds an entry that makemap refuses for the blanks before it.
func indentedEntry(_ Options, line *accessLine) *partFault {
	if !line.indent {
		return nil
	}
	return &partFault{"a line that begins with a blank: makemap refuses it", "remove the blanks before it"}
}

func blankInKey(_ Options, line *accessLine) *partFault {
	if !line.gap {
		return nil
	}
	return &partFault{"a blank behind the tag: makemap takes the tag alone for the key, and nobody looks that up", "write the key right behind the tag"}
}

func senderDomain(o Options, line *accessLine) *partFault {
	if !o.matchesSenders(line) {
		return nil
	}
	return &partFault{text: "without Connect: this also matches a forged sender domain that ends in " + line.key.Address +
		", under delay_checks, and lets any client in"}
}

// matchesSenders: with delay_checks an untagged IPv4 key also matches a sender domain that ends like it (docs/facts.md 3).
func (o Options) matchesSenders(line *accessLine) bool {
	return o.CF != nil && o.CF.DelayChecks && line.key.Tag == "" && line.prefix.IsValid() && line.prefix.Addr().Is4() &&
		(line.says(allowlist.OK) || line.says(allowlist.Relay))
}
