package plan

import "bytes"

// draft is a new text that is written while it is compared with the present one. As long as both are the same it keeps no copy:
// most runs change nothing.
type draft struct {
	present []byte
	same    int    // bytes written, which present begins with
	text    []byte // all that was written, once it differs; nil: it does not
	room    int    // for which Grow asked
}

func (d *draft) Write(part []byte) (int, error) {
	if d.text == nil && bytes.HasPrefix(d.present[d.same:], part) {
		d.same += len(part)
		return len(part), nil
	}
	if d.text == nil {
		d.text = append(d.with(d.room), d.present[:d.same]...)
	}
	d.text = append(d.text, part...)
	return len(part), nil
}

// Grow makes room for that many bytes more.
func (d *draft) Grow(bytes int) {
	if d.text != nil && cap(d.text)-len(d.text) < bytes {
		d.text = append(d.with(bytes), d.text...)
	}
	d.room = bytes
}

// with makes room for so many bytes behind those that were written. Unlike a bytes.Buffer it does not write zeros there, so
// that what is not used takes no memory.
func (d *draft) with(room int) []byte { return make([]byte, 0, max(len(d.present), d.len()+room)) }

// len is the number of bytes that were written.
func (d *draft) len() int {
	if d.text != nil {
		return len(d.text)
	}
	return d.same
}

// bytes gives what was written; never nil: an empty file is a file.
func (d *draft) bytes() []byte {
	switch {
	case d.text != nil:
		return d.text
	case d.same == 0:
		return []byte{}
	}
	return d.present[:d.same:d.same]
}
