package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/fixtures"
)

// stockSystems are the systems of fixtures/lint/stock, with the findings in each: their lines and rules.
var stockSystems = []struct {
	name    string
	prepare func(*system)
	want    string
}{
	{"debian-sendmail", func(h *system) {
		h.write("etc/mail/sendmail.cf", debianCF(h.t), 0o644)
		h.install(stockFile(h.t, "debian-sendmail/access"), mapCase{})
	}, "6 ipv6-form, 7 ipv6-form, 8 ipv6-form, 9 ipv6-form"}, // IPv6:::1, which never matches
	{"el-sendmail", func(h *system) {
		h.write("etc/mail/sendmail.cf", stockCF(h.t, fixtures.Path("lint", "stock", "el-sendmail/sendmail.mc")), 0o644)
		h.install(stockFile(h.t, "el-sendmail/access"), mapCase{Map: builtMap{Owner: "root", Group: "root"}})
	}, ""},
	{"freebsd-sendmail", func(h *system) {
		h.write("etc/mail/sendmail.cf", stockCF(h.t, fixtures.Path("lint", "stock", "freebsd-sendmail/sendmail.mc")), 0o644)
	}, ""},
	{"debian-postfix", func(h *system) {
		h.postfix(postfixShare(h.t, "main.cf.debian")+postfixShare(h.t, "main.cf.tls")+stockFile(h.t, "debian-postfix/main.cf"), postfixShare(h.t, "master.cf.dist"))
	}, ""},
	{"el-postfix", func(h *system) {
		h.postfix(stockFile(h.t, "el-postfix/main.cf"), stockFile(h.t, "el-postfix/master.cf"))
	}, ""},
	{"Postfix's own", func(h *system) { h.postfix(postfixShare(h.t, "main.cf.dist"), postfixShare(h.t, "master.cf.dist")) }, ""},
}

// TestStock: lint has no finding in what distributions ship but true ones: on a host with the users that own the files, on one
// that does not know them, and with and without the system's own /etc/passwd.
func TestStock(t *testing.T) {
	t.Parallel()
	program := fixtures.Mailallow(t)
	for _, stock := range stockSystems {
		t.Run(stock.name, func(t *testing.T) {
			h := newSystem(t, program)
			stock.prepare(h)
			h.finds(stock.want)
			users := h.ns
			h.ns = fixtures.NewNamespace(t, t.TempDir(), nil)
			h.finds(stock.want)
			h.write("etc/passwd", debianUsers(t)["/etc/passwd"], 0o644)
			h.finds(stock.want)
			h.ns = users
			h.finds(stock.want)
		})
	}
}

// finds lints the system, and wants these findings.
func (h *system) finds(want string) {
	h.t.Helper()
	var found []string
	for _, f := range h.lint("--root", h.root) {
		found = append(found, fmt.Sprint(f.Line, " ", f.Rule))
	}
	if got := strings.Join(found, ", "); got != want {
		h.t.Errorf("%q, want %q: %+v", got, want, h.lint("--root", h.root))
	}
}

func stockFile(t *testing.T, name string) string {
	return fixtures.ReadFile(t, fixtures.Path("lint", "stock", name))
}

// postfixShare gives a file as Debian's package of Postfix has it.
func postfixShare(t *testing.T, name string) string {
	postmap, _ := fixtures.Postmap(t)
	return fixtures.ReadFile(t, filepath.Join(filepath.Dir(postmap), "../share/postfix", name))
}

// postfix writes the configuration of Postfix, and has lint find postconf.
func (h *system) postfix(main, master string) {
	h.t.Helper()
	past := time.Now().Add(-time.Hour) // Postfix waits until its files are more than a second old
	for name, text := range map[string]string{"main.cf": main, "master.cf": master} {
		if path := h.write("etc/postfix/"+name, text, 0o644); os.Chtimes(path, past, past) != nil {
			h.t.Fatal(path)
		}
	}
	h.bin = filepath.Dir(fixtures.Postconf(h.t, filepath.Join(h.root, "etc/postfix"))) + ":"
}

// debianCF gives the sendmail.cf that Debian makes of the sendmail.mc in its package.
func debianCF(t *testing.T) string {
	t.Helper()
	return stockCF(t, filepath.Join(fixtures.Need(t, "sendmail-cf", fixtures.FindParts().CF), "debian/sendmail.mc"))
}

// stockCF makes a sendmail.cf of a sendmail.mc with m4, as the system does on which the file is. It takes the .cf sources from
// Debian's package, whose files name each other by the path at which they are installed.
func stockCF(t *testing.T, mc string) string {
	t.Helper()
	m4, err := exec.LookPath("m4")
	if err != nil {
		fixtures.Missing(t, "no m4 here: `make parts` installs it")
	}
	from, dir := fixtures.Need(t, "sendmail-cf", fixtures.FindParts().CF), t.TempDir()+"/"
	// What update_sendmail writes into /etc/mail/m4 at the installation is empty on a host without a dial-up line.
	here := strings.NewReplacer("/usr/share/sendmail/cf/", dir, "include(`/etc/mail/m4/", "sinclude(`/etc/mail/m4/")
	err = fs.WalkDir(os.DirFS(from), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), []byte(here.Replace(fixtures.ReadFile(t, filepath.Join(from, name)))), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(m4, "-D_CF_DIR_="+dir, "-")
	cmd.Stdin = strings.NewReader(here.Replace(fixtures.ReadFile(t, mc)))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cf, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("m4 %s: %v\n%s", mc, err, stderr.Bytes())
	}
	return string(cf)
}
