//go:build linux

package packaging

import (
	"debug/elf"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// maxProgram is the bound on the program for Linux, in bytes. `go tool nm -size -sort size bin/mailallow` tells what is large. What
// makes it much larger is a package with templates: they call methods by name, so that the linker keeps every exported method.
const maxProgram = 14_000_000

// TestArchives makes archives twice: the bytes are the same, SHA256SUMS is right, and the programs are static, small and of that
// version.
func TestArchives(t *testing.T) {
	t.Parallel()
	platforms := []string{"linux/amd64"}
	if os.Getenv("MAILALLOW_ALL") != "" { // each takes a minute to build
		platforms = append(platforms, "freebsd/amd64")
	}
	variables := []string{"VERSION=1.0.0", "ARCHIVES=" + strings.Join(platforms, " ")}
	dist := makes(t, "dist", variables...)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dist
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("sha256sum", "--check", "--strict", "SHA256SUMS")
	for _, platform := range platforms {
		name := "mailallow-1.0.0-" + strings.ReplaceAll(platform, "/", "-")
		run("tar", "-xzf", name+".tar.gz")
		for _, path := range []string{"LICENSE", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/operate.md", "man/mailallow.1.gz", "examples/mailallow.toml",
			"examples/cron/mailallow", "examples/ansible/roles/mailallow/tasks/main.yml", "completions/zsh", "packaging/systemd/mailallow.timer"} {
			if _, err := os.Stat(filepath.Join(dist, name, path)); err != nil {
				t.Error(err)
			}
		}
		program, err := elf.Open(filepath.Join(dist, name, "mailallow"))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range program.Progs {
			if part.Type == elf.PT_INTERP {
				t.Errorf("%s: the program is not static", name)
			}
		}
		program.Close()
		if info, err := os.Stat(filepath.Join(dist, name, "mailallow")); err != nil || platform == "linux/amd64" && info.Size() > maxProgram {
			t.Errorf("%s: the program has %d bytes, more than %d: %v", name, info.Size(), maxProgram, err)
		}
	}
	if version := run("./mailallow-1.0.0-linux-amd64/mailallow", "--version"); !strings.Contains(version, "1.0.0") {
		t.Errorf("version: %s", version)
	}
	fixtures.All(t)

	if first, second := sums(t, dist), sums(t, makes(t, "dist", variables...)); !maps.Equal(first, second) || len(first) != len(platforms)+1 {
		t.Errorf("two builds of one commit differ: %v and %v", slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(second)))
	}
}

// sums gives the contents of the files of a folder.
func sums(t *testing.T, dist string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.tar.gz", "SHA256SUMS"} {
		paths, err := filepath.Glob(filepath.Join(dist, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			texts[filepath.Base(path)] = read(t, path)
		}
	}
	return texts
}

// TestLinkedFiles: the packages have what their README leads to.
func TestLinkedFiles(t *testing.T) {
	packages := read(t, "nfpm.yaml")
	for _, link := range regexp.MustCompile(`\]\(([\w.-]+)[)#]`).FindAllStringSubmatch(read(t, "../README.md"), -1) {
		if !strings.Contains(packages, "- src: "+link[1]+"\n    dst: /usr/share/doc/mailallow/"+link[1]+"\n") {
			t.Errorf("README.md leads to %s, which no package has beside it", link[1])
		}
	}
}
