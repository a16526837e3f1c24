package block

import (
	"bytes"
	"testing"

	"mailallow/allowlist/fault"
)

// FuzzBlock holds extract and splice to what makes an edit of somebody's file safe: what stands outside of the markers
// is there byte for byte afterwards, what was put in comes out, and doing it twice is doing it once.
func FuzzBlock(f *testing.F) {
	for _, text := range []string{
		"", "a OK", "a OK\n", "a OK\r\n" + beginLine + "b OK\n" + endLine + "c OK\r\n", beginLine + endLine, Begin + "\n" + End,
		endLine + beginLine, beginLine + beginLine + endLine, " " + beginLine + endLine, Begin + "x\n\n" + End + "y\nz",
	} {
		f.Add([]byte(text), []byte("Connect:10\tOK\n"))
	}
	f.Fuzz(func(t *testing.T, text, inside []byte) {
		m, err := Extract(text)
		marks := 0
		for line := range bytes.Lines(text) {
			if bytes.HasPrefix(line, []byte(Begin)) || bytes.HasPrefix(line, []byte(End)) {
				marks++
			}
		}
		if err != nil {
			if marks == 0 || fault.LineOf(err) == 0 {
				t.Fatalf("%d markers: %v", marks, err)
			}
			return
		}
		if m.Found != (marks == 2) || !m.Found && marks != 0 {
			t.Fatalf("%d markers, found %v", marks, m.Found)
		}
		if !bytes.HasPrefix(text, m.Before) || !bytes.HasSuffix(text, m.After) || !bytes.Contains(text, m.Inside) {
			t.Fatal("a part is no part of the text")
		}
		ours := append(bytes.ReplaceAll(inside, []byte(managedName), nil), '\n') // so that no line of it is a marker
		spliced := m.Splice(ours)
		again, err := Extract(spliced)
		if err != nil {
			t.Fatal(err)
		}
		before := m.Before
		if !m.Found && len(before) > 0 && before[len(before)-1] != '\n' {
			before = append(bytes.Clone(before), '\n')
		}
		if !bytes.Equal(again.Before, before) || !bytes.Equal(again.Inside, ours) || !bytes.Equal(again.After, m.After) {
			t.Fatalf("before %q, inside %q, after %q", again.Before, again.Inside, again.After)
		}
		if !bytes.Equal(again.Splice(ours), spliced) {
			t.Fatal("a second time changes it")
		}
	})
}

// managedName is in both markers.
const managedName = "mailallow"
