package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// tokens cuts JSON into its tokens and keeps none, so that the whole text is never in memory. Package json can do that, too, and
// takes several times as long. What it says of wrong ones is said here in its words.
type tokens struct {
	in  *bufio.Reader
	at  int64 // bytes that were read
	end int64 // where the last token ended
}

// next takes a byte. The end is io.EOF before the first token, and unexpected after it.
func (t *tokens) next() (byte, error) {
	c, err := t.in.ReadByte()
	switch {
	case err == nil:
		t.at++
	case errors.Is(err, io.EOF) && t.end > 0:
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

func (t *tokens) back() {
	t.in.UnreadByte() // next took it
	t.at--
}

// peek gives the byte that the next token begins with.
func (t *tokens) peek() (byte, error) {
	for {
		c, err := t.next()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			t.back()
			return c, nil
		}
	}
}

// skip goes over that many bytes, up to the end of a token.
func (t *tokens) skip(n int) {
	t.in.Discard(n) // they are in the buffer
	t.at += int64(n)
	t.end = t.at
}

// punctuation takes a colon or a comma.
func (t *tokens) punctuation(want byte, where string) error {
	c, err := t.peek()
	if err == nil && c != want {
		err = invalid(c, where)
	}
	if err == nil {
		t.skip(1)
	}
	return err
}

func invalid(c byte, where string) error {
	return fmt.Errorf("invalid character %q %s", rune(c), where)
}

// open takes the bracket that an object or an array begins with.
func (t *tokens) open(want byte) error {
	c, err := t.peek()
	if err != nil {
		return err
	}
	if c != want {
		return t.unwanted(c, string(want))
	}
	t.skip(1)
	return nil
}

// more takes the comma before the next element, or the bracket behind the last one.
func (t *tokens) more(end byte, first bool, where string) (bool, error) {
	c, err := t.peek()
	switch {
	case err != nil:
		return false, err
	case c == end:
		t.skip(1)
		return false, nil
	case first:
		return true, nil
	}
	return true, t.punctuation(',', where)
}

// name takes the name of a member.
func (t *tokens) name() (string, error) {
	c, err := t.peek()
	if err == nil && c != '"' {
		err = invalid(c, "looking for beginning of object key string")
	}
	if err != nil {
		return "", err
	}
	return t.quoted()
}

// text takes a string.
func (t *tokens) text() (string, error) {
	c, err := t.peek()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", t.unwanted(c, "string")
	}
	return t.quoted()
}

// digits takes a number as it is written.
func (t *tokens) digits() (string, error) {
	c, err := t.peek()
	if err != nil {
		return "", err
	}
	if c != '-' && (c < '0' || '9' < c) {
		return "", t.unwanted(c, "number")
	}
	return t.word()
}

// unwanted is the error for a value that begins with c.
func (t *tokens) unwanted(c byte, expected string) error {
	kind, take := "", t.word
	switch c {
	case '{', '[':
		t.skip(1)
		return fmt.Errorf("found a %c, expected a %s", c, expected)
	case '"':
		kind, take = "string", t.quoted
	case 't', 'f':
		kind = "bool"
	case 'n':
		kind = "null"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		kind = "number"
	default:
		return invalid(c, "looking for beginning of value")
	}
	if _, err := take(); err != nil {
		return err
	}
	return fmt.Errorf("found a %s, expected a %s", kind, expected)
}

// quoted takes a string. Most are in the buffer as a whole and need no decoding.
func (t *tokens) quoted() (text string, err error) {
	there, _ := t.in.Peek(t.in.Buffered())
	if end := bytes.IndexByte(there[1:], '"'); end >= 0 && isPlain(there[1:][:end]) {
		text = string(there[1:][:end])
		t.skip(end + len(`""`))
		return text, nil
	}
	raw := []byte{'"'}
	t.skip(1)
	for escaped := false; ; {
		c, err := t.next()
		if err != nil {
			return "", err
		}
		raw = append(raw, c)
		if c == '"' && !escaped {
			break
		}
		escaped = c == '\\' && !escaped
	}
	t.end = t.at
	return text, json.Unmarshal(raw, &text)
}

// isPlain reports whether a text is the same in JSON: printable ASCII without quotes and backslashes.
func isPlain[T string | []byte](text T) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || '~' < c || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// word takes a number, a bool or null.
func (t *tokens) word() (string, error) {
	var raw []byte
	for {
		c, err := t.next()
		if err != nil {
			return "", err // a snapshot does not end with a word
		}
		if c != '+' && c != '-' && c != '.' && (c|0x20 < 'a' || 'z' < c|0x20) && (c < '0' || '9' < c) {
			t.back()
			break
		}
		raw = append(raw, c)
	}
	t.end = t.at
	if raw[0] != '0' && len(bytes.Trim(raw, "0123456789")) == 0 { // as all are that Encode writes
		return string(raw), nil
	}
	var valid json.RawMessage
	return string(raw), json.Unmarshal(raw, &valid)
}
