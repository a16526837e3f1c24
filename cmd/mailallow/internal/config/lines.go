package config

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/exit"
)

// place is a table, a key or an item of a list in the document.
type place struct {
	name  string  // with the numbers of items, as in "source[2].cidr[1]"
	table string  // without them
	below []field // the keys that may follow
	known bool
}

// indexer walks the document of a file.
type indexer struct {
	*File
	text    []byte
	counted int // of text, in bytes
	line    int // at which they end
	unknown int // keys; maxUnknownKeys of them are problems
}

// index notes the line of every key and of every item of a list, and the keys that are unknown. The text parses: it is
// decoded already. A key in other letters is unknown, too: the decoder takes it, and a second spelling would override
// the first.
func (c *File) index(text []byte) {
	var p unstable.Parser
	p.Reset(text)
	x := &indexer{File: c, text: text, line: 1}
	document := place{below: documentFields(), known: true}
	table, count := document, map[string]int{}
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.KeyValue:
			x.keyValue(table, e)
		case unstable.Table:
			table = x.key(document, e)
		case unstable.ArrayTable:
			if table = x.key(document, e); table.known {
				count[table.name]++
				table = x.item(table, count[table.name]-1, c.lines[table.name])
			}
		}
	}
	if more := x.unknown - maxUnknownKeys; more > 0 {
		c.problems = append(c.problems, &fault.AtLine{Place: c.path, Err: fmt.Errorf("and %d unknown keys more", more)})
	}
}

func (x *indexer) keyValue(table place, e *unstable.Node) {
	if at := x.key(table, e); at.known {
		x.value(at, e.Value())
	}
}

// key follows the key of an expression from its table, as far as it is known.
func (x *indexer) key(at place, e *unstable.Node) place {
	for keys := e.Key(); at.known && keys.Next(); {
		key := string(keys.Node().Data)
		line := x.lineOf(keys.Node().Raw)
		field, known := find(at.below, key)
		if !known {
			x.unknownKey(at, key, line)
			return place{}
		}
		at = place{strings.TrimPrefix(at.name+"."+key, "."), strings.TrimPrefix(at.table+"."+key, "."), field.below, true}
		x.lines[at.name] = line
	}
	return at
}

// unknownKey notes an unknown key, with the nearest known one.
func (x *indexer) unknownKey(table place, key string, line int) {
	if x.unknown++; x.unknown > maxUnknownKeys {
		return
	}
	where, keys := "", []string{}
	for _, f := range table.below {
		keys = append(keys, f.key)
	}
	if table.table != "" {
		where = " in [" + table.table + "]"
	}
	err := fmt.Errorf("unknown key %q%s%s", key, where, exit.DidYouMean(key, keys))
	x.problems = append(x.problems, &fault.AtLine{Place: x.path, Line: line, Err: err})
}

// value notes what is in a list or an inline table.
func (x *indexer) value(at place, value *unstable.Node) {
	switch value.Kind {
	case unstable.InlineTable:
		for pairs := value.Children(); pairs.Next(); {
			x.keyValue(at, pairs.Node())
		}
	case unstable.Array:
		line := x.lines[at.name]
		for i, items := 0, value.Children(); items.Next(); i++ {
			if raw := items.Node().Raw; raw.Length > 0 {
				line = x.lineOf(raw)
			}
			x.value(x.item(at, i, line), items.Node())
		}
	}
}

func (x *indexer) item(list place, number, line int) place {
	list.name = fmt.Sprintf("%s[%d]", list.name, number)
	x.lines[list.name] = line
	return list
}

// lineOf gives the line of a part of the text. It counts on from the part before, which the walk has come by: the parser
// would count from the beginning for each item, which takes minutes for a list of a million.
func (x *indexer) lineOf(part unstable.Range) int {
	at := int(part.Offset)
	x.line += bytes.Count(x.text[x.counted:at], []byte("\n"))
	x.counted = at
	return x.line
}

// Line is the line of a place such as "source[2].cidr[1]". A key that is not written
// has the line of its table; 0 means that the table is not written either.
func (c *File) Line(place string) int {
	for {
		if line := cmp.Or(c.lines[place], c.lines[place+"[0]"]); line > 0 {
			return line
		}
		dot := strings.LastIndexByte(place, '.')
		if dot < 0 {
			return 0
		}
		place = place[:dot]
	}
}
