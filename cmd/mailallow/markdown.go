package main

import (
	"fmt"
	"reflect"
	"strings"

	"mailallow/accessmap"
	"mailallow/allowlist/ascii"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	// maxReviewed bounds the networks that a review lists of a source; with --verbose there is no bound. The summary of
	// a job may be a mebibyte, and a longer one is not shown at all.
	maxReviewed = 2000
	// maxReviewedPath bounds the path beside each of them, in bytes: it is others who choose its length.
	maxReviewedPath = 300
)

// tellMarkdown writes the difference as a review reads it: a table by source,
// what a person has to look at, then the networks of each target, long lists
// folded. Targets that change alike are told of together.
func tellMarkdown(run *passage, t *terminal.Terminal) {
	t.Data(terminal.Plain, "## mailallow\n\n| source | action | status | ranges | IPv4 addresses | age |\n|---|---|---|---:|---:|---:|")
	for _, s := range run.list.sources {
		row := s.row(run.now)
		t.Data(terminal.Plain, "| %s | %s | %s | %d | %s | %s |", markdownText(s.Source.Name), s.Action, s.Status, row.ranges,
			terminal.Grouped(row.count.IPv4), row.ageText())
	}
	markdownProblems(t, run.list, run.plans)
	for i, p := range run.plans {
		t.Data(terminal.Plain, "\n### `%s`\n\n%s", markdownCode(p.Path), markdownText(targetLine(p, false)))
		difference := p.Diff()
		if i+1 < len(run.plans) && reflect.DeepEqual(difference, run.plans[i+1].Diff()) {
			continue
		}
		for _, g := range groupBySource(difference) {
			markdownChanges(t, g)
		}
	}
}

func markdownProblems(t *terminal.Terminal, list *resolved, plans []accessmap.TargetPlan) {
	var b strings.Builder
	for _, s := range list.sources {
		for _, p := range s.Problems {
			fmt.Fprintf(&b, "- **%s**: %s\n", markdownText(s.Source.Name), markdownText(p.Text))
		}
		if hint := statusHint(s, false); hint != "" {
			fmt.Fprintf(&b, "- **%s is %s**: %s\n", markdownText(s.Source.Name), s.Status, markdownText(hint))
		}
	}
	for _, p := range plans {
		for _, problem := range p.Problems {
			fmt.Fprintf(&b, "- `%s`: %s\n", markdownCode(terminal.Place(p.Path, problem.Line)), markdownText(problem.Text))
		}
	}
	if b.Len() > 0 {
		t.Data(terminal.Plain, "\n### To look at\n\n%s", strings.TrimRight(b.String(), "\n"))
	}
}

func markdownChanges(t *terminal.Terminal, g *sourceChange) {
	t.Data(terminal.Plain, "\n**%s**: %s\n", markdownText(g.title()), g.counts())
	folded := len(g.added)+len(g.removed) > maxListed
	if folded {
		t.Data(terminal.Plain, "<details><summary>all of them</summary>\n")
	}
	t.Data(terminal.Plain, "```diff")
	markdownNetworks(t, "+", g.added)
	markdownNetworks(t, "-", g.removed)
	t.Data(terminal.Plain, "```")
	if folded {
		t.Data(terminal.Plain, "\n</details>")
	}
}

func markdownNetworks(t *terminal.Terminal, sign string, changes []accessmap.Change) {
	shown := changes
	if len(shown) > maxReviewed && !t.Verbose {
		shown = shown[:maxReviewed]
	}
	for _, c := range shown {
		path := markdownCode(c.Path)
		if len(path) > maxReviewedPath {
			path = ascii.Printable(path, maxReviewedPath)
		}
		t.Data(terminal.Plain, "%s", strings.TrimRight(fmt.Sprintf("%s %s  %s", sign, c.Prefix, path), " "))
	}
	if more := len(changes) - len(shown); more > 0 {
		t.Data(terminal.Plain, "%s and %s more; --verbose lists them", sign, terminal.Grouped(uint64(more)))
	}
}

// markdownText escapes what others chose to name, so that it is text and nothing
// else on the page: no HTML, no picture, no link, and nobody and no issue that is
// mentioned, which only a space of no width between the sign and the name prevents.
func markdownText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "~", "\\~", "$", "\\$",
		"&", "&amp;", "<", "&lt;", "@", "@&#8203;", "#", "#&#8203;", "://", ":&#8203;//", "\n", " ").Replace(s)
}

// markdownCode is for text that stands between backquotes.
func markdownCode(s string) string { return strings.NewReplacer("`", "'", "\n", " ").Replace(s) }
