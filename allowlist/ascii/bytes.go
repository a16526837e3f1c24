package ascii

import (
	"bytes"
	"strings"
)

// Lines splits a text at LF; the last line may lack one. A CR stays in its line.
func Lines(text []byte) [][]byte {
	all := bytes.Split(text, []byte("\n"))
	if n := len(all); len(all[n-1]) == 0 {
		all = all[:n-1]
	}
	return all
}

// IsWord compares a value as the rulesets do: without regard to case and to blanks around it.
func IsWord(value, word string) bool { return strings.EqualFold(strings.TrimSpace(value), word) }

// IsSpace is C's isspace for ASCII.
func IsSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// Lower folds A to Z and leaves every other byte as it is: makemap asks isascii first.
func Lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = LowerByte(c)
	}
	return string(b)
}

func LowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
