package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// indexLines notes the line of every key and of every item of a list. The text
// parses: it is decoded already.
func (c *File) indexLines(text []byte) {
	var p unstable.Parser
	p.Reset(text)
	lines := lineStarts(text)
	table, count := "", map[string]int{}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.ArrayTable:
			name, line := lines.key(e)
			table = fmt.Sprintf("%s[%d]", name, count[name])
			count[name]++
			c.lines[table] = line
		case unstable.Table:
			name, line := lines.key(e)
			table = name
			c.lines[table] = line
		case unstable.KeyValue:
			name, line := lines.key(e)
			if table != "" {
				name = table + "." + name
			}
			c.lines[name] = line
			if value := e.Value(); value.Kind == unstable.Array {
				for i, items := 0, value.Children(); items.Next(); i++ {
					item := items.Node()
					if item.Raw.Length > 0 {
						line = lines.of(item.Raw)
					}
					c.lines[fmt.Sprintf("%s[%d]", name, i)] = line
				}
			}
		}
	}
}

// starts are the offsets at which lines begin. The parser would count lines from the
// beginning for each item, which takes minutes for a list of a million.
type starts []int

func lineStarts(text []byte) starts {
	all := starts{0}
	for i, c := range text {
		if c == '\n' {
			all = append(all, i+1)
		}
	}
	return all
}

func (s starts) of(r unstable.Range) int {
	line, isStart := slices.BinarySearch(s, int(r.Offset))
	if isStart {
		line++
	}
	return line
}

func (s starts) key(e *unstable.Node) (name string, line int) {
	var parts []string
	for keys := e.Key(); keys.Next(); {
		parts = append(parts, string(keys.Node().Data))
		if line == 0 {
			line = s.of(keys.Node().Raw)
		}
	}
	return strings.Join(parts, "."), line
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
