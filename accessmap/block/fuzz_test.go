package block

import (
	"bytes"
	"testing"

	"mailallow/allowlist/fault"
)

// FuzzBlock checks the properties that make an edit of a file safe: the text outside the markers stays byte for byte, Extract
// returns the lines that were written between, and to write them again changes nothing.
func FuzzBlock(f *testing.F) {
	for _, text := range []string{
		"", "a OK", "a OK\n", "a OK\r\n" + beginLine + "b OK\n" + endLine + "c OK\r\n", beginLine + endLine, Begin + "\n" + End,
		endLine + beginLine, beginLine + beginLine + endLine, " " + beginLine + endLine, Begin + "x\n\n" + End + "y\nz",
	} {
		f.Add([]byte(text), []byte("Connect:10\tOK\n"))
	}
	f.Fuzz(func(t *testing.T, text, inside []byte) {
		m, err := Extract(text)
		markers := 0
		for line := range bytes.Lines(text) {
			if bytes.HasPrefix(line, []byte(Begin)) || bytes.HasPrefix(line, []byte(End)) {
				markers++
			}
		}
		if err != nil {
			if markers == 0 || fault.LineOf(err) == 0 {
				t.Fatalf("%d markers: %v", markers, err)
			}
			return
		}
		if m.Found != (markers == 2) || !m.Found && markers != 0 {
			t.Fatalf("%d markers, found %v", markers, m.Found)
		}
		if !bytes.HasPrefix(text, m.Before) || !bytes.HasSuffix(text, m.After) || !bytes.Contains(text, m.Inside) {
			t.Fatal("Before, Inside or After is not part of the text")
		}
		list := append(bytes.ReplaceAll(inside, []byte("mailallow"), nil), '\n') // no line of it is a marker
		spliced := splice(m, list)
		again, err := Extract(spliced)
		if err != nil {
			t.Fatal(err)
		}
		before := m.Before
		if !m.Found && len(before) > 0 && before[len(before)-1] != '\n' {
			before = append(bytes.Clone(before), '\n')
		}
		if !bytes.Equal(again.Before, before) || !bytes.Equal(again.Inside, list) || !bytes.Equal(again.After, m.After) {
			t.Fatalf("before %q, inside %q, after %q", again.Before, again.Inside, again.After)
		}
		if !bytes.Equal(splice(again, list), spliced) {
			t.Fatal("to write the same list again changes the text")
		}
	})
}

// splice gives the text with inside as its block.
func splice(m File, inside []byte) []byte {
	var text bytes.Buffer
	m.WriteAbove(&text)
	text.Write(inside)
	m.WriteBelow(&text)
	return text.Bytes()
}
