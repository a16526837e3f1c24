package report

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go4.org/netipx"

	"mailallow/allowlist"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The map of the IPv4 space is a Hilbert curve of /16 networks: addresses that are near in number are near on it, and every
// network of an even length is a square.
const (
	order      = 8       // of the curve: its side has 2^order cells
	cells      = 1 << 16 // of a /16 each
	colours    = 7       // sources with a colour of their own; the others share one
	maxMap     = 400_000 // bytes of all squares; a list spread wider is drawn coarser
	maxOutline = 60_000  // bytes of an outline; a longer one would hide the map
	maxLegend  = 100     // rows of the legend
	maxIPv6    = 200     // rows of the list of IPv6
	maxNamed   = 4       // sources, and actions, named in one of these rows
)

// mapView is the section of the page.
type mapView struct {
	Cell       string // the network that a cell is
	Text       string
	Layers     []layer
	Came, Gone string // outlines
	Outlined   string // what they are; empty: there are none
	Legend     []legendRow
	IPv6       []ipv6Row
	MoreIPv6   int
}

// layer is the squares of one colour and action.
type layer struct {
	Colour int // 1 to colours, and 0 for the sources that share one
	Action string
	Path   string
}

type legendRow struct {
	Colour       int
	Action, Name string
	Addresses    string
	Cells        int
}

type ipv6Row struct {
	Prefix, Actions, Sources string
	Networks                 int
}

// class is what decides the look of a cell: a source of the list under an action.
type class struct {
	source string
	action allowlist.Action
}

// compare orders classes by source, and those of one by action.
func (c class) compare(d class) int {
	return cmp.Or(strings.Compare(c.source, d.source), cmp.Compare(c.action, d.action))
}

// filledCell is a cell of the map that is not empty.
type filledCell struct {
	at   int // on the curve
	look class
}

// mapOf draws the list.
func (g *gathering) mapOf(result *run.Result, sizes *sizes) (v mapView) {
	addresses, used := map[class]uint64{}, map[class]int{}
	six := map[netip.Prefix]*ipv6Row{}
	filled := fill(result.List.Set, addresses, six)
	for _, c := range filled {
		used[c.look]++
	}
	colour := coloursOf(addresses)
	v.Cell = "/16"
	byLook, length := layersOf(filled, colour)
	if length > maxMap {
		v.Cell = "/14"
		byLook, _ = layersOf(coarser(filled), colour)
	}
	looks := slices.Collect(maps.Keys(byLook))
	sort.Slice(looks, func(i, j int) bool { return looks[i].compare(looks[j]) < 0 })
	for _, look := range looks {
		n, _ := strconv.Atoi(look.source)
		v.Layers = append(v.Layers, layer{n, look.action.String(), byLook[look].String()})
	}
	v.Legend = legend(addresses, used, colour)
	var four uint64
	for _, n := range addresses {
		four += n
	}
	v.Text = fmt.Sprintf("%s, in %s of the 65,536 /16 networks of the IPv4 space.", terminal.Counted(four, "address", "addresses"), terminal.Grouped(uint64(total(used))))
	g.outline(result, sizes, &v)
	v.IPv6, v.MoreIPv6 = sixRows(six)
	return v
}

// layersOf draws the squares of each colour and action, and gives the length of all paths.
func layersOf(filled []filledCell, colour map[string]int) (byLook map[class]*strings.Builder, length int) {
	looks := map[class]class{}
	coloured := make([]filledCell, len(filled))
	for i, c := range filled {
		look, known := looks[c.look]
		if !known {
			look = class{strconv.Itoa(colour[c.look.source]), c.look.action}
			looks[c.look] = look
		}
		coloured[i] = filledCell{c.at, look}
	}
	byLook = squares(coloured)
	for _, path := range byLook {
		length += path.Len()
	}
	return byLook, length
}

// coarser makes one cell of each four, with the class of the first that has one.
func coarser(filled []filledCell) (all []filledCell) {
	for _, c := range filled {
		if four := c.at / 4 * 4; len(all) == 0 || all[len(all)-1].at < four {
			for i := range 4 {
				all = append(all, filledCell{four + i, c.look})
			}
		}
	}
	return all
}

