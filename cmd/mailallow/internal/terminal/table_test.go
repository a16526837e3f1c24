package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLayout(t *testing.T) {
	rows := [][]string{
		{"NAME", "WHERE"},
		{"google", "_spf.google.com"},
		{"a-name-that-is-long", "words that do not fit on one line"},
	}
	for _, tt := range []struct {
		name  string
		width int
		want  string
	}{
		{"wide enough", 80, "NAME                 WHERE\ngoogle               _spf.google.com\na-name-that-is-long  words that do not fit on one line"},
		{"the widest column gives way", 40, "NAME                 WHERE\ngoogle               _spf.google.com\na-name-that-is-long  words that do not\n                     fit on one line"},
		{"both give way", 26, "NAME          WHERE\ngoogle        _spf.google.\n              com\na-name-that-  words that\nis-long       do not fit\n              on one line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, strings.Join(Layout(tt.width, rows), "\n")); diff != "" {
				t.Errorf("layout (-want +got):\n%s", diff)
			}
		})
	}
}

// An escape takes the room that it has on the screen, in a column and in a line.
func TestEscapesTakeRoom(t *testing.T) {
	if got, want := strings.Join(Layout(80, [][]string{{"mx.\x1b.ex", "x"}, {"mx.\u202e.example", "y"}}), "\n"),
		"mx.\\x1b.ex         x\nmx.\\u202e.example  y"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if diff := cmp.Diff([]string{`a \x1b\x1b`, "b"}, Wrap("a \x1b\x1b b", 11)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// No line is too long and no letter is lost, whatever the cells hold.
func TestLayoutLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zé/. -]{0,60}`)
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		row := rapid.SliceOfN(cell, columns, columns)
		rows := rapid.SliceOfN(row, 1, 4).Draw(t, "rows")
		width := rapid.IntRange(columns*(Narrowest+len(columnGap)), 90).Draw(t, "width")
		letters := func(texts ...string) map[rune]int {
			n := map[rune]int{}
			for _, text := range texts {
				for _, r := range text {
					if r != ' ' {
						n[r]++
					}
				}
			}
			return n
		}
		for i, row := range Layout(width, rows) {
			lines := strings.Split(row, "\n")
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > width {
					t.Fatalf("%q has %d columns, not %d", line, n, width)
				}
			}
			if diff := cmp.Diff(letters(rows[i]...), letters(lines...)); diff != "" {
				t.Fatalf("row %q came as %q:\n%s", rows[i], lines, diff)
			}
		}
	})
}

// A file cannot be named so that the text behind a line feed in its name looks like a message.
func TestPlace(t *testing.T) {
	if got, want := Place("access\nok:1", 2), `access\nok:1:2`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWrapNarrow expects lines on a terminal that is narrower than the margins of a text.
func TestWrapNarrow(t *testing.T) {
	for _, width := range []int{-1, 0, 1, Narrowest} {
		if diff := cmp.Diff([]string{"192.0.2.", "7 is in", "no", "source"}, Wrap("192.0.2.7 is in no source", width)); diff != "" {
			t.Errorf("%d: %s", width, diff)
		}
	}
}
