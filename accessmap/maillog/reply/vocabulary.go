package reply

import (
	"strings"
	"sync"
)

// word is the meaning of a word.
type word struct {
	class
	negation, filler, possessive, host, neighbour bool // it is one of these: see words.go
	opens                                         bool // it may begin a phrase of two words
}

// vocabulary holds the tables of words as the parser uses them.
type vocabulary struct {
	words   map[string]word
	phrases map[string]class
	lengths [256]uint64 // of the words, a bit each, by their first byte: most other words are told by them, at no cost
}

// longestPhrase bounds the phrases of two words, in bytes.
const longestPhrase = 40

var vocabularyOf = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{words: map[string]word{}, phrases: map[string]class{}}
	mark := func(list string, set func(*word)) {
		for name := range strings.FieldsSeq(list) {
			w := v.words[name]
			set(&w)
			v.words[name] = w
		}
	}
	for _, row := range singles {
		mark(row.text, func(w *word) { w.class |= row.class })
	}
	mark(fillers, func(w *word) { w.filler = true })
	mark(negations, func(w *word) { w.negation = true })
	mark(possessives, func(w *word) { w.possessive = true })
	mark(hosts, func(w *word) { w.host = true })
	mark(neighbours, func(w *word) { w.neighbour = true })
	for _, row := range pairs {
		for phrase := range strings.SplitSeq(row.text, ", ") {
			v.phrases[phrase] |= row.class
			first, _, _ := strings.Cut(phrase, " ")
			mark(first, func(w *word) { w.opens = true })
		}
	}
	for name := range v.words {
		v.lengths[name[0]] |= 1 << min(len(name), 63)
	}
	return v
})

// meaning gives the meaning of a word in a reply.
func (v *vocabulary) meaning(name string) word {
	if name == "" || v.lengths[name[0]]&(1<<min(len(name), 63)) == 0 {
		return word{filler: strings.HasSuffix(name, "ly")}
	}
	w, known := v.words[name]
	w.filler = w.filler || !known && strings.HasSuffix(name, "ly")
	return w
}
