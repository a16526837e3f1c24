package accessmap

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/fault"
	"mailallow/fixtures"
)

// FuzzBlock holds extract and splice to what makes an edit of somebody's file safe: what stands outside of the markers
// is there byte for byte afterwards, what was put in comes out, and doing it twice is doing it once.
func FuzzBlock(f *testing.F) {
	for _, text := range []string{
		"", "a OK", "a OK\n", "a OK\r\n" + beginLine + "b OK\n" + endLine + "c OK\r\n", beginLine + endLine, beginMarker + "\n" + endMarker,
		endLine + beginLine, beginLine + beginLine + endLine, " " + beginLine + endLine, beginMarker + "x\n\n" + endMarker + "y\nz",
	} {
		f.Add([]byte(text), []byte("Connect:10\tOK\n"))
	}
	f.Fuzz(func(t *testing.T, text, inside []byte) {
		m, err := extract(text)
		marks := 0
		for line := range bytes.Lines(text) {
			if bytes.HasPrefix(line, []byte(beginMarker)) || bytes.HasPrefix(line, []byte(endMarker)) {
				marks++
			}
		}
		if err != nil {
			if marks == 0 || fault.LineOf(err) == 0 {
				t.Fatalf("%d markers: %v", marks, err)
			}
			return
		}
		if m.found != (marks == 2) || !m.found && marks != 0 {
			t.Fatalf("%d markers, found %v", marks, m.found)
		}
		if !bytes.HasPrefix(text, m.before) || !bytes.HasSuffix(text, m.after) || !bytes.Contains(text, m.inside) {
			t.Fatal("a part is no part of the text")
		}
		ours := append(bytes.ReplaceAll(inside, []byte(managedName), nil), '\n') // so that no line of it is a marker
		spliced := m.splice(ours)
		again, err := extract(spliced)
		if err != nil {
			t.Fatal(err)
		}
		before := m.before
		if !m.found && len(before) > 0 && before[len(before)-1] != '\n' {
			before = append(bytes.Clone(before), '\n')
		}
		if !bytes.Equal(again.before, before) || !bytes.Equal(again.inside, ours) || !bytes.Equal(again.after, m.after) {
			t.Fatalf("before %q, inside %q, after %q", again.before, again.inside, again.after)
		}
		if !bytes.Equal(again.splice(ours), spliced) {
			t.Fatal("a second time changes it")
		}
	})
}

// managedName is in both markers.
const managedName = "mailallow"

// FuzzReadMapText has the real makemap say what is in a text.
func FuzzReadMapText(f *testing.F) {
	for _, text := range []string{"Connect:10\tOK\n", "a OK\r\nA b\n", " a\n\n#\n", "a\x00 b\nc d", "#" + strings.Repeat("x", maxMapLine-1) + "Connect:8\tRELAY\n", "\xff\x85 \v\f x\n"} {
		f.Add(text)
	}
	m := Makemap{Program: fixtures.Makemap(f)}
	base := filepath.Join(f.TempDir(), "map")
	f.Fuzz(func(t *testing.T, text string) { sameAsMakemap(t, m, base, text) })
}

// FuzzSendmailCF takes out of a sendmail.cf nothing that is not in it, and no account key.
func FuzzSendmailCF(f *testing.F) {
	for _, text := range []string{
		"Kaccess hash -T<TMPF> -o /etc/mail/access\nO RunAsUser=smmsp:mail\nO DontBlameSendmail=GroupWritableDirPathSafe, x\n",
		"Scheckrelay\nR<SKIP> x\t$: y\nO TrustedUser=0\nO UseCompressedIPv6Addresses\n",
		"R$*\t\t\t$: $&{client_addr}\nR$-.$-.$-.$-\t\t$: <?> $(dnsbl $4.$3.$2.$1.abcdefkey.zen.dq.spamhaus.net. $: OK $)\n",
		"Kaccess\nKaccess  \nKaccess\tcdb:/x -f -N /etc/mail/access.cdb /other\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cf := parseSendmailCF("sendmail.cf", text)
		for _, s := range slices.Concat(cf.AccessFlags, []string{cf.AccessClass, cf.AccessPath, cf.TrustedUser, cf.RunAsUser}) {
			if !bytes.Contains(text, []byte(s)) || strings.ContainsAny(s, "\n") {
				t.Errorf("%q is not in it", s)
			}
		}
		for i, zone := range cf.DNSBLs {
			if zone == "" || slices.Contains(cf.DNSBLs[:i], zone) || dnsbl.HideKeys(zone) != zone {
				t.Errorf("zones %q", cf.DNSBLs)
			}
		}
		for _, err := range cf.refusesLine("hash") {
			if len(err.Error()) > len(text)+500 {
				t.Errorf("%d bytes of an error", len(err.Error()))
			}
		}
	})
}

