package notation

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// isWordByte marks the ASCII characters of words.
var isWordByte = func() (is [utf8.RuneSelf]bool) {
	for c := range is {
		is[c] = '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
	}
	for _, c := range "./:-_%\\+@~*^!$&=?[]" {
		is[c] = true
	}
	return is
}()

// isWordRune reports whether c can be part of a word. Numbers of all kinds, marks on the character before, and look-alikes of the
// slash, the colon and the full stop can: a person would read them as part of the address.
func isWordRune(c rune) bool {
	if c < utf8.RuneSelf {
		return isWordByte[c]
	}
	return isSlash(c) || c == '：' || c == '．' || unicode.IsNumber(c) || unicode.IsMark(c)
}

// isSlash reports whether c is a slash outside ASCII.
func isSlash(c rune) bool { return c == '⁄' || c == '∕' || c == '／' }

// isDash reports whether c is a dash, an arrow or another sign outside ASCII that people set between the ends of a range.
// U+0096 and U+0097 are the dashes of Windows-1252, read as Latin-1.
func isDash(c rune) bool {
	switch c {
	case '−', '∼', '～', '⁓', '→', '⇒', '⟶', '…', '‥', '─', '━', 'ー', '\u0096', '\u0097', '\u00ad':
		return true
	}
	return c >= utf8.RuneSelf && unicode.Is(unicode.Pd, c)
}

// isBlankRune reports whether c is a blank outside ASCII, or cannot be seen at all.
func isBlankRune(c rune) bool { return unicode.IsSpace(c) || unicode.Is(unicode.Cf, c) }

// isUnseen reports whether c shows nothing where a line is not broken at it.
func isUnseen(c rune) bool {
	return c == '\u00ad' || unicode.In(c, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// unseenAt gives the end of the characters at i that cannot be seen, if they stand within a word: behind 192.0.2.1, the 0 that a
// page shows right beside it. What is an address of its own begins another word.
func unseenAt(text []byte, i int) int {
	end := i
	for end < len(text) && text[end] >= utf8.RuneSelf {
		c, size := utf8.DecodeRune(text[end:])
		if !isUnseen(c) {
			break
		}
		end += size
	}
	if end == i || i == 0 || text[i-1] <= ' ' || end == len(text) || !isHex(text[end]) && text[end]-'.' > 1 && text[end] != ':' {
		return i
	}
	if _, _, ok := addressAt(text, end); ok && !isOneAddress(text[:i], text[end:]) {
		return i
	}
	return end
}

// isOneAddress reports whether an address begins at the end of one text and goes on in the other: 8, and 1.2.31.0.
func isOneAddress(before, behind []byte) bool {
	begin := len(before)
	for begin > 0 && len(before)-begin < maxAddress && (isHex(before[begin-1]) || before[begin-1] == '.' || before[begin-1] == ':') {
		begin--
	}
	part := before[begin:]
	if len(part) == 0 || begin > 0 && before[begin-1] == '/' {
		return false
	}
	_, end, ok := addressAt(slices.Concat(part, behind[:min(len(behind), maxAddress)]), 0)
	return ok && end > len(part)
}

// decodeRune decodes a character. Bytes that are not UTF-8 may be Windows-1252, of which dashes and blanks matter.
func decodeRune(text []byte) (c rune, size int) {
	c, size = utf8.DecodeRune(text)
	if c != utf8.RuneError || size != 1 {
		return c, size
	}
	switch text[0] {
	case 0x85:
		c = '…'
	case 0x96, 0xad:
		c = '–'
	case 0x97:
		c = '—'
	case 0xa0:
		c = ' '
	}
	return c, size
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
