package reply

import (
	"strings"
	"sync"
)

// vocabulary holds the tables of words as the parser uses them.
type vocabulary struct {
	words   map[string]class
	phrases map[string]class
	lengths [256]uint64 // by the first byte of words, a bit for each length that they have: it excludes most other words at no cost
}

// longestPhrase bounds the phrases of two words, in bytes.
const longestPhrase = 40

var vocabularyOf = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{words: map[string]class{}, phrases: map[string]class{}}
	for _, row := range singles {
		for name := range strings.FieldsSeq(row.text) {
			v.words[name] |= row.class
		}
	}
	for _, row := range pairs {
		for phrase := range strings.SplitSeq(row.text, ", ") {
			v.phrases[phrase] |= row.class
			word, _, _ := strings.Cut(phrase, " ")
			v.words[word] |= opens
		}
	}
	for name := range v.words {
		v.lengths[name[0]] |= 1 << min(len(name), 63)
	}
	return v
})

// meaning gives the meaning of a word in a reply.
func (v *vocabulary) meaning(name string) class {
	if name != "" && v.lengths[name[0]]&(1<<min(len(name), 63)) != 0 {
		if c, known := v.words[name]; known {
			return c
		}
	}
	if strings.HasSuffix(name, "ly") {
		return filler
	}
	return 0
}
