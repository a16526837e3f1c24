// Package provenance holds the paths that lead to the ranges of a source: in an SPF policy the name and each term below
// it, in a list the line. Ranges share the steps above them, because a policy can have a hundred thousand terms behind
// fifty includes. The package does not know the ranges.
package provenance

import (
	"cmp"
	"slices"
	"strconv"
)

// MaxSteps bounds the steps of a path that a snapshot holds: the domain, the deepest chain of includes that the
// configuration allows (MaxDepth), and a term.
const MaxSteps = MaxDepth + 2

// MaxDepth is the largest number of includes and redirects above a record. No policy in use has ten.
const MaxDepth = 1000

// Path is a step with the steps above it. A nil Path has no steps. Paths do not change, so that ranges and other paths
// share them.
type Path struct {
	above *Path
	step  string
	line  uint32 // a line of the list that above names; 0: a step of its own
}

// nodeBytes is the memory that a step takes besides its text, in bytes.
const nodeBytes = 32

// Of gives the path with these steps, the topmost first.
func Of(steps ...string) (p *Path) {
	for _, step := range steps {
		p = p.Then(step)
	}
	return p
}

// Then gives the path that goes on with step below p.
func (p *Path) Then(step string) *Path { return &Path{above: p, step: step} }

// AtLine gives the path to a line, counted from 1, of the list that p names. It has as many steps as p.
func (p *Path) AtLine(line uint32) *Path { return &Path{above: p, line: line} }

// Line gives the list and the line of a path that AtLine made; line is 0 for another path.
func (p *Path) Line() (list *Path, line uint32) {
	if p == nil || p.line == 0 {
		return nil, 0
	}
	return p.above, p.line
}

// Place is where a path ends: at a line of a list, or at the step of a path, whose Line is 0. It needs no memory of its own.
type Place struct {
	Path *Path
	Line uint32
}

// Place gives where p ends.
func (p *Path) Place() Place {
	if list, line := p.Line(); line > 0 {
		return Place{list, line}
	}
	return Place{Path: p}
}

// To gives the path that ends there.
func (at Place) To() *Path {
	if at.Line > 0 {
		return at.Path.AtLine(at.Line)
	}
	return at.Path
}

// AppendTo appends the path that ends there, as Path.AppendTo does.
func (at Place) AppendTo(b []byte) []byte {
	if b = at.Path.AppendTo(b); at.Line > 0 {
		b = strconv.AppendUint(append(b, ':'), uint64(at.Line), 10)
	}
	return b
}

// Compare orders places as Path.Compare orders the paths to them.
func (at Place) Compare(other Place) int {
	if at.Path == other.Path {
		return cmp.Compare(at.Line, other.Line)
	}
	return at.To().Compare(other.To())
}

// Nodes gives the path to each step of p, the topmost first. A line has none of its own.
func (p *Path) Nodes() (nodes []*Path) {
	for ; p != nil; p = p.above {
		if p.line == 0 {
			nodes = append(nodes, p)
		}
	}
	slices.Reverse(nodes)
	return nodes
}

// Above gives p without its last step; nil is no step.
func (p *Path) Above() *Path { return p.above }

// Step gives the last step; it is empty for a line.
func (p *Path) Step() string { return p.step }

// String gives the path on one line.
func (p *Path) String() string {
	var most [128]byte // of most paths
	return string(p.AppendTo(most[:0]))
}

// AppendTo appends the path on one line, the topmost step first. A line follows the name of its list: offices.cidr:12.
func (p *Path) AppendTo(b []byte) []byte {
	switch {
	case p == nil:
		return b
	case p.line > 0:
		return p.Place().AppendTo(b)
	case p.above != nil:
		b = append(p.above.AppendTo(b), " > "...)
	}
	return append(b, p.step...)
}

// Compare orders paths step by step, lines by number. Two paths are equal if they have the same steps.
func (p *Path) Compare(q *Path) int {
	if p != nil && q != nil && p.above == q.above { // as of most that are compared
		return compareStep(p, q)
	}
	pLevel, qLevel := p.level(), q.level()
	above, aboveQ := p, q
	for range pLevel - qLevel {
		above = above.above
	}
	for range qLevel - pLevel {
		aboveQ = aboveQ.above
	}
	return cmp.Or(compareLevel(above, aboveQ), cmp.Compare(pLevel, qLevel))
}

// compareLevel compares paths of one level. It ends at the step that both share.
func compareLevel(p, q *Path) int {
	if p == q {
		return 0
	}
	if above := compareLevel(p.above, q.above); above != 0 {
		return above
	}
	return compareStep(p, q)
}

// compareStep puts the lines of a list before steps below it.
func compareStep(p, q *Path) int {
	if p.line > 0 && q.line == 0 {
		return -1
	}
	if p.line == 0 && q.line > 0 {
		return 1
	}
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.step, q.step))
}

// level is the number of steps and of the line.
func (p *Path) level() (n int) {
	for ; p != nil; p = p.above {
		n++
	}
	return n
}

// Meter counts the bytes of the paths of a source, each step once.
type Meter struct {
	Bytes int64
	last  *Path
	steps map[*Path]bool // of last and the paths beside it
}

// Add counts the steps of p that the path before it does not have. Paths in the order of a policy share steps with the
// one before them.
func (m *Meter) Add(p *Path) {
	switch {
	case p == m.last:
		return
	case p != nil && m.last != nil && p.above == m.last.above: // most are neighbours
		m.count(p)
	default:
		steps := map[*Path]bool{}
		for q := p; q != nil; q = q.above {
			if steps[q] = true; !m.steps[q] {
				m.count(q)
			}
		}
		m.steps = steps
	}
	m.last = p
}

func (m *Meter) count(p *Path) {
	if p.line == 0 { // a list keeps the number of a line with its network
		m.Bytes += int64(len(p.step)) + nodeBytes
	}
}
