//go:build linux

package docs

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestLinks: every link leads to a page and a heading that are there, and every page is led to from the README.
func TestLinks(t *testing.T) {
	anchors, linked := map[string][]string{}, map[string]bool{}
	all := pages(t)
	for _, p := range all {
		for _, heading := range p.headings {
			anchors[p.path] = append(anchors[p.path], anchor(heading))
		}
	}
	for _, p := range all {
		for _, link := range p.links {
			file, fragment, _ := strings.Cut(link, "#")
			target := p.path
			if file != "" {
				target = filepath.Join(filepath.Dir(p.path), file)
			}
			if p.path == "README.md" {
				linked[target] = true
			}
			if _, known := anchors[target]; !known {
				t.Errorf("%s: %s leads to no page", p.path, link)
			} else if fragment != "" && !slices.Contains(anchors[target], fragment) {
				t.Errorf("%s: %s leads to no heading: there are %q", p.path, link, anchors[target])
			}
		}
	}
	for _, p := range all {
		if !linked[p.path] && p.path != "README.md" {
			t.Errorf("README.md does not lead to %s", p.path)
		}
	}
}

// anchor is what GitHub makes of a heading.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// TestReadmeIsShort: it is read at two in the morning.
func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines >= 200 {
		t.Errorf("README.md has %d lines", lines)
	}
}