// FuzzPostconf reads what postconf may print of a main.cf: in bounded memory, whatever names what.
func FuzzPostconf(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(postfixMain, "$config_directory", "/etc/postfix")), []byte("smtp/inet/mynetworks = 127.0.0.0/8\n"))
	f.Add([]byte("a = $b$b\nb = ${c}$(c)\nc = $a\nmynetworks = $a\n"), []byte("submission/inet/smtpd_client_restrictions = a\n"))
	f.Add([]byte("smtpd_restriction_classes = a b\na = b b\nb = a a\nsmtpd_client_restrictions = a, b\n"), []byte("="))
	f.Fuzz(func(t *testing.T, set, services []byte) {
		m := parsePostfix(set, nil, services, nil)
		for name, list := range m.Lists {
			if len(list.Value) > maxPostconf || len(list.Items) > max(maxPostfixItems, len(list.Value)) {
				t.Fatalf("%s: %d bytes, %d items", name, len(list.Value), len(list.Items))
			}
			for _, item := range list.Items {
				if strings.ContainsAny(item.Name+item.Argument, "\n") {
					t.Errorf("%s: %q", name, item)
				}
			}
		}
		m.Below("/root")
	})
}

// FuzzOwed has a run find any journal: it removes nothing but files of our temporary names beside a target, and tells
// of what it cannot read. DIR stands for a directory with a target and a file of somebody else's.
func FuzzOwed(f *testing.F) {
	for _, text := range []string{
		`{"version":1,"files":[{"kind":"text","live":"DIR/access","temp":"DIR/.mailallow-1"}]}`,
		`{"version":1,"swapping":true,"files":[{"kind":"map","live":"DIR/access","temp":"DIR/other","inode":1}]}`,
		`{"version":1,"swapping":true,"files":[{"kind":"text","live":"DIR/.mailallow-1","temp":"DIR/../.mailallow-x","old":"y"}],"on_change":[{"path":"DIR/access","due":true}]}`,
		`{"version":2}`, `{`, ``, `null`,
	} {
		f.Add(text)
	}
	dir := f.TempDir()
	s := &state{dir: filepath.Join(dir, "state")}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		f.Fatal(err)
	}
	kept := map[string]string{"access": "by hand", "other": "somebody's", "sub/.mailallow-1": "below"}
	f.Fuzz(func(t *testing.T, text string) {
		for name, content := range kept {
			setFile(t, filepath.Join(dir, name), content)
		}
		setFile(t, filepath.Join(dir, tempPrefix+"1"), "left")
		setFile(t, s.path(owedFile), strings.ReplaceAll(text, "DIR", dir))
		due, err := finishOwed(s)
		for name, content := range kept {
			is, readErr := os.ReadFile(filepath.Join(dir, name))
			if string(is) != content && !(name == "access" && string(is) == "left") { // the text that goes back
				t.Fatalf("%s: %q, %v", name, is, readErr)
			}
		}
		if err != nil && len(due) > 0 {
			t.Fatal("commands beside an error")
		}
		setFile(t, s.path(recordsFile), strings.ReplaceAll(text, "DIR", dir))
		if records := readRecords(s.dir); records.Version != 1 {
			t.Fatalf("%+v", records)
		}
	})
}

func setFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
