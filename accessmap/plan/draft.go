package plan

import "bytes"

// draft is a new text that is written while it is compared with the present one. As long as both are the same it keeps no copy:
// most runs change nothing.
type draft struct {
	present []byte
	same    int           // bytes written, which present begins with
	text    *bytes.Buffer // all that was written, once it differs; nil: it does not
	room    int           // for which Grow asked
}

func (d *draft) Write(part []byte) (int, error) {
	if d.text == nil && bytes.HasPrefix(d.present[d.same:], part) {
		d.same += len(part)
		return len(part), nil
	}
	if d.text == nil {
		d.text = &bytes.Buffer{}
		d.text.Grow(max(len(d.present), d.same+d.room))
		d.text.Write(d.present[:d.same])
	}
	return d.text.Write(part)
}

// Grow makes room for that many bytes more.
func (d *draft) Grow(bytes int) {
	if d.text != nil {
		d.text.Grow(bytes)
	}
	d.room = bytes
}

// len is the number of bytes that were written.
func (d *draft) len() int {
	if d.text != nil {
		return d.text.Len()
	}
	return d.same
}

// bytes gives what was written; never nil: an empty file is a file.
func (d *draft) bytes() []byte {
	switch {
	case d.text != nil:
		return d.text.Bytes()
	case d.same == 0:
		return []byte{}
	}
	return d.present[:d.same:d.same]
}
