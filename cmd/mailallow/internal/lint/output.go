package lint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mailallow/accessmap/lint"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// maxFixShown bounds the lines of one fix in the output; --json and --fix have all.
const maxFixShown = 4

// end shows the findings and returns the error of the run.
func (l *check) end() error {
	err := errors.Join(l.errs...)
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
	if err == nil && len(l.document.Findings) > 0 {
		return exit.Outcome(exit.Finding)
	}
	return exit.With(exit.Usage, err)
}

// show writes the findings like a compiler, one line for each and the fix below it, then
// the facts about the servers, then the count.
func (l *check) show() {
	for _, f := range l.document.Findings {
		l.t.Data(terminal.Bold, "%s", l.folded(fmt.Sprintf("%s: %s: %s", terminal.Place(f.File, f.Line), f.Rule, f.Text)))
		l.showFix(f)
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
	if slices.ContainsFunc(l.document.Findings, func(f lint.Finding) bool { return f.Rule == "cidr" }) {
		l.t.Note("networks in a [[source]] of mailallow become such keys by themselves, and stay current: see 'mailallow init'")
	}
	for _, s := range l.written {
		l.t.Note("%s was written; for it to take effect: %s", s.path, s.effect())
	}
}

func (l *check) showFix(f lint.Finding) {
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
		l.t.Data(terminal.Green, "    ... and %s more: --fix writes them, --json shows them", terminal.Grouped(uint64(more)))
	}
}

// folded breaks a text at words for a terminal, and indents the lines after the first.
func (l *check) folded(text string) string {
	const deepest = 4 // columns of indentation, at most
	return strings.Join(l.t.Folded(text, deepest), "\n  ")
}

// count gives the last line: the number of findings, by rule, and of files.
func (l *check) count() string {
	findings := l.document.Findings
	if len(findings) == 0 {
		return fmt.Sprintf("%s: nothing to put right%s", terminal.Counted(uint64(l.files), "file", "files"), l.fixedCount())
	}
	byRule := map[string]int{}
	certain := 0
	for _, f := range findings {
		byRule[f.Rule]++
		if f.Certain {
			certain++
		}
	}
	var rules []string
	for _, r := range slices.Sorted(maps.Keys(byRule)) {
		rules = append(rules, fmt.Sprintf("%s %d", r, byRule[r]))
	}
	text := terminal.Counted(uint64(len(findings)), "finding", "findings")
	if l.files > 0 {
		text += " in " + terminal.Counted(uint64(l.files), "file", "files")
	}
	text += " (" + strings.Join(rules, ", ") + ")"
	if certain > 0 && !l.fix {
		text += fmt.Sprintf("; --fix puts %d of them right", certain)
	}
	return text + l.fixedCount()
}

func (l *check) fixedCount() string {
	if n := len(l.document.Fixed); n > 0 {
		return fmt.Sprintf("; %d put right", n)
	}
	return ""
}

// effect gives the command after --fix that makes a file take effect.
func (s subject) effect() string {
	switch {
	case s.kind == lint.KindCIDR:
		return "postfix reload"
	case s.target.Path != "":
		return "mailallow update, which builds its map"
	}
	return fmt.Sprintf("makemap hash %[1]s < %[1]s", s.path)
}

// showRules writes the table of rules.
func showRules(t *terminal.Terminal) error {
	rules := lint.Rules()
	if t.JSON {
		return t.Document(map[string][]lint.Rule{"rules": rules})
	}
	rows := [][]string{{"RULE", "WHAT IT CATCHES", "WHY"}}
	for _, r := range rules {
		rows = append(rows, []string{r.Name, r.Catches, r.Why})
	}
	t.Table(rows)
	return nil
}
