package diff

import (
	"bytes"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"mailallow/accessmap/format"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// A name that others chose is text on the page and nothing else: a reader of GitHub's Markdown makes no other element of it,
// and shows the name as it was written.
func TestMarkdownText(t *testing.T) {
	reader := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	tags := regexp.MustCompile(`<[^>]*>`)
	for _, name := range []string{
		"google", "<b>bold</b>", "<!--", "<details>", "</details>", "a | b | c", "**b** _i_ ~~s~~ `c` $m$ \\", "![i](http://x.example/y.png)",
		"[l](javascript:x)", "<http://x.example>", "https://x.example/", "www.x.example", "&lt;b&gt; &amp;", "@octocat", "@org/team", "see #12", "org/repo#12",
		"```", "a\n# b", "a\n\n- b", "a\n```\nb", "\\|", "\\`x\\`", "&#64;a",
	} {
		written := strings.ReplaceAll(name, "\n", " ")
		text := markdownText(name)
		for page, elements := range map[string]string{
			"| source |\n|---|\n| " + text + " |\n":                      "<table><thead><tr><th></th></tr></thead><tbody><tr><td></td></tr></tbody></table>",
			"- **" + text + "**: " + text + "\n":                         "<ul><li><strong></strong></li></ul>",
			"### `" + markdownCode(name) + "`\n":                         "<h3><code></code></h3>",
			"```diff\n+ 192.0.2.7/32  " + markdownCode(name) + "\n```\n": "<pre><code class=\"language-diff\"></code></pre>",
		} {
			var out bytes.Buffer
			if err := reader.Convert([]byte(page), &out); err != nil {
				t.Fatal(err)
			}
			found := strings.Join(tags.FindAllString(out.String(), -1), "")
			if found != elements {
				t.Errorf("%q becomes\n%s", page, &out)
			}
			plain := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&", "\u200b", "").Replace(tags.ReplaceAllString(out.String(), ""))
			if want := strings.TrimSpace(written); !strings.Contains(plain, want) && !strings.Contains(plain, strings.ReplaceAll(want, "`", "'")) {
				t.Errorf("%q is shown as %q", name, plain)
			}
			if regexp.MustCompile(`[@#]\w`).MatchString(out.String()) && !strings.Contains(found, "<code") {
				t.Errorf("%q mentions somebody: %s", page, &out)
			}
		}
	}
}

// The review of a policy with many networks and long paths is short enough for GitHub to show it.
func TestMarkdownBounded(t *testing.T) {
	format, err := format.ByName("cidr")
	if err != nil {
		t.Fatal(err)
	}
	long := provenance.Of(strings.Repeat("long.", 500))
	one := &plan.Plan{Target: plan.Target{Path: "/one", Format: format}}
	var ranges allowlist.Ranges
	for i := range 2 * maxReviewed {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{74, byte(i >> 14), byte(i >> 7 & 127), byte(i << 1)}), 32)
		ranges.Add(allowlist.Range{Prefix: p, Path: long})
	}
	set := allowlist.Merge([]allowlist.Labelled{{Source: "a", Action: allowlist.OK, Ranges: ranges}})
	added := plan.Difference{{Source: "a", Action: allowlist.OK, Added: plan.Networks{List: ranges.Fewest(), Of: set}}}
	one.Compare = func() plan.Difference { return added }
	result := &run.Result{List: &run.List{}, Plans: []*plan.Plan{one, one}}
	var out, messages bytes.Buffer
	tellMarkdown(terminal.New(nil, nil, &out, &messages), result)
	if out.Len() > 1<<20 || !strings.Contains(out.String(), "\n+ and 2,000 more; --verbose lists them\n") || strings.Count(out.String(), "\n### ") != 2 {
		t.Errorf("%d bytes, from\n%.2000s", out.Len(), &out)
	}
}
