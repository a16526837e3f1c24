package maillog

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// pieces returns a text in reads of random sizes up to a number of bytes.
type pieces struct {
	text   []byte
	most   int
	random *rand.Rand
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(into[:min(len(into), 1+p.random.IntN(p.most))], p.text)
	p.text = p.text[n:]
	return n, nil
}

// awkward are lines at which a cut in the wrong place shows: long, empty, and with an end of their own kind.
func awkward() []string {
	const refusal = "Apr 30 10:31:02 mx1 sendmail[1]: ruleset=check_rcpt, arg1=<a>, relay=x [192.0.2.7], reject=550 5.7.1 no "
	var lines []string
	for _, length := range []int{maxLine - 1, maxLine, maxLine + 1, maxLine + 2, 2 * maxLine, bufferSize, bufferSize + maxLine, 3 * bufferSize} {
		lines = append(lines, refusal+strings.Repeat("j", length-len(refusal)), refusal, "")
	}
	return append(lines, refusal+"\r", "\x00\x00"+refusal, "\xef\xbb\xbf"+refusal, strings.Repeat("\r", maxLine), refusal+"at the end")
}

// TestPieces reads logs in pieces of any size, and expects of each the events of its lines one by one.
func TestPieces(t *testing.T) {
	text := strings.Join(awkward(), "\n")
	files, err := filepath.Glob(fixtures.Path("logs", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		log, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = string(log) + text // whose last line has no end
	}
	var want []string // the events, as lines
	line := func(e Event) string { return fmt.Sprintf("%s %s", e.AppendJSON(nil), e.Remote) }
	number := 0
	s := &scan{now: now, file: "log"}
	last := Postfix
	for one := range strings.SplitSeq(text, "\n") {
		number++
		e, ok := s.event(number, splitHeader(trim([]byte(one))))
		if !ok {
			continue
		}
		e.MTA = cmp.Or(e.MTA, last)
		last = e.MTA
		want = append(want, line(e))
	}
	random := fixtures.Random(t)
	for _, most := range []int{1, 2, 100, 1000, maxLine, bufferSize, 1 << 20} {
		var got []string
		o := Options{Now: now, Domains: true}
		_, err := Read(&pieces{[]byte(text), most, random}, "log", o, func(e Event) error { got = append(got, line(e)); return nil })
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("in pieces of up to %d bytes: %d events, %v; want %d", most, len(got), err, len(want))
		}
	}
}

// FuzzCut expects of a text in pieces of one size the same lines as of the whole, by a cut at every end of a line.
func FuzzCut(f *testing.F) {
	f.Add([]byte("a\n\nb\r\nc"), uint16(1))
	f.Add([]byte(strings.Join(awkward(), "\n")), uint16(maxLine))
	f.Fuzz(func(t *testing.T, text []byte, size uint16) {
		var want, got [][]byte
		for line := range bytes.Lines(text) {
			want = append(want, trim(line))
		}
		c := cutter{log: &pieces{text, int(size) + 1, rand.New(rand.NewPCG(uint64(size), 0))}}
		for more := true; more; {
			b := &block{}
			more = c.fill(b)
			if more && !bytes.HasSuffix(b.text, []byte("\n")) {
				t.Fatalf("a block ends in %q", b.text[max(0, len(b.text)-10):])
			}
			for line := range bytes.Lines(b.text) {
				got = append(got, bytes.Clone(trim(line)))
			}
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
	})
}
