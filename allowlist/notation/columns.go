package notation

import (
	"bytes"
	"slices"
)

// columns are the roles that the head of a table gives to the cells of its rows.
type columns struct {
	delimiter byte // between the cells; 0: there is no table
	roles     []byte
	next      int // the number of the next cell of the row
}

// delimiters separate cells: the first one that makes a head of a line is taken.
var delimiters = []byte{CellMark, '\t', '|', ';', ','}

const (
	maxHead    = 1000 // bytes of the head of a table
	maxColumns = 50
)

// column puts the role of the cell that begins before its items, as if the cell had it for a label.
func (r *reading) column() {
	c := &r.columns
	if c.next < len(c.roles) && c.roles[c.next] != 0 {
		gap := r.gap
		r.push(item{kind: c.roles[c.next], start: r.pos, end: r.pos})
		r.gap = gap
	}
	c.next++
}

// header takes the record for the head of a table if it names no address, but a column of sizes or of ends of ranges.
func (r *reading) header(record []byte) {
	if r.Strict || len(record) > maxHead || slices.ContainsFunc(r.items[r.record:], func(it item) bool { return it.prefix.IsValid() }) {
		return
	}
	for _, delimiter := range delimiters {
		if bytes.IndexByte(record, delimiter) < 0 || delimiter == CellMark && !r.Marks {
			continue
		}
		head := columns{delimiter: delimiter}
		address, sized := false, false
		for cell := range bytes.SplitSeq(record, []byte{delimiter}) {
			kind := labelKind(cell)
			address = address || kind == kindWord || kind == kindFirst
			sized = sized || kind != 0 && kind != kindWord && kind != kindFirst
			if kind == kindWord {
				kind = 0
			}
			head.roles = append(head.roles, kind)
		}
		if address && sized && len(head.roles) <= maxColumns {
			r.columns = head
			return
		}
	}
}

// beginRow puts the role of the first cell before the items of the record, if the record is a row of the table.
func (r *reading) beginRow() {
	row := r.text[r.pos:min(len(r.text), r.pos+maxHead)]
	if r.columns.next = 0; r.columns.delimiter == 0 {
		return
	}
	if end := bytes.IndexByte(row, '\n'); !r.Marks && end >= 0 {
		row = row[:end]
	} else if end := bytes.IndexByte(row, RecordMark); r.Marks && end >= 0 {
		row = row[:end]
	}
	if bytes.IndexByte(row, r.columns.delimiter) < 0 {
		r.columns.next = maxColumns
		return
	}
	r.column()
}
