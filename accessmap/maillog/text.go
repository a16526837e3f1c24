package maillog

import (
	"strings"
	"unicode/utf8"

	"mailallow/accessmap/maillog/token"
)

// printable copies a message without zeros, and with U+FFFD in place of bytes that are not UTF-8.
func printable(message []byte) string {
	s := strings.ReplaceAll(string(message), "\x00", "")
	if !utf8.ValidString(s) { // nearly all are valid, which this finds sooner
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return s
}

// shorten cuts a text to maxText bytes, between two characters.
func shorten(s string) string {
	const mark = "..."
	if len(s) <= maxText {
		return s
	}
	cut := maxText - len(mark)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}

// withoutQueueID cuts the queue ID from a message: "NOQUEUE: ", "4ECEA00F: ".
func withoutQueueID(message string) string {
	const longest = 30 // bytes of an ID; Postfix's long IDs have 15 characters, Sendmail's 16
	i := strings.Index(message[:min(len(message), longest)], ": ")
	if i < 0 {
		return message
	}
	for _, c := range []byte(message[:i]) {
		if !token.IsWordByte(c) {
			return message
		}
	}
	return message[i+2:]
}
