package config

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines are the lines of keys and of items of lists, by their place: "source[2].cidr[1]" is on line 31.
type lines map[string]int

// Line is the line of a place. A key that is not written has the line of its table; 0 means
// that the table is not written either.
func (l lines) Line(at string) int {
	for {
		if line := cmp.Or(l[at], l[at+"[0]"]); line > 0 {
			return line
		}
		dot := strings.LastIndexByte(at, '.')
		if dot < 0 {
			return 0
		}
		at = at[:dot]
	}
}

// below is the place of a key in a table.
func below(table, key string) string { return cut(strings.TrimPrefix(table+"."+key, ".")) }

// item is the place of an item of a list.
func item(list string, number int) string { return cut(list + "[" + strconv.Itoa(number) + "]") }

// cut cuts a place that is longer than those of known keys: the place of a table is part of
// that of each of its keys, and anybody may have written it.
func cut(place string) string {
	const most = 100
	return place[:min(len(place), most)]
}

// walk goes through a document from its beginning.
type walk struct {
	lines   lines
	tables  map[string]int // the number of tables with one name, [[source]]
	text    []byte
	counted int // bytes of text
	line    int // at which they end
}

// linesOf gives the lines of a text that parses.
func linesOf(text []byte) lines {
	var p unstable.Parser
	p.Reset(text)
	w := &walk{lines: lines{}, tables: map[string]int{}, text: text, line: 1}
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.KeyValue:
			w.keyValue(table, e)
		case unstable.Table:
			table = w.key("", e)
		case unstable.ArrayTable:
			list := w.key("", e)
			table = item(list, w.tables[list])
			w.lines[table] = w.lines[list]
			w.tables[list]++
		}
	}
	return w.lines
}

func (w *walk) keyValue(table string, e *unstable.Node) {
	at := w.key(table, e)
	w.value(at, e.Value())
}

// key notes each part of a key, and gives the place to which it leads. The key of a table in a
// list of tables leads through the last one.
func (w *walk) key(at string, e *unstable.Node) string {
	for keys := e.Key(); keys.Next(); {
		if n := w.tables[at]; n > 0 {
			at = item(at, n-1)
		}
		at = below(at, string(keys.Node().Data))
		w.lines[at] = w.lineOf(keys.Node().Raw)
	}
	return at
}

// value notes what is in a list or an inline table.
func (w *walk) value(at string, value *unstable.Node) {
	switch value.Kind {
	case unstable.InlineTable:
		for pairs := value.Children(); pairs.Next(); {
			w.keyValue(at, pairs.Node())
		}
	case unstable.Array:
		line := w.lines[at]
		for i, items := 0, value.Children(); items.Next(); i++ {
			if raw := items.Node().Raw; raw.Length > 0 {
				line = w.lineOf(raw)
			}
			here := item(at, i)
			w.lines[here] = line
			w.value(here, items.Node())
		}
	}
}

// lineOf gives the line of a part of the text. It counts on from the part before: the parser would count from the
// beginning for each item, which takes minutes for a list of a million.
func (w *walk) lineOf(part unstable.Range) int {
	at := int(part.Offset)
	w.line += bytes.Count(w.text[w.counted:at], []byte("\n"))
	w.counted = at
	return w.line
}
