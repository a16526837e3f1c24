package maillog

import (
	"strings"
	"sync"
)

// Each reply is searched for some three hundred phrases. One pass over the text finds them all (Aho and Corasick, 1975). A
// search for each phrase in turn would take ten times as long as the rest of reading a line.

// phraseSet is a set of phrases, a bit each.
type phraseSet [maxPhrases / 64]uint64

// maxPhrases bounds the phrases of all tables together.
const maxPhrases = 512

func (s *phraseSet) set(bit int)      { s[bit/64] |= 1 << (bit % 64) }
func (s *phraseSet) has(bit int) bool { return s[bit/64]&(1<<(bit%64)) != 0 }

func (s *phraseSet) any(group *phraseSet) bool {
	for i := range s {
		if s[i]&group[i] != 0 {
			return true
		}
	}
	return false
}

// matcher finds phrases in a text. Its states are the nodes of the trie of all phrases.
type matcher struct {
	class [256]uint8 // of each byte; 0: the byte is in no phrase
	width int        // number of classes
	next  []uint16   // next state, by state * width + class
	ends  [][]uint16 // the phrases that end in each state
	bits  map[string]int
}

// bit gives the place of a phrase in a phraseSet, the same one for the same phrase.
func (m *matcher) bit(phrase string) int {
	b, ok := m.bits[phrase]
	if !ok {
		b = len(m.bits)
		m.bits[phrase] = b
	}
	return b
}

func (m *matcher) group(tables ...[]string) (g phraseSet) {
	for _, table := range tables {
		for _, phrase := range table {
			g.set(m.bit(phrase))
		}
	}
	return g
}

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

// link completes the table: for a byte that continues no phrase in a state, the next state is that of the longest end of the
// text so far that begins a phrase. It goes breadth first, because such an end is shorter.
func (m *matcher) link() {
	back := make([]uint16, len(m.ends)) // of each state, the state of the longest such end
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
			at, fallback := int(state)*m.width+c, m.next[int(back[state])*m.width+c]
			if child := m.next[at]; child != 0 {
				back[child] = fallback
				queue = append(queue, child)
			} else {
				m.next[at] = fallback
			}
		}
	}
}

func (m *matcher) in(text string) (s phraseSet) {
	state := 0
	for i := range len(text) {
		state = int(m.next[state*m.width+int(m.class[text[i]])])
		for _, bit := range m.ends[state] {
			s.set(int(bit))
		}
	}
	return s
}

// phraseTables holds the tables of this package in the form that replies need. Nothing changes it once it is made.
type phraseTables struct {
	*matcher
	ordinary, refusals, listWords, otherReasons, subjects, verdicts, lookupPages, atConnect, introductions phraseSet
	services                                                                                               []servicePhrases
	words                                                                                                  []listWord
	introductionBits                                                                                       [len(introductions)]int // in the order of introductions
}

type servicePhrases struct {
	phrase, and int // bits; and is -1 without a second phrase
	zone        string
	text        string // of the phrase
	last        bool   // the phrase must end the reply
}

type listWord struct {
	bit  int
	word string
	list int
}

var tables = sync.OnceValue(func() *phraseTables {
	m := &matcher{bits: map[string]int{}}
	k := &phraseTables{matcher: m,
		ordinary: m.group(ordinary[:]), refusals: m.group(refusals[:]), listWords: m.group(listWords[:]),
		otherReasons: m.group(otherReasons[:]), subjects: m.group(subjects[:]), verdicts: m.group(verdicts[:]),
		lookupPages: m.group(lookupPages[:]), atConnect: m.group(atConnect[:]),
	}
	for i, s := range introductions {
		k.introductionBits[i] = m.bit(s.words)
		k.introductions.set(k.introductionBits[i])
	}
	for _, s := range services {
		text, last := strings.CutSuffix(s.phrase, "$")
		service := servicePhrases{phrase: m.bit(text), and: -1, zone: s.zone, text: text, last: last}
		if s.and != "" {
			service.and = m.bit(s.and)
		}
		k.services = append(k.services, service)
	}
	for i := range lists {
		for _, word := range lists[i].words {
			k.words = append(k.words, listWord{m.bit(word), word, i})
		}
	}
	m.build()
	return k
})

type reply struct {
	text string // in lower case
	*phraseTables
	phrases phraseSet
}

// newReply finds the phrases in a text in lower case.
func newReply(text string) reply {
	t := tables()
	return reply{text, t, t.in(text)}
}

func (r *reply) hasAny(group *phraseSet) bool { return r.phrases.any(group) }
