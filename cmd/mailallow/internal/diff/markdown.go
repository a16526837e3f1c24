package diff

import (
	"fmt"
	"strings"

	"mailallow/accessmap/plan"
	"mailallow/allowlist/ascii"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	// maxReviewed bounds the networks of a source that a review lists, unless there is
	// --verbose: GitHub does not show a job summary of more than 1 MiB at all.
	maxReviewed = 2000
	// maxReviewedPath bounds the path beside each network, in bytes, because others choose
	// its length.
	maxReviewedPath = 300
)

// tellMarkdown writes the difference for a review: a table by source, the problems, then
// the networks of each target, long lists folded. It writes the networks once for targets
// in a row that change alike.
func tellMarkdown(t *terminal.Terminal, result *run.Result) {
	t.Data(terminal.Plain, "## mailallow\n\n| source | action | status | ranges | IPv4 addresses | IPv6 ranges | age |\n|---|---|---|---:|---:|---:|---:|")
	for _, d := range result.List.Documents() {
		t.Data(terminal.Plain, "| %s | %s | %s | %d | %s | %d | %s |", markdownText(d.Name), d.Action, d.Status, d.Ranges,
			terminal.Grouped(d.IPv4Addresses), d.IPv6Ranges, d.AgeText())
	}
	markdownConsequences(t, result.Consequences)
	markdownProblems(t, result)
	for _, s := range result.List.Sources {
		if refused := say.Refused(s); refused != nil {
			markdownChanges(t, *refused)
		}
	}
	for i, p := range result.Plans {
		t.Data(terminal.Plain, "\n### `%s`\n\n%s", markdownCode(p.Path), markdownText(say.TargetLine(p, false)))
		if i+1 < len(result.Plans) && p.Difference().Equal(result.Plans[i+1].Difference()) {
			continue
		}
		for _, g := range say.Changes(result.List, p) {
			markdownChanges(t, g)
		}
	}
}

func markdownProblems(t *terminal.Terminal, result *run.Result) {
	var b strings.Builder
	for _, m := range say.Messages(result.List) {
		subject := ""
		switch {
		case m.Source != "" && m.Status == "":
			subject = "**" + markdownText(m.Source) + "**: "
		case m.Source != "":
			subject = fmt.Sprintf("**%s %s**: ", markdownText(m.Source), markdownText(m.Standing))
		}
		fmt.Fprintf(&b, "- %s%s\n", subject, markdownText(m.Text))
		if len(m.Steps) > 0 { // as code: in text a command to copy would have the spaces of zero width
			fmt.Fprintf(&b, "\n  ```\n  %s\n  ```\n", strings.Join(m.Steps, "\n  "))
		}
	}
	for _, p := range result.Plans {
		for _, problem := range p.Problems {
			fmt.Fprintf(&b, "- `%s`: %s\n", markdownCode(terminal.Place(p.Path, problem.Line)), markdownText(problem.Text))
		}
	}
	if b.Len() > 0 {
		t.Data(terminal.Plain, "\n### To look at\n\n%s", strings.TrimRight(b.String(), "\n"))
	}
}

func markdownConsequences(t *terminal.Terminal, c *run.Consequences) {
	if c == nil {
		return
	}
	whole, unplaced := sentences(c)
	t.Data(terminal.Plain, "\n### What it means for mail\n\n%s", markdownText(whole))
	if unplaced != "" {
		t.Data(terminal.Plain, "\n%s", markdownText(unplaced))
	}
	if len(c.Providers) == 0 {
		return
	}
	t.Data(terminal.Plain, "\n| provider | would let in | would shut out |\n|---|---:|---:|")
	for _, row := range table(c)[1:] {
		t.Data(terminal.Plain, "| %s | %s | %s |", markdownText(row[0]), row[1], row[2])
	}
	t.Data(terminal.Plain, "\n```diff")
	for _, x := range examples(c) {
		t.Data(terminal.Plain, "%s %s", x.sign, markdownCode(x.text))
	}
	t.Data(terminal.Plain, "```")
}

func markdownChanges(t *terminal.Terminal, g say.SourceChange) {
	t.Data(terminal.Plain, "\n**%s**: %s\n", markdownText(g.Title), g.Counts())
	if g.About != "" {
		t.Data(terminal.Plain, "%s\n", markdownText(g.About))
	}
	folded := g.Added.Len()+g.Removed.Len() > say.MaxListed
	if folded {
		t.Data(terminal.Plain, "<details><summary>all of them</summary>\n")
	}
	t.Data(terminal.Plain, "```diff")
	markdownNetworks(t, "+", g.Added)
	markdownNetworks(t, "-", g.Removed)
	t.Data(terminal.Plain, "```")
	if folded {
		t.Data(terminal.Plain, "\n</details>")
	}
}

func markdownNetworks(t *terminal.Terminal, sign string, networks plan.Networks) {
	shown := networks.Len()
	if !t.Verbose {
		shown = min(shown, maxReviewed)
	}
	for i := range shown {
		p, _ := networks.At(i)
		path := markdownCode(networks.Path(p).String())
		if len(path) > maxReviewedPath {
			path = ascii.Shown(path, maxReviewedPath)
		}
		t.Data(terminal.Plain, "%s", strings.TrimRight(fmt.Sprintf("%s %s  %s", sign, p, path), " "))
	}
	if more := networks.Len() - shown; more > 0 {
		t.Data(terminal.Plain, "%s and %s more; --verbose lists them", sign, terminal.Grouped(uint64(more)))
	}
}

// markdownText escapes names that others chose, so that they are text on the page: no
// HTML, no picture, no link, and no mention of a person or an issue. Only a space of zero
// width behind the sign prevents a mention.
func markdownText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "~", "\\~", "$", "\\$",
		"&", "&amp;", "<", "&lt;", "@", "@&#8203;", "#", "#&#8203;", "://", ":&#8203;//", "www.", "www&#8203;.", "\n", " ").Replace(s)
}

// markdownCode is for text between backquotes.
func markdownCode(s string) string { return strings.NewReplacer("`", "'", "\n", " ").Replace(s) }
