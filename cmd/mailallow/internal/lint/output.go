package lint

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"mailallow/accessmap/lint"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/program"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// maxNotesShown bounds the notes of one rule in one file; --json has all.
const maxNotesShown = 5

// maxFixShown bounds the lines of one fix in the output; --json and --fix have all.
const maxFixShown = 4

// end shows the findings and returns the error of the run.
func (l *check) end() error {
	err := errors.Join(l.errs...)
	if l.unwritten && len(l.written) == 0 && !l.lock.Stuck() {
		err = fault.Unchanged(err)
	}
	if l.t.JSON {
		if err != nil {
			l.document.Problems = append(l.document.Problems, allowlist.Problem{Kind: "error", Text: err.Error()})
		}
		if err := l.t.Document(l.document); err != nil {
			return err
		}
	} else {
		l.show()
	}
	if findings, notes := l.counts(); err == nil && (findings > 0 || l.strict && notes > 0) {
		return exit.Outcome(exit.Finding)
	}
	if n := len(l.written); l.lock != nil && l.lock.Stuck() {
		l.t.Close("not all files are as they were")
	} else if n > 0 {
		l.t.Close(terminal.Counted(uint64(n), "file", "files") + " written")
	}
	var codes []int
	for _, err := range l.errs {
		codes = append(codes, exit.Code(err))
	}
	return exit.Worst(err, codes...)
}

// counts gives the number of findings that are mistakes, and of notes.
func (l *check) counts() (findings, notes int) {
	for _, f := range l.document.Findings {
		if f.Severity == rule.Note {
			notes++
		} else {
			findings++
		}
	}
	return findings, notes
}

// show writes the findings like a compiler, one line for each and the fix below it, then
// the facts about the servers, then the count.
func (l *check) show() {
	notes := map[[2]string]int{} // of each file and rule
	for _, f := range l.document.Findings {
		of, style := f.Rule, terminal.Bold
		if f.Severity == rule.Note {
			of, style = "note: "+of, terminal.Plain
			if notes[[2]string{f.File, f.Rule}]++; notes[[2]string{f.File, f.Rule}] > maxNotesShown {
				continue
			}
		}
		l.t.Data(style, "%s", l.folded(fmt.Sprintf("%s: %s: %s", terminal.Place(f.File, f.Line), of, f.Text)))
		l.showFix(f)
	}
	noted := slices.Collect(maps.Keys(notes))
	sort.Slice(noted, func(i, j int) bool { return slices.Compare(noted[i][:], noted[j][:]) < 0 })
	for _, of := range noted {
		if more := notes[of] - maxNotesShown; more > 0 {
			l.t.Data(terminal.Plain, "%s", l.folded(fmt.Sprintf("%s: note: %s: %s more like these", of[0], of[1], terminal.Grouped(uint64(more)))))
		}
	}
	for _, s := range l.document.Servers {
		l.t.Summary(terminal.Plain, "%s (%s):", s.MTA, s.File)
		for _, fact := range s.Facts {
			l.t.Summary(terminal.Plain, "  %s", l.folded(fact))
		}
	}
	if l.files > 0 || len(l.document.Findings) > 0 {
		l.t.Summary(terminal.Plain, "%s", l.folded(l.count()))
	}
	if slices.ContainsFunc(l.document.Findings, func(f rule.Finding) bool { return f.Rule == "cidr" }) {
		l.t.Note("networks in a [[source]] of mailallow become such keys by themselves, and stay current: see 'mailallow init'")
	}
	for _, s := range l.written {
		if command := l.effect(s); command != "" {
			l.t.Note("%s was written; for it to take effect: %s", s.path, command)
		}
	}
}

func (l *check) showFix(f rule.Finding) {
	if f.Fix == "" {
		return
	}
	lines := strings.Split(f.Fix, "\n")
	for _, line := range lines[:min(len(lines), maxFixShown)] {
		if !f.Certain {
			line = strings.ReplaceAll(l.folded(line), "\n  ", "\n    ")
		}
		l.t.Data(terminal.Green, "    %s", line)
	}
	if more := len(lines) - maxFixShown; more > 0 {
		shown := "--json shows them"
		if f.Certain {
			shown = "--fix writes them, " + shown
		}
		l.t.Data(terminal.Green, "    ... and %s more: %s", terminal.Grouped(uint64(more)), shown)
	}
}

// folded breaks a text at words for a terminal, and indents the lines after the first.
func (l *check) folded(text string) string {
	const deepest = 4 // columns of indentation, at most
	return strings.Join(l.t.Folded(text, deepest), "\n  ")
}

// count gives the last line: the number of findings, of the files that have them, and of each rule; or of the files that have none;
// and of notes.
func (l *check) count() string {
	findings, notes := l.counts()
	rules, in := l.byRule()
	if findings == 0 {
		in = l.files
	}
	files := terminal.Counted(uint64(in), "file", "files")
	text := files + ": nothing to put right"
	if len(l.errs) > 0 {
		text = files + " checked and nothing found, but not everything could be read"
	}
	if findings > 0 {
		text = terminal.Counted(uint64(findings), "finding", "findings") + " in " + files + " (" + strings.Join(rules, ", ") + ")"
	}
	if notes > 0 {
		text += "; " + terminal.Counted(uint64(notes), "note", "notes")
	}
	if certain := l.certain(); certain > 0 && l.lock == nil {
		text += "; --fix puts " + terminal.Grouped(uint64(certain)) + " of them right"
	}
	return text + l.fixedCount()
}

// byRule gives the number of findings of each rule that are mistakes, and the number of files that have one.
func (l *check) byRule() (rules []string, in int) {
	byRule, files := map[string]int{}, map[string]bool{}
	for _, f := range l.document.Findings {
		if f.Severity != rule.Note {
			byRule[f.Rule]++
			files[f.File] = true
		}
	}
	for _, r := range slices.Sorted(maps.Keys(byRule)) {
		rules = append(rules, r+" "+terminal.Grouped(uint64(byRule[r])))
	}
	return rules, len(files)
}

// certain gives the number of findings that --fix corrects.
func (l *check) certain() (n int) {
	for _, f := range l.document.Findings {
		if f.Certain {
			n++
		}
	}
	return n
}

func (l *check) fixedCount() string {
	if n := len(l.document.Fixed); n > 0 {
		return "; " + terminal.Grouped(uint64(n)) + " put right"
	}
	return ""
}

// effect gives the command after --fix that makes a file take effect; empty: none is known.
func (l *check) effect(s subject) string {
	switch {
	case s.kind == lint.KindTable:
		return "postfix reload"
	case s.kind == lint.KindList:
		return ""
	case s.target.Path != "":
		return "mailallow update" + l.flags + ", which builds its map"
	}
	return fmt.Sprintf("makemap %s %s < %[2]s", cmp.Or(l.mapOptions(s, l.readerOf(s)).Type, "hash"), program.Quoted(s.path))
}

// showRules writes the table of rules.
func showRules(t *terminal.Terminal) error {
	rules := lint.Rules()
	if t.JSON {
		return t.Document(map[string][]rule.Rule{"rules": rules})
	}
	rows := [][]string{{"RULE", "SEVERITY", "WHAT IT CATCHES", "WHY"}}
	for _, r := range rules {
		rows = append(rows, []string{r.Name, string(r.Severity), r.Catches, r.Why})
	}
	t.Table(rows)
	return nil
}
