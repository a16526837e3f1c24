package document

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"mailallow/allowlist/ascii"
)

// formats are kinds of files that are no text, by their first bytes. A UTF-32 mark begins like one of UTF-16.
var formats = []struct{ magic, name string }{
	{"PK\x03\x04", "a ZIP archive"},
	{"BZh", "bzip2"},
	{"\xfd7zXZ\x00", "xz"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"\x1f\x9d", "compress (.Z)"},
	{"%PDF-", "a PDF document"},
	{"\xff\xfe\x00\x00", "UTF-32"},
	{"\x00\x00\xfe\xff", "UTF-32"},
}

// notASCII are the beginnings of names of encodings in which an address is not written in ASCII.
var notASCII = []string{"utf-32", "ucs-4", "utf-7", "iso-2022", "hz-", "ebcdic", "ibm037", "cp037", "ibm500", "cp500", "ibm1047"}

// decode gives the text of a document as bytes in which ASCII is ASCII: it unpacks gzip and turns UTF-16 into UTF-8. Text
// in other encodings stays as it is. It names what it cannot read.
func (r Reader) decode(body []byte, contentType string) ([]byte, error) {
	if bytes.HasPrefix(body, []byte("\x1f\x8b")) {
		var err error
		if body, err = r.unpack(body); err != nil {
			return nil, err
		}
	}
	for _, f := range formats {
		if bytes.HasPrefix(body, []byte(f.magic)) {
			return nil, fmt.Errorf("it is not text: it is %s", f.name)
		}
	}
	_, params, _ := mime.ParseMediaType(contentType)
	charset := ascii.Lower(params["charset"])
	for _, name := range notASCII {
		if strings.HasPrefix(charset, name) {
			return nil, fmt.Errorf("its encoding is %s, which cannot be read: use UTF-8", ascii.Excerpt(charset))
		}
	}
	if order := utf16Order(body, charset); order != nil {
		body = fromUTF16(body, order)
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if bytes.IndexByte(body, 0) >= 0 {
		return nil, errors.New("it is not text: it holds a zero byte")
	}
	if bytes.IndexByte(body, '\n') < 0 && bytes.IndexByte(body, '\r') >= 0 {
		body = bytes.ReplaceAll(body, []byte("\r"), []byte("\n"))
	}
	return body, nil
}

func (r Reader) unpack(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(z, r.MaxBytes+1))
	}
	if err == nil && int64(len(body)) > r.MaxBytes {
		err = fmt.Errorf("larger than %s bytes", ascii.Count(r.MaxBytes))
	}
	if err != nil {
		return nil, fmt.Errorf("it is gzip and cannot be unpacked: %w", err)
	}
	return body, nil
}

// utf16Order gives the order of bytes of UTF-16, or nil for another encoding. Without a mark, zeros in every second byte of
// the beginning show it, or the name that the server gives.
func utf16Order(body []byte, charset string) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		return binary.LittleEndian
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		return binary.BigEndian
	}
	var zeros [2]int
	head := body[:min(len(body), 200)&^1]
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	named := strings.HasPrefix(charset, "utf-16") && zeros[0]+zeros[1] > 0
	switch most := len(head) / 2 * 3 / 4; {
	case zeros[0] == 0 && zeros[1] > most, named && zeros[1] > zeros[0]:
		return binary.LittleEndian
	case zeros[1] == 0 && zeros[0] > most, named:
		return binary.BigEndian
	}
	return nil
}

func fromUTF16(body []byte, order binary.ByteOrder) []byte {
	text := make([]byte, 0, len(body)/2)
	for ; len(body) >= 2; body = body[2:] {
		c := rune(order.Uint16(body))
		if utf16.IsSurrogate(c) && len(body) >= 4 {
			if pair := utf16.DecodeRune(c, rune(order.Uint16(body[2:]))); pair != utf8.RuneError {
				c, body = pair, body[2:]
			}
		}
		text = utf8.AppendRune(text, c)
	}
	return text
}
