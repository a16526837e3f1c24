package access

import (
	"errors"
	"fmt"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
)

// byteOrderMark finds the mark. It stays before an entry that is held, or whose key another line has: it hides the key.
func byteOrderMark(l *linter) []rule.Finding {
	if !l.marked {
		return nil
	}
	f := rule.Finding{Line: 1, Certain: true,
		Text: "a byte order mark begins the file: it becomes part of the first key", Fix: `remove it: sed -i '1s/^\xef\xbb\xbf//'`}
	if len(l.begins) == 0 {
		return []rule.Finding{f}
	}
	if first := l.at(1); first.hold != nil {
		l.keepsMark, f.Certain = true, false
		f.Text += "; " + first.hold.why
		f.Fix = "write OK in place of RELAY there, or the networks that are meant; then " + f.Fix
	} else if first.takenBy > 0 {
		l.keepsMark, f.Certain = true, false
		f.Text += fmt.Sprintf("; line %d has that key already", first.takenBy)
		f.Fix = "remove one of the two lines; then " + f.Fix
	}
	return []rule.Finding{f}
}

// blockProblems finds markers that are not one pair, and lines of mailallow that somebody has changed.
func blockProblems(l *linter) (found []rule.Finding) {
	for _, problem := range fault.Each(l.blockErr) {
		if at := (*fault.AtLine)(nil); errors.As(problem, &at) {
			found = append(found, rule.Finding{Line: at.Line, Text: at.Err.Error(), Fix: fmt.Sprintf("there must be one line '%s' and one '%s' below it, or neither: "+
				"correct the file by hand", block.Begin, block.End)})
		}
	}
	if l.block.Found {
		if err := format.CheckSendmail(l.block.Inside); err != nil {
			line := l.blockLine() + fault.LineOf(err)
			if at := (*fault.AtLine)(nil); errors.As(err, &at) {
				err = at.Err
			}
			found = append(found, rule.Finding{Line: line, Text: "inside mailallow's block: " + err.Error(),
				Fix: "'mailallow update" + l.Flags + "' writes the block again; your own lines belong above or below it"})
		}
	}
	if l.generated {
		if err := format.CheckSendmail(l.text); err != nil {
			found = append(found, rule.Finding{Text: "mailallow writes this whole file, and somebody has changed it: " + err.Error(), Fix: "'mailallow update" + l.Flags + "' writes it again"})
		}
	}
	return found
}

// controlBytes finds NULs, and CRs at the ends of lines: one finding for all of them, on the first.
func controlBytes(line *textLine) (found []rule.Finding) {
	if line.form == formNUL {
		found = append(found, line.Found("makemap takes a NUL byte for the end of the line, and refuses the line", "remove the byte"))
	}
	if line.managed || !line.endsInCR() {
		return found
	}
	if !line.Changed {
		line.Set(strings.TrimRight(line.Raw, "\r"))
	}
	if line.crs > 0 {
		found = append(found, rule.Finding{Line: line.Number, Certain: true,
			Text: fmt.Sprintf("lines end in CR LF (%s of them): the CR becomes part of the value, and makemap refuses a blank line", ascii.Count(line.crs)),
			Fix:  "end lines in LF only: sed -i 's/\\r*$//'"})
	}
	return found
}

func longLine(line *textLine) []rule.Finding {
	if line.form != formTooLong {
		return nil
	}
	return []rule.Finding{line.Found(fmt.Sprintf("a line of %d bytes: makemap cuts it at %d and reads the rest as a line of its own, even in a comment",
		len(line.Raw), makemap.MaxLine), fmt.Sprintf("split it into lines of at most %d bytes", makemap.MaxLine-1))}
}

func indentedLine(line *textLine) []rule.Finding {
	switch _, bare := line.body(); line.form {
	case formBlanks:
		return []rule.Finding{line.Fixed("a line of blanks only: makemap refuses it", "")}
	case formIndented:
		return []rule.Finding{line.Fixed("a comment that does not begin in the first column: makemap refuses the line", bare)}
	}
	return nil
}

func keyWithoutValue(line *textLine) []rule.Finding {
	if line.form != formKeyAlone {
		return nil
	}
	_, bare := line.body()
	return []rule.Finding{line.Found(rule.Shown(strings.TrimSpace(bare))+": a key without a value: makemap refuses the line",
		"write a value after it, or remove the line")}
}

func indentedEntry(line *textLine) []rule.Finding {
	if !line.indent {
		return nil
	}
	return []rule.Finding{line.Found("a line that begins with a blank: makemap refuses it", "remove the blanks before it")}
}

func blankInKey(line *textLine) []rule.Finding {
	if !line.gap {
		return nil
	}
	return []rule.Finding{line.Found("a blank after the tag: for makemap the tag alone is the key, which Sendmail never looks up",
		"write the key directly after the tag")}
}

func senderDomain(line *textLine) []rule.Finding {
	if !line.senders {
		return nil
	}
	return []rule.Finding{line.Found("under delay_checks a key without Connect: also matches a forged sender domain that ends in "+line.key.Address+
		", and lets any client in", "")}
}
