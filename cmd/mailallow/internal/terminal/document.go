package terminal

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mailallow/allowlist/ascii"
)

// Document writes the one JSON document of a run, as ASCII alone. v becomes an object with a
// member or more; that of the version comes before them.
func (t *Terminal) Document(v any) error {
	t.taken = true
	text, err := ascii.JSON(v)
	if err != nil {
		return err
	}
	_, err = t.stdout.Write(slices.Concat([]byte(`{"version":1,`), text[len("{"):], []byte("\n")))
	return err
}

// Whole writes a text that is all the output of a command; with --json, a document that
// holds it. It returns the error of stdout: such a text goes into files.
func (t *Terminal) Whole(text string) error {
	if t.JSON {
		return t.Document(map[string]string{"text": text})
	}
	if text == "" {
		return nil
	}
	_, err := io.WriteString(t.Take(), Clean(strings.TrimSuffix(text, "\n"))+"\n")
	return err
}

// Clean keeps letters, signs, blanks, tabs and line feeds. It escapes everything else:
// control characters, marks of direction, characters that take no room, invalid UTF-8.
func Clean(s string) string {
	if !strings.ContainsFunc(s, unwanted) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unwanted(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

func unwanted(r rune) bool {
	return !(ascii.Shows(r) || r == '\n' || r == '\t')
}
