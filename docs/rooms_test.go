package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRooms: architecture.md names every package of the three trees, and each in a row above those that it imports.
func TestRooms(t *testing.T) {
	page, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]string{"cmd/mailallow": "mailallow/cmd/mailallow/internal/", "accessmap": "mailallow/accessmap/", "allowlist": "mailallow/"}
	rows, tree := map[string]int{}, ""
	for n, line := range strings.Split(string(page), "\n") {
		if title, isTitle := strings.CutPrefix(line, "## "); isTitle {
			title, _, _ = strings.Cut(title, ":")
			tree = trees[title]
		}
		cells := strings.Split(line, "|")
		if tree == "" || len(cells) < 3 {
			continue
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			rows[tree+name[1]] = n
		}
	}
	rowOf := func(path string) (row int, named bool) {
		for at := path; at != "."; at = filepath.Dir(at) {
			if row, found := rows[at]; found {
				return row, at == path // else it is in the row of the package above it
			}
		}
		return math.MaxInt, false
	}
	for dir, imports := range imported(t, "accessmap", "allowlist", "cmd/mailallow/internal") {
		row, named := rowOf("mailallow/" + dir)
		if !named && !strings.Contains(string(page), "`"+strings.TrimPrefix(dir, "accessmap/")+"`") {
			t.Errorf("architecture.md does not name %s", dir)
		}
		for _, path := range imports {
			if of, both := rowOf(path); of < row || of == row && named && both {
				t.Errorf("%s imports %s, which does not stand below it in architecture.md", dir, path)
			}
		}
	}
	if len(rows) < 50 {
		t.Errorf("%d packages in the tables", len(rows))
	}
}

// imported gives what the packages below some folders import, by folder.
func imported(t *testing.T, folders ...string) map[string][]string {
	all := map[string][]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join("..", folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			dir := strings.TrimPrefix(filepath.Dir(path), "../")
			for _, spec := range file.Imports {
				all[dir] = append(all[dir], strings.Trim(spec.Path.Value, `"`))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