// helpOf gives a function that gives what --help says behind some words.
func helpOf(t *testing.T) func(words ...string) string {
	program := fixtures.Mailallow(t)
	return func(words ...string) string {
		out, err := exec.Command(program, append(words, "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
}

// TestFlags: every command and flag of mailallow that a page names, in a block or in backquotes, is one.
func TestFlags(t *testing.T) {
	help := helpOf(t)
	flag := regexp.MustCompile(`--?[a-z][a-z-]*`)
	flags := map[string][]string{"": flag.FindAllString(help(), -1)}
	for _, name := range regexp.MustCompile(`(?m)^   ([a-z]+)  `).FindAllStringSubmatch(help(), -1) {
		flags[name[1]] = flag.FindAllString(help(name[1]), -1)
		flags[""] = append(flags[""], flags[name[1]]...)
	}
	flags["man"], flags["completion"] = flags[""], flags[""] // for packages: --help of the program does not name them
	check := func(p page, text string) {
		words := strings.Fields(text)
		command := ""
		for _, word := range words[1:] {
			if _, known := flags[word]; known && command == "" {
				command = word
			}
		}
		if command == "" && len(words) > 1 && regexp.MustCompile(`^[a-z]+$`).MatchString(words[1]) {
			t.Errorf("%s: %q: there is no command %s", p.path, text, words[1])
		}
		for _, word := range words[1:] {
			if name := flag.FindString(word); strings.HasPrefix(word, "-") && name != "" && !slices.Contains(flags[command], name) {
				t.Errorf("%s: %q: there is no flag %s", p.path, text, name)
			}
		}
	}
	calls := regexp.MustCompile(`(?m)(?:^|\s)(mailallow (?:[^\n|;&<>#]|\\\n)*)`)
	for _, p := range pages(t) {
		for _, span := range p.spans {
			switch {
			case strings.HasPrefix(span, "mailallow "):
				check(p, span)
			case strings.HasPrefix(span, "--"):
				check(p, "mailallow "+span)
			}
		}
		for _, block := range append(p.of("sh"), p.of("console")...) {
			for _, call := range calls.FindAllStringSubmatch(onlyCommands(block), -1) {
				check(p, call[1])
			}
		}
	}
}

// TestFlagsAreTold: some page has an example of every flag, or says what it is for. What --help says is brief.
func TestFlagsAreTold(t *testing.T) {
	help := helpOf(t)
	var all strings.Builder
	for _, p := range pages(t) {
		if p.path != "docs/benchmarks.md" { // it says how long they take
			all.Write(p.source)
		}
	}
	told := regexp.MustCompile(`--?[a-z][a-z-]*`).FindAllString(all.String(), -1)
	for _, command := range regexp.MustCompile(`(?m)^   ([a-z]+)  `).FindAllStringSubmatch(help(), -1) {
		for _, names := range regexp.MustCompile(`(?m)^   (--?[a-z-]+(?:, --?[a-z-]+)*)(?: [A-Z]+)?  `).FindAllStringSubmatch(help(command[1]), -1) {
			if !slices.ContainsFunc(strings.Split(names[1], ", "), func(name string) bool { return slices.Contains(told, name) }) {
				t.Errorf("%s: no page tells of %s", command[1], names[1])
			}
		}
	}
}

// onlyCommands is a block without what the commands in it write.
func onlyCommands(block string) string {
	all := commands(block)
	if len(all) == 0 {
		return block
	}
	var lines []string
	for _, c := range all {
		lines = append(lines, c.line)
	}
	return strings.Join(lines, "\n")
}

// TestFiles: files and packages of the repository that a page names in backquotes are there.
func TestFiles(t *testing.T) {
	for _, p := range pages(t) {
		for _, span := range p.spans {
			if !regexp.MustCompile(`^(accessmap|allowlist|cmd|docs|fixtures|packaging)/[\w./-]+$`).MatchString(span) {
				continue
			}
			if _, err := os.Stat("../" + span); err != nil {
				t.Errorf("%s: %v", p.path, err)
			}
		}
	}
}

// TestShell: what a shell is to run is what a shell can read, and the targets of make that are named exist.
func TestShell(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		texts := slices.Clone(p.spans)
		for _, block := range p.of("sh") {
			cmd := exec.Command("bash", "-n")
			cmd.Stdin = strings.NewReader(block)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s%s", p.path, err, out, block)
			}
			texts = append(texts, strings.Split(block, "\n")...)
		}
		for _, text := range texts {
			target := regexp.MustCompile(`^make ([a-z]+)\b`).FindStringSubmatch(text)
			if target != nil && !strings.Contains(string(makefile), "\n"+target[1]+":") {
				t.Errorf("%s: there is no `make %s`", p.path, target[1])
			}
		}
	}
}

// TestTOML: each block is a configuration in which mailallow finds nothing to put right.
func TestTOML(t *testing.T) {
	program := fixtures.Mailallow(t)
	for _, p := range pages(t) {
		for _, block := range p.of("toml") {
			path := filepath.Join(t.TempDir(), "mailallow.toml")
			if err := os.WriteFile(path, []byte(block), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(program, "lint", path).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", p.path, err, out, block)
			}
		}
	}
}

// TestJSON: each block is JSON, and its like is compared with what the command writes, in TestConsole.
func TestJSON(t *testing.T) {
	for _, p := range pages(t) {
		for i, s := range p.steps {
			if s.kind != "json" {
				continue
			}
			if !json.Valid([]byte(s.text)) {
				t.Errorf("%s: this is no JSON:\n%s", p.path, s.text)
			}
			if i == 0 || p.steps[i-1].kind != "shape" {
				t.Errorf("%s: no command is named that writes the like of\n%s", p.path, s.text)
			}
		}
	}
}

// TestKinds: json.md names every kind of problem that the program tells of.
func TestKinds(t *testing.T) {
	page := readPage(t, "docs/json.md")
	kind := regexp.MustCompile(`\b[kK]ind\w*(?::| =) +"([a-z-]+)"|\b(?:Problem|Add|Report|add)\("([a-z-]+)", `)
	found := 0
	for _, top := range []string{"../allowlist", "../cmd/mailallow/internal", "../accessmap/plan"} {
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, match := range kind.FindAllStringSubmatch(string(source), -1) {
				found++
				if name := match[1] + match[2]; !slices.Contains(page.spans, name) {
					t.Errorf("%s: there is nothing of the kind %s in json.md", path, name)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 40 {
		t.Errorf("%d kinds found: they are written in another way", found)
	}
}

// TestMetricsAreThose: each metric that a page names is one that update writes, as operate.md shows them all.
func TestMetricsAreThose(t *testing.T) {
	metric := regexp.MustCompile(`\bmailallow_(?:last|source|target|build)_[a-z0-9_]+`)
	shown := map[string]bool{}
	for _, block := range readPage(t, "docs/operate.md").of("console") {
		for _, c := range commands(block) {
			for _, name := range metric.FindAllString(c.output, -1) {
				shown[name] = true
			}
		}
	}
	if len(shown) < 10 {
		t.Fatalf("operate.md shows %d metrics", len(shown))
	}
	for _, p := range pages(t) {
		for _, name := range metric.FindAllString(string(p.source), -1) {
			if !shown[name] {
				t.Errorf("%s: there is no metric %s", p.path, name)
			}
		}
	}
}

// TestMessages: what a heading of the runbook quotes is in the output below it.
func TestMessages(t *testing.T) {
	sections := strings.Split(string(readPage(t, "docs/runbook.md").source), "\n## ")
	if len(sections) < 10 {
		t.Fatalf("%d sections", len(sections))
	}
	for _, section := range sections[1:] {
		quoted := regexp.MustCompile("^`(.*)` \\(\\d\\)\n").FindStringSubmatch(section)
		if quoted == nil {
			t.Errorf("%.60q quotes no message with its exit code", section)
			continue
		}
		message := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(quoted[1]), "N days", `[\d,]+ days`))
		if !slices.ContainsFunc(regexp.MustCompile("(?s)```console\n.*?\n```").FindAllString(section, -1), message.MatchString) {
			t.Errorf("no output below it has %q", quoted[1])
		}
	}
}
