package reply

// Each reply is searched for some three hundred phrases. One pass over the text finds the groups of all that are in it (Aho
// and Corasick, 1975). A search for each phrase in turn would take ten times as long as the rest of reading a line.

// group is a set of tables of phrases and of rules, a bit each.
type group uint64

// matcher finds the groups of the phrases in a text. Its states are the nodes of the trie of all phrases.
type matcher struct {
	class  [256]uint8 // of each byte; 0: the byte is in no phrase
	width  int        // number of classes
	next   []uint16   // next state, by state * width + class
	groups []group    // of the phrases that end in each state
}

func newMatcher(phrases map[string]group) *matcher {
	m := &matcher{width: 1}
	for phrase := range phrases {
		for i := range len(phrase) {
			if m.class[phrase[i]] == 0 {
				m.class[phrase[i]] = uint8(m.width)
				m.width++
			}
		}
	}
	add := func() uint16 {
		m.next = append(m.next, make([]uint16, m.width)...)
		m.groups = append(m.groups, 0)
		return uint16(len(m.groups) - 1)
	}
	add()
	for phrase, g := range phrases {
		state := uint16(0)
		for i := range len(phrase) {
			at := int(state)*m.width + int(m.class[phrase[i]])
			if m.next[at] == 0 {
				child := add()
				m.next[at] = child
			}
			state = m.next[at]
		}
		m.groups[state] |= g
	}
	m.link()
	return m
}

// link completes the table: for a byte that continues no phrase in a state, the next state is that of the longest end of the
// text so far that begins a phrase. It goes breadth first, because such an end is shorter.
func (m *matcher) link() {
	back := make([]uint16, len(m.groups)) // of each state, the state of the longest such end
	var queue []uint16
	for c := 1; c < m.width; c++ {
		if child := m.next[c]; child != 0 {
			queue = append(queue, child)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		state := queue[0]
		m.groups[state] |= m.groups[back[state]]
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

func (m *matcher) in(text string) (found group) {
	state := 0
	for i := range len(text) {
		state = int(m.next[state*m.width+int(m.class[text[i]])])
		found |= m.groups[state]
	}
	return found
}
