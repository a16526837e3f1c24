package lint

import (
	"errors"
	"fmt"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist/fault"
)

func byteOrderMark(l *accessLinter) []Finding {
	if !l.marked {
		return nil
	}
	return []Finding{{Line: 1, Certain: true,
		Text: "a byte order mark begins the file: it becomes part of the first key", Fix: `remove it: sed -i '1s/^\xef\xbb\xbf//'`}}
}

// blockProblems finds markers that are not one pair, and lines of mailallow that somebody has changed.
func blockProblems(l *accessLinter) (found []Finding) {
	for _, problem := range fault.Each(l.blockErr) {
		if at := (*fault.AtLine)(nil); errors.As(problem, &at) {
			found = append(found, Finding{Line: at.Line, Text: at.Err.Error(), Fix: fmt.Sprintf("there must be one line '%s' and one '%s' below it, or neither: "+
				"correct the file by hand", block.Begin, block.End)})
		}
	}
	if l.block.Found {
		if _, err := format.ReadSendmail(l.block.Inside); err != nil {
			line := l.blockLine() + fault.LineOf(err)
			if at := (*fault.AtLine)(nil); errors.As(err, &at) {
				err = at.Err
			}
			found = append(found, Finding{Line: line, Text: "inside mailallow's block: " + err.Error(),
				Fix: "'mailallow update' writes the block again; your own lines belong above or below it"})
		}
	}
	if l.generated {
		if _, err := format.ReadSendmail(l.text); err != nil {
			found = append(found, Finding{Text: "mailallow writes this whole file, and somebody has changed it: " + err.Error(), Fix: "'mailallow update' writes it again"})
		}
	}
	return found
}

// controlBytes finds NULs, and CRs at the ends of lines: one finding for all of them, on the first.
func controlBytes(line *accessLine) (found []Finding) {
	if line.form == formNUL {
		found = append(found, line.found("makemap takes a NUL byte for the end of the line, and refuses the line", "remove the byte"))
	}
	if line.managed || !line.endsInCR() {
		return found
	}
	if !line.changed {
		line.set(strings.TrimRight(line.raw, "\r"))
	}
	if line.crs > 0 {
		found = append(found, Finding{Line: line.number, Certain: true,
			Text: fmt.Sprintf("lines end in CR LF (%d of them): the CR becomes part of the value, and makemap refuses a blank line", line.crs),
			Fix:  "end lines in LF only: sed -i 's/\\r*$//'"})
	}
	return found
}

func longLine(line *accessLine) []Finding {
	if line.form != formTooLong {
		return nil
	}
	return []Finding{line.found(fmt.Sprintf("a line of %d bytes: makemap cuts it at %d and reads the rest as a line of its own, even in a comment",
		len(line.raw), makemap.MaxLine), fmt.Sprintf("split it into lines of at most %d bytes", makemap.MaxLine-1))}
}

func indentedLine(line *accessLine) []Finding {
	switch _, bare := line.body(); line.form {
	case formBlanks:
		return []Finding{line.fixed("a line of blanks only: makemap refuses it", "")}
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
		"write a value after it, or remove the line")}
}

func indentedEntry(line *accessLine) []Finding {
	if !line.indent {
		return nil
	}
	return []Finding{line.found("a line that begins with a blank: makemap refuses it", "remove the blanks before it")}
}

func blankInKey(line *accessLine) []Finding {
	if !line.gap {
		return nil
	}
	return []Finding{line.found("a blank after the tag: for makemap the tag alone is the key, which Sendmail never looks up",
		"write the key directly after the tag")}
}

func senderDomain(line *accessLine) []Finding {
	if !line.senders {
		return nil
	}
	return []Finding{line.found("under delay_checks a key without Connect: also matches a forged sender domain that ends in "+line.key.Address+
		", and lets any client in", "")}
}
