package ascii

import (
	"bytes"
	"iter"
	"strings"
	"unicode/utf8"
)

// Lines yields the lines of a text without their LF, with their numbers from 0. A CR
// stays in its line. The last line may end without LF; an empty text has no lines.
func Lines(text []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		rest := text // each iteration begins with the first line
		for number := 0; len(rest) > 0; number++ {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte("\n"))
			if !yield(number, line) {
				return
			}
		}
	}
}

// IsWord reports whether value is word, in any letter case and with any white space
// around it. Sendmail's rulesets and Postfix compare the values of their maps so.
func IsWord(value, word string) bool {
	value = strings.TrimFunc(value, func(r rune) bool { return r < utf8.RuneSelf && IsSpace(byte(r)) })
	if len(value) != len(word) {
		return false
	}
	for i := range len(word) {
		if LowerByte(value[i]) != LowerByte(word[i]) {
			return false
		}
	}
	return true
}

// Space are the bytes of IsSpace.
const Space = " \t\n\v\f\r"

// IsSpace reports whether c is a space, \t, \n, \v, \f or \r: isspace(3) in the C locale.
func IsSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// Lower turns A to Z into lower case and leaves every other byte as it is. makemap
// does the same with keys, and DNS with names. The length stays the same, unlike with
// strings.ToLower.
func Lower(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' }) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		b[i] = LowerByte(c)
	}
	return string(b)
}

// LowerByte turns A to Z into lower case and leaves every other byte as it is.
func LowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
