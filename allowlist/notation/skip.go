package notation

import "bytes"

// comment goes on behind the comment that begins at the present place, if one does. An address right behind a ; may be one of
// the list: it is taken if it is right behind a word too, and told if not.
func (r *reading) comment() bool {
	if !r.Comments {
		return false
	}
	c, apart, begins := r.text[r.pos], r.pos == r.begin || isBlank(r.text[r.pos-1]), r.record == len(r.items)
	switch {
	case c == '#' && (apart || r.afterItem()):
	case c == '/' && apart && bytes.HasPrefix(r.text[r.pos:], []byte("//")):
	case c == ';' && apart && !begins && r.pos+1 < len(r.text) && !isBlank(r.text[r.pos+1]) && r.addressBehind(1):
		r.pos++
		end := r.wordEnd()
		r.tell("may be a comment, or an address of the list", &item{start: r.pos, end: end, line: r.line})
		r.pos = end
		return true
	case c == ';' && (apart || r.Strict && !r.addressBehind(1) && !r.sizeBehind(1)):
	case !begins || !apart || !r.startsComment():
		return false
	}
	end := r.endOfLine(r.pos)
	if r.record == len(r.items) && !r.Strict {
		r.header(bytes.TrimLeft(r.text[r.pos:end], "#; "))
	}
	r.pos = end
	return true
}

// starters begin comments at the beginning of a line. With an address right behind them they begin none: they take it back,
// or it is a point of a list.
var starters = []string{"!", "%", "--"}

func (r *reading) startsComment() bool {
	if bytes.HasPrefix(r.text[r.pos:], []byte("dnl ")) {
		return true
	}
	for _, s := range starters {
		if !bytes.HasPrefix(r.text[r.pos:], []byte(s)) {
			continue
		}
		behind := bytes.TrimLeft(r.text[r.pos+len(s):], s[:1])
		return len(behind) > 0 && (isBlank(behind[0]) || s != "--") && !r.addressBehind(len(r.text)-len(behind)-r.pos)
	}
	return false
}

// addressBehind reports whether the next word, n bytes from here, is or begins like an address.
func (r *reading) addressBehind(n int) bool {
	i := r.pos + n
	for i < len(r.text) && (r.text[i] == ' ' || r.text[i] == '\t') {
		i++
	}
	d := dressed{text: r.text, i: i, strict: r.Strict}
	_, _, ok := d.open()
	return ok
}

// sizeBehind reports whether a prefix length or a number is n bytes from here, and nothing more of its word: 192.0.2.0;24.
func (r *reading) sizeBehind(n int) bool {
	i := r.pos + n
	i += slashAt(r.text, i)
	value, end, ok := numberAt(r.text, i)
	return ok && value <= maxAddress*8 && (end == len(r.text) || isBlank(r.text[end]) || r.text[end] == ';' || r.text[end] == ',')
}

// endOfLine gives the end of the line of i, or of the record where a mark ends it. It remembers the last one.
func (r *reading) endOfLine(i int) int {
	if i < r.lineEnd {
		return r.lineEnd - 1
	}
	for i < len(r.text) && r.text[i] != '\n' && (!r.Marks || r.text[i] != RecordMark) {
		i++
	}
	r.lineEnd = i + 1
	return i
}

// spans are what is not to be read, as programs and Markdown mark it.
var spans = [...]struct {
	open, close string
	struck      bool // without an end, it strikes out the rest of its line
	oneLine     bool
}{
	{open: "<!--", close: "-->"},
	{open: "/*", close: "*/"},
	{open: "~~", close: "~~", oneLine: true},
	{open: "<del", close: "</del>", struck: true},
	{open: "<s", close: "</s>", struck: true},
	{open: "<strike", close: "</strike>", struck: true},
}

// span goes on behind what is not to be read, if the text has such a thing at the present place.
func (r *reading) span() bool {
	if c := r.text[r.pos]; !r.Comments || c != '<' && c != '/' && c != '~' {
		return false
	}
	for i, s := range spans {
		rest := r.text[r.pos:]
		if len(rest) <= len(s.open) || !bytes.EqualFold(rest[:len(s.open)], []byte(s.open)) || s.struck && rest[len(s.open)] != '>' && rest[len(s.open)] != ' ' {
			continue
		}
		end := r.spanEnd(i, s.oneLine || s.open == "/*" && r.record < len(r.items))
		switch {
		case end >= 0:
			r.line += bytes.Count(r.text[r.pos:end], []byte("\n"))
			r.pos = end
			r.separate(',')
			return true
		case s.struck:
			end := r.endOfLine(r.pos)
			r.tell("is struck out, and the mark has no end", &item{start: r.pos, end: end, line: r.line})
			r.pos = end
			return true
		}
	}
	return false
}

// spanEnd gives the end of the span of that kind that begins here, or -1. It remembers how far there is none in either case.
func (r *reading) spanEnd(kind int, oneLine bool) int {
	i := r.pos + len(spans[kind].open)
	within := r.text[i:]
	if oneLine {
		within = r.text[i:r.endOfLine(i)]
	}
	sign := []byte(spans[kind].close)
	for upper, sign := range [][]byte{sign, bytes.ToUpper(sign)} {
		if i < r.spansTo[kind][upper] {
			continue
		}
		if n := bytes.Index(within, sign); n >= 0 {
			return i + n + len(sign)
		}
		r.spansTo[kind][upper] = i + len(within)
	}
	return -1
}
