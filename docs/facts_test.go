package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFacts: each fact of facts.md says which tests pin it, those tests exist, and each fact that a comment cites is there.
func TestFacts(t *testing.T) {
	text, err := os.ReadFile("facts.md")
	if err != nil {
		t.Fatal(err)
	}
	sources := readSources(t)
	facts := map[int]bool{}
	for _, fact := range strings.Split(string(text), "\n### ")[1:] {
		number, _, _ := strings.Cut(fact, ".")
		n, err := strconv.Atoi(number)
		if err != nil || facts[n] {
			t.Errorf("fact %.40q has no number of its own", fact)
		}
		facts[n] = true
		_, pins, found := strings.Cut(fact, "\n*Pinned by* ")
		names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(pins, -1)
		if !found || len(names) == 0 && !strings.HasPrefix(pins, "no test") {
			t.Errorf("fact %d says of no test that it pins it", n)
		}
		for _, name := range names {
			if !strings.Contains(sources, "\nfunc "+name[1]+"(t *testing.T)") {
				t.Errorf("fact %d: there is no %s", n, name[1])
			}
		}
	}
	cited := citations(sources)
	for _, n := range cited {
		if !facts[n] {
			t.Errorf("a comment cites facts.md %d, which is not there", n)
		}
	}
	if len(cited) < 50 {
		t.Errorf("%d citations of facts.md found: they are written in another way", len(cited))
	}
}

// citations are the numbers behind each "facts.md": "facts.md 5", "facts.md 1 to 3, 9 and 10".
func citations(sources string) (numbers []int) {
	joined := regexp.MustCompile(`,\n(//|#|dnl) `).ReplaceAllString(sources, ", ")
	for _, cite := range regexp.MustCompile(`facts\.md (\d+(?:(?:, | and | to )\d+)*)`).FindAllStringSubmatch(joined, -1) {
		words := strings.FieldsFunc(cite[1], func(r rune) bool { return r == ' ' || r == ',' })
		for i, word := range words {
			n, err := strconv.Atoi(word)
			if err != nil {
				continue // to, and
			}
			if i > 0 && words[i-1] == "to" {
				for between := numbers[len(numbers)-1] + 1; between < n; between++ {
					numbers = append(numbers, between)
				}
			}
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// readSources is the text of all that is compiled, run or built from, pages aside.
func readSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, top := range []string{"accessmap", "allowlist", "cmd", "docs", "fixtures", "packaging"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !slices.Contains([]string{".go", ".sh", ".mc"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func TestCitations(t *testing.T) {
	for text, want := range map[string][]int{
		"// (facts.md 5, tried)":              {5},
		"facts.md 1 to 3, 9 and 10.":          {1, 2, 3, 9, 10},
		"// see facts.md 17,\n// 18): a list": {17, 18},
		"docs/facts.md says so":               nil,
	} {
		if got := citations(text); !slices.Equal(got, want) {
			t.Errorf("%q cites %v, want %v", text, got, want)
		}
	}
}
