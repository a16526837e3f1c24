package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode"
)

// A record is one line of text, whatever the names and messages hold.
func TestLogHostile(t *testing.T) {
	for _, name := range []string{
		"a\nlevel=ERROR msg=forged", "\r\n", "\x1b[31mred\x1b[0m", "\u202egnp.exe", "\u2028\u2029\u0085", "\xff\xfe", `"} {"level":"ERROR"`,
		"", "a=b c", "\x00", "tab\there",
	} {
		for _, form := range []string{"text", "json"} {
			var stderr bytes.Buffer
			term := New([]string{"update", "--log-format", form}, nil, io.Discard, &stderr)
			term.About(slog.String("source", name)).Warn("source %q: %s", name, name)
			term.End(errors.New(name+"!\nsecond"), nil)
			text := stderr.String()
			if strings.Count(text, "\n") != 2 || strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), func(r rune) bool {
				return !unicode.IsPrint(r) || r == unicode.ReplacementChar
			}) {
				t.Errorf("%s: %q is written as %q", form, name, text)
			}
			if form != "json" {
				continue
			}
			var record struct{ Level, Msg, Source string }
			first, _, _ := strings.Cut(text, "\n")
			if err := json.Unmarshal([]byte(first), &record); err != nil || record.Level != "WARN" || record.Source != strings.ToValidUTF8(name, "\ufffd\ufffd") {
				t.Errorf("%q: %v, %+v", name, err, record)
			}
		}
	}
}

// TestLogLines: a message of several lines is one record, and reads as a sentence.
func TestLogLines(t *testing.T) {
	var stderr bytes.Buffer
	New([]string{"update", "--log-format", "text"}, nil, io.Discard, &stderr).Warn("not read; run:" + Below + "postconf -e x" + Below + "postfix reload")
	if want := "msg=\"not read; run: postconf -e x; postfix reload\"\n"; !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("%q, want %q at its end", &stderr, want)
	}
}

// A record has no time for the journal, which has its own, and has one for a file to which a service writes, although the
// service has the variable of the journal.
func TestLogTime(t *testing.T) {
	for _, form := range []string{"text", "json"} {
		for _, journal := range []bool{true, false} {
			f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var stat syscall.Stat_t
			if err := syscall.Fstat(int(f.Fd()), &stat); err != nil {
				t.Fatal(err)
			}
			if !journal {
				stat.Ino++
			}
			t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", stat.Dev, stat.Ino))
			New([]string{"--log-format=" + form}, nil, io.Discard, f).Warn("mind")
			text, err := os.ReadFile(f.Name())
			if timed := strings.Contains(string(text), "time"); err != nil || timed == journal || !strings.Contains(string(text), "mind") {
				t.Errorf("%s, to the journal %v: %v, %q", form, journal, err, text)
			}
		}
	}
}
