package main

import (
	"fmt"
	"strings"

	"mailallow/accessmap"
)

// tellMarkdown writes the difference as a review reads it: a table by source,
// what a person has to look at, then the networks of each target, long lists
// folded.
func tellMarkdown(run *passage, t *terminal) {
	t.data(plain, "## mailallow\n\n| source | action | status | ranges | IPv4 addresses | age |\n|---|---|---|---:|---:|---:|")
	for _, s := range run.list.sources {
		row := s.row(run.now)
		t.data(plain, "| %s | %s | %s | %d | %s | %s |", markdownText(s.Source.Name), s.Action, s.Status, row.ranges,
			grouped(row.count.IPv4), row.ageText())
	}
	markdownProblems(t, run.list, run.plans)
	for _, p := range run.plans {
		t.data(plain, "\n### `%s`\n\n%s", markdownCode(p.Path), markdownText(targetLine(p, false)))
		for _, g := range groupBySource(p.Diff()) {
			markdownChanges(t, g)
		}
	}
}

func markdownProblems(t *terminal, list *resolved, plans []accessmap.TargetPlan) {
	var b strings.Builder
	for _, s := range list.sources {
		for _, p := range s.Problems {
			fmt.Fprintf(&b, "- **%s**: %s\n", markdownText(s.Source.Name), markdownText(p.Text))
		}
		if hint := statusHint(s); hint != "" {
			fmt.Fprintf(&b, "- **%s is %s**: %s\n", markdownText(s.Source.Name), s.Status, markdownText(hint))
		}
	}
	for _, p := range plans {
		for _, problem := range p.Problems {
			fmt.Fprintf(&b, "- `%s`: %s\n", markdownCode(place(p.Path, problem.Line)), markdownText(problem.Text))
		}
	}
	if b.Len() > 0 {
		t.data(plain, "\n### To look at\n\n%s", strings.TrimRight(b.String(), "\n"))
	}
}

func markdownChanges(t *terminal, g *sourceChange) {
	t.data(plain, "\n**%s**: %s\n", markdownText(g.title()), g.counts())
	folded := len(g.added)+len(g.removed) > maxListed
	if folded {
		t.data(plain, "<details><summary>all of them</summary>\n")
	}
	t.data(plain, "```diff")
	for _, c := range g.added {
		t.data(plain, "+ %s  %s", c.Prefix, markdownCode(c.Path))
	}
	for _, c := range g.removed {
		t.data(plain, "- %s  %s", c.Prefix, markdownCode(c.Path))
	}
	t.data(plain, "```")
	if folded {
		t.data(plain, "\n</details>")
	}
}

// markdownText escapes what others chose to name, so that it is text and nothing
// else on the page.
func markdownText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "<", "&lt;", "[", "\\[", "\n", " ").Replace(s)
}

// markdownCode is for text that stands between backquotes.
func markdownCode(s string) string { return strings.NewReplacer("`", "'", "\n", " ").Replace(s) }
