package terminal

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	// PipeWidth is the width of tables and texts where stdout is no terminal.
	PipeWidth = 80
	// Narrowest is the width below which nothing is wrapped.
	Narrowest = 8

	columnGap     = "  "
	mayBreakAfter = " /,.:-"
)

// Width is the number of columns of stdout.
func (t *Terminal) Width() int { return cmp.Or(columns(t.stdout), PipeWidth) }

// columns is the width of a terminal; 0: w is none.
func columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return cmp.Or(columns, PipeWidth) // a serial line does not know its width
		}
	}
	return 0
}

// Table writes rows in columns as output, the first row being the header.
func (t *Terminal) Table(rows [][]string) {
	style := Bold
	for _, row := range Layout(t.Width(), rows) {
		t.Data(style, "%s", row)
		style = Plain
	}
}

// Folded breaks a text into lines that leave margin columns of a terminal free. A
// pipe gets it on one line, for other programs to read.
func (t *Terminal) Folded(text string, margin int) []string {
	if !isTerminal(t.stdout) {
		return []string{text}
	}
	return Wrap(text, t.Width()-margin)
}

// Headline writes the sentence above a table, in lines that fit a terminal.
func (t *Terminal) Headline(format string, args ...any) {
	t.Data(Bold, "%s", strings.Join(t.Folded(fmt.Sprintf(format, args...), 0), "\n"))
}

// Layout sets rows of cells in columns that take at most width together, as far as
// Narrowest allows. The first row is the header. A cell that is too long is wrapped, and
// never cut off. Each row comes back as a text of one line or more, without a line feed at its end. A character that Clean
// escapes takes the columns of its escape.
func Layout(width int, rows [][]string) []string {
	if len(rows) == 0 {
		return nil
	}
	columns, words := make([]int, len(rows[0])), make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			cell = Clean(cell)
			columns[i] = max(columns[i], utf8.RuneCountInString(cell))
			for _, word := range strings.Fields(cell) {
				words[i] = max(words[i], utf8.RuneCountInString(word))
			}
		}
	}
	squeeze(columns, words, width-len(columnGap)*(len(columns)-1))
	laid := make([]string, len(rows))
	for i, row := range rows {
		laid[i] = layRow(row, columns)
	}
	return laid
}

// squeeze makes the widest columns narrower until all fit into width: first down to their longest words, then further.
func squeeze(columns []int, words []int, width int) {
	for _, least := range [][]int{words, make([]int, len(columns))} {
		for {
			sum, widest := 0, -1
			for i, w := range columns {
				sum += w
				if w > max(least[i], Narrowest) && (widest < 0 || w > columns[widest]) {
					widest = i
				}
			}
			if sum <= width || widest < 0 {
				break
			}
			columns[widest]--
		}
	}
}

func layRow(row []string, columns []int) string {
	cells := make([][]string, len(row))
	height := 1
	for i, cell := range row {
		cells[i] = Wrap(cell, columns[i])
		height = max(height, len(cells[i]))
	}
	lines := make([]string, height)
	for n := range lines {
		var b strings.Builder
		for i, cell := range cells {
			text := ""
			if n < len(cell) {
				text = cell[n]
			}
			fmt.Fprintf(&b, "%-*s%s", columns[i], text, columnGap)
		}
		lines[n] = strings.TrimRight(b.String(), " ")
	}
	return strings.Join(lines, "\n")
}

// Wrap breaks a text, as Clean writes it, into lines of at most width columns, or Narrowest: between words, else behind a
// sign that ends a part of a name, else anywhere.
func Wrap(text string, width int) []string {
	width = max(width, Narrowest)
	runes := []rune(Clean(text))
	var lines []string
	for len(runes) > width {
		at := width
		for _, sign := range []string{" ", mayBreakAfter} {
			if cut := lastBreak(runes, width, sign); cut > 0 {
				at = cut
				break
			}
		}
		lines = append(lines, strings.TrimRight(string(runes[:at]), " "))
		runes = []rune(strings.TrimLeft(string(runes[at:]), " "))
	}
	return append(lines, string(runes))
}

// lastBreak is the length of the longest line of at most width that ends behind one of
// the signs, or 0. A blank right behind the line counts.
func lastBreak(runes []rune, width int, signs string) int {
	if runes[width] == ' ' {
		return width
	}
	least := width / 2
	if signs == " " { // a word is broken only if it is longer than a line
		least = 0
	}
	for i := width; i > least; i-- {
		if strings.ContainsRune(signs, runes[i-1]) {
			return i
		}
	}
	return 0
}
