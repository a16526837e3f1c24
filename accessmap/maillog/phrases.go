package maillog

import (
	"strings"
	"sync"
)

// Replies are held against some three hundred phrases. One pass over a text tells which
// of them stand in it (Aho and Corasick, 1975); asking for each in turn costs ten times
// the rest of reading a line.

// found is the set of phrases that stand in a text, a bit each.
type found [maxPhrases / 64]uint64

// maxPhrases bounds the phrases of all tables together.
const maxPhrases = 512

func (f *found) set(bit int)      { f[bit/64] |= 1 << (bit % 64) }
func (f *found) has(bit int) bool { return f[bit/64]&(1<<(bit%64)) != 0 }

func (f *found) any(group *found) bool {
	for i := range f {
		if f[i]&group[i] != 0 {
			return true
		}
	}
	return false
}

// matcher finds phrases. States are nodes of the trie of all of them; column 0 of the
// classes is every byte that stands in no phrase.
type matcher struct {
	class [256]uint8
	width int
	next  []uint16   // state * width + class
	ends  [][]uint16 // of each state, the phrases that end there
	bits  map[string]int
}

// bit gives a phrase its place in found, the same one for the same phrase.
func (m *matcher) bit(phrase string) int {
	b, ok := m.bits[phrase]
	if !ok {
		b = len(m.bits)
		m.bits[phrase] = b
	}
	return b
}

func (m *matcher) group(tables ...[]string) (g found) {
	for _, table := range tables {
		for _, phrase := range table {
			g.set(m.bit(phrase))
		}
	}
	return g
}

// build makes the automaton of the phrases that have a bit.
func (m *matcher) build() {
	m.width = 1
	for phrase := range m.bits {
		for i := range len(phrase) {
			if m.class[phrase[i]] == 0 {
				m.class[phrase[i]] = uint8(m.width)
				m.width++
			}
		}
	}
	add := func() uint16 {
		m.next = append(m.next, make([]uint16, m.width)...)
		m.ends = append(m.ends, nil)
		return uint16(len(m.ends) - 1)
	}
	add()
	for phrase, bit := range m.bits {
		state := uint16(0)
		for i := range len(phrase) {
			at := int(state)*m.width + int(m.class[phrase[i]])
			if m.next[at] == 0 {
				child := add()
				m.next[at] = child
			}
			state = m.next[at]
		}
		m.ends[state] = append(m.ends[state], uint16(bit))
	}
	m.link()
}

// link leads from every state, for a byte that does not go on there, to where the
// longest end of what was read goes on: breadth first, since that is a shorter one.
func (m *matcher) link() {
	back := make([]uint16, len(m.ends))
	var queue []uint16
	for c := 1; c < m.width; c++ {
		if child := m.next[c]; child != 0 {
			queue = append(queue, child)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		state := queue[0]
		m.ends[state] = append(m.ends[state], m.ends[back[state]]...)
		for c := 1; c < m.width; c++ {
			at, beyond := int(state)*m.width+c, m.next[int(back[state])*m.width+c]
			if child := m.next[at]; child != 0 {
				back[child] = beyond
				queue = append(queue, child)
			} else {
				m.next[at] = beyond
			}
		}
	}
}

func (m *matcher) in(text string) (f found) {
	state := 0
	for i := range len(text) {
		state = int(m.next[state*m.width+int(m.class[text[i]])])
		for _, bit := range m.ends[state] {
			f.set(int(bit))
		}
	}
	return f
}

// knowledge is the tables of this package, made ready once: they are never changed.
type knowledge struct {
	*matcher
	ordinary, refusals, listWords, otherwise, subjects, verdicts, lookups, atOnce, sayings found
	services                                                                               []serviceBits
	words                                                                                  []listWord
	saying                                                                                 [len(sayings)]int // bits of sayings, in their order
}

type serviceBits struct {
	says, and int // and: -1 where there is none
	zone      string
	words     string
	last      bool // words must end the reply
}

type listWord struct {
	bit  int
	word string
	list int
}

var known = sync.OnceValue(func() *knowledge {
	m := &matcher{bits: map[string]int{}}
	k := &knowledge{matcher: m,
		ordinary: m.group(ordinary[:]), refusals: m.group(refusals[:]), listWords: m.group(listWords[:]),
		otherwise: m.group(otherwise[:]), subjects: m.group(subjects[:]), verdicts: m.group(verdicts[:]),
		lookups: m.group(lookups[:]), atOnce: m.group(atOnce[:]),
	}
	for i, s := range sayings {
		k.saying[i] = m.bit(s.words)
		k.sayings.set(k.saying[i])
	}
	for _, s := range services {
		words, last := strings.CutSuffix(s.says, "$")
		bits := serviceBits{says: m.bit(words), and: -1, zone: s.zone, words: words, last: last}
		if s.and != "" {
			bits.and = m.bit(s.and)
		}
		k.services = append(k.services, bits)
	}
	for i := range lists {
		for _, word := range lists[i].words {
			k.words = append(k.words, listWord{m.bit(word), word, i})
		}
	}
	m.build()
	return k
})

// reply is a text with the phrases that stand in it.
type reply struct {
	text string // in lower case
	*knowledge
	has found
}

func read(text string) reply {
	k := known()
	return reply{text, k, k.in(text)}
}

func (r *reply) says(group *found) bool { return r.has.any(group) }