func total(used map[class]int) (n int) {
	for _, m := range used {
		n += m
	}
	return n
}

// fill gives the cells in order, each with the class that has most addresses in it, and counts addresses and IPv6 networks.
func fill(set *allowlist.Set, addresses map[class]uint64, six map[netip.Prefix]*ipv6Row) (filled []filledCell) {
	current, inCell := -1, map[class]uint64{}
	flush := func() {
		var best class
		for c, n := range inCell {
			if n > inCell[best] || n == inCell[best] && c.compare(best) < 0 {
				best = c
			}
		}
		if current >= 0 {
			filled = append(filled, filledCell{current, best})
		}
		clear(inCell)
	}
	for s := range set.Spans() {
		c := class{source: s.Source(), action: s.Action()}
		if s.From.Is6() {
			addSix(six, s, c)
			continue
		}
		from, to := number(s.From), number(s.To)
		addresses[c] += to - from + 1
		for at := from; at <= to; {
			cell := int(at >> 16)
			if cell != current {
				flush()
				current = cell
			}
			end := min(to, at|0xffff)
			inCell[c] += end - at + 1
			at = end + 1
		}
	}
	flush()
	return filled
}

func number(addr netip.Addr) uint64 {
	four := addr.As4()
	return uint64(binary.BigEndian.Uint32(four[:]))
}

// addSix counts a span in the /32 that it is in, or in its own network where that is wider.
func addSix(six map[netip.Prefix]*ipv6Row, s allowlist.Span, c class) {
	at, _ := s.From.Prefix(32)
	if bits := s.Prefix().Bits(); bits < 32 {
		at = s.Prefix()
	}
	row := six[at]
	if row == nil {
		row = &ipv6Row{Prefix: at.String()}
		six[at] = row
	}
	row.Networks++
	for _, add := range []struct {
		to   *string
		text string
	}{{&row.Actions, c.action.String()}, {&row.Sources, c.source}} {
		have := strings.Split(*add.to, ", ")
		switch {
		case *add.to == "":
			*add.to = add.text
		case slices.Contains(have, add.text) || len(have) > maxNamed:
		case len(have) == maxNamed:
			*add.to += ", ..."
		default:
			*add.to += ", " + add.text
		}
	}
}

func sixRows(six map[netip.Prefix]*ipv6Row) (rows []ipv6Row, more int) {
	networks := slices.Collect(maps.Keys(six))
	sort.Slice(networks, func(i, j int) bool { return networks[i].Compare(networks[j]) < 0 })
	for _, p := range networks {
		if len(rows) == maxIPv6 {
			more++
			continue
		}
		rows = append(rows, *six[p])
	}
	return rows, more
}

// coloursOf gives a colour to the sources with most addresses.
func coloursOf(addresses map[class]uint64) map[string]int {
	sum := map[string]uint64{}
	for c, n := range addresses {
		sum[c.source] += n
	}
	colour := map[string]int{}
	sources := slices.Sorted(maps.Keys(sum))
	sort.SliceStable(sources, func(i, j int) bool { return sum[sources[i]] > sum[sources[j]] })
	for i, source := range sources {
		if i < colours {
			colour[source] = i + 1
		}
	}
	return colour
}

func legend(addresses map[class]uint64, used map[class]int, colour map[string]int) (rows []legendRow) {
	all := slices.Collect(maps.Keys(addresses))
	sort.Slice(all, func(i, j int) bool {
		return cmp.Or(cmp.Compare(addresses[all[j]], addresses[all[i]]), all[i].compare(all[j])) < 0
	})
	for _, c := range all[:min(len(all), maxLegend)] {
		rows = append(rows, legendRow{colour[c.source], c.action.String(), c.source, terminal.Grouped(addresses[c]), used[c]})
	}
	return rows
}

