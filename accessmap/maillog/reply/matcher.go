package reply

import "strings"

// Each reply is searched for some six hundred phrases. A search for each phrase in turn would take ten times as long as the rest
// of reading a line. A phrase is compared only where its first bytes are, and those are found by a table.

// group is a set of tables of phrases and of rules, a bit each.
type group uint64

// matcher finds the groups of the phrases in a text.
type matcher struct {
	alike   [1 << hashBits]uint16 // the place in phrases by the hash of the first bytes; 0: no phrase begins so
	phrases [][]phrase            // those whose first bytes have the same hash
}

type phrase struct {
	text string
	group
}

const (
	// first is how many bytes the hash is of. No phrase is shorter.
	first = 3
	// hashBits makes the table so large that few other bytes have the hash of a phrase, and so small that it stays in the cache.
	hashBits = 13
)

// hash takes the last bytes of a text as a number, the last one in the lowest bits.
func hash(text uint32) uint32 {
	const odd = 0x9e3779b1 // spreads the bits (Knuth, The Art of Computer Programming, section 6.4)
	return text << (8 * (4 - first)) * odd >> (32 - hashBits)
}

func newMatcher(groups map[string]group) *matcher {
	m := &matcher{phrases: make([][]phrase, 1)}
	for text, g := range groups {
		h := hash(uint32(text[0])<<16 | uint32(text[1])<<8 | uint32(text[2]))
		if m.alike[h] == 0 {
			m.alike[h] = uint16(len(m.phrases))
			m.phrases = append(m.phrases, nil)
		}
		m.phrases[m.alike[h]] = append(m.phrases[m.alike[h]], phrase{text, g})
	}
	return m
}

func (m *matcher) in(text string) (found group) {
	last := uint32(0)
	for i := range len(text) {
		last = last<<8 | uint32(text[i])
		at := m.alike[hash(last)]
		if at == 0 || i < first-1 {
			continue
		}
		for _, p := range m.phrases[at] {
			if p.group&^found != 0 && strings.HasPrefix(text[i-(first-1):], p.text) {
				found |= p.group
			}
		}
	}
	return found
}