// squares draws cells, which are in order, into a path for each look, in the largest squares.
func squares(filled []filledCell) map[class]*strings.Builder {
	into := map[class]*strings.Builder{}
	var draw func(in []filledCell, from, size int)
	draw = func(in []filledCell, from, size int) {
		switch {
		case len(in) == 0:
			return
		case len(in) == size && !slices.ContainsFunc(in, func(c filledCell) bool { return c.look != in[0].look }):
			if into[in[0].look] == nil {
				into[in[0].look] = &strings.Builder{}
			}
			square(into[in[0].look], from, size)
			return
		}
		for range 4 {
			n, _ := slices.BinarySearchFunc(in, from+size/4, func(c filledCell, at int) int { return cmp.Compare(c.at, at) })
			draw(in[:n], from, size/4)
			in, from = in[n:], from+size/4
		}
	}
	draw(filled, 0, cells)
	return into
}

// square draws the square of size cells, a power of four, that begins at a cell.
func square(b *strings.Builder, at, size int) {
	x, y := place(at)
	side := 1
	for ; side*side < size; side *= 2 {
	}
	x, y = x/side*side, y/side*side
	n := strconv.Itoa(side)
	b.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(y) + "h" + n + "v" + n + "h-" + n + "z")
}

// place gives the column and row of a cell on the curve, which begins at the top left and ends at the top right.
func place(at int) (x, y int) {
	for side := 1; side < 1<<order; side *= 2 {
		right, down := at>>1&1, (at^at>>1)&1
		if down == 0 {
			if right == 1 {
				x, y = side-1-x, side-1-y
			}
			x, y = y, x
		}
		x, y = x+side*right, y+side*down
		at >>= 2
	}
	return x, y
}

// outline marks what the next update would change; where it changes nothing, what came and went with the last change.
func (g *gathering) outline(result *run.Result, sizes *sizes, v *mapView) {
	var came, gone marks
	n := 0
	v.Outlined = "what the next update would add (a line) and take away (a broken line)"
	for _, p := range result.Plans {
		for _, c := range p.Difference() {
			for network := range c.Added.Networks() {
				n += came.touch(network)
			}
			for network := range c.Removed.Networks() {
				n += gone.touch(network)
			}
		}
	}
	if last := sizes.changed; n == 0 && !last.At.IsZero() {
		v.Outlined = "what came (a line) and went (a broken line) with the last change, on " + last.At.Format(day)
		entries, _ := sizes.log.Entries(last.At, func(e history.Entry) bool { return e.ID == last.Entry })
		for _, e := range entries {
			for _, s := range e.Sources {
				added, removed := s.Networks()
				for p := range added.All() {
					n += came.touch(p)
				}
				for p := range removed.All() {
					n += gone.touch(p)
				}
			}
		}
	}
	v.Came, v.Gone = came.outline(), gone.outline()
	if n == 0 || len(v.Came)+len(v.Gone) > maxOutline {
		v.Came, v.Gone, v.Outlined = "", "", ""
	}
}

// marks are the cells that are marked; nil: none.
type marks []bool

// touch marks the cells of a network, and gives 1 if it has some: one of IPv6 has none.
func (m *marks) touch(p netip.Prefix) int {
	if !p.Addr().Is4() {
		return 0
	}
	if *m == nil {
		*m = make(marks, cells)
	}
	from, to := number(p.Addr())>>16, number(netipx.PrefixLastIP(p))>>16
	for at := from; at <= to; at++ {
		(*m)[at] = true
	}
	return 1
}

func (m marks) outline() string {
	var filled []filledCell
	for at, marked := range m {
		if marked {
			filled = append(filled, filledCell{at: at})
		}
	}
	if len(filled) == 0 {
		return ""
	}
	return squares(filled)[class{}].String()
}

// labels number the /8 networks.
func labels() markup {
	var b strings.Builder
	for n := range 256 {
		x, y := place(n << 8)
		b.WriteString(string(put(`<text x="%" y="%">%</text>`, strconv.Itoa(x/16*16+1), strconv.Itoa(y/16*16+5), strconv.Itoa(n))))
	}
	return markup(b.String())
}
