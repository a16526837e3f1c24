package postfix

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist/ascii"
)

// errPattern says that smtpd cannot read a pattern of mynetworks.
var errPattern = errors.New("a pattern that Postfix cannot read")

// isMember finds out whether a client is one of mynetworks: the first pattern that matches its name or its address decides
// (match_list.c and match_ops.c in Postfix). An empty name is not looked up. A pattern that Postfix cannot read is an error for
// all clients that come to it (docs/facts.md 28).
func (w *walk) isMember(s *Step, name string) (bool, error) {
	var words []string
	for _, item := range w.m.Lists["mynetworks"].Items {
		words = append(words, item.Name)
	}
	patterns, err := w.patterns(words, maxNesting)
	for _, pattern := range patterns {
		matches, matchErr := w.matches(strings.TrimLeft(pattern, "!"), name)
		if matches {
			s.Asked, s.Answer = w.client.Addr.String(), pattern
			return !Excludes(pattern), nil
		}
		if matchErr != nil {
			return false, fmt.Errorf("mynetworks: %s: %w", pattern, matchErr)
		}
	}
	return false, err
}

// patterns replaces each /file by its patterns. After a file that cannot be read, there are none.
func (w *walk) patterns(words []string, depth int) (all []string, err error) {
	for _, word := range words {
		bare := strings.TrimLeft(word, "!")
		if strings.HasPrefix(bare, "#") {
			break
		}
		if !strings.HasPrefix(bare, "/") || depth == 0 {
			all = append(all, word)
			continue
		}
		text, err := w.answers.Patterns(w.ctx, bare)
		if err != nil {
			return all, err
		}
		for line := range strings.Lines(string(text)) {
			inside, err := w.patterns(Patterns(line), depth-1)
			for _, pattern := range inside {
				all = append(all, word[:len(word)-len(bare)]+pattern)
			}
			if err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// Patterns gives the patterns in a line of the file of a /path in mynetworks.
func Patterns(line string) (words []string) {
	for _, word := range split(line) {
		if word[0] == '#' {
			break
		}
		words = append(words, word)
	}
	return words
}

// matches compares one pattern with the client.
func (w *walk) matches(pattern, name string) (bool, error) {
	addr := w.client.Addr.String()
	if pattern != "" && pattern[0] != '[' && strings.Contains(pattern, ":") {
		var keys []string
		if name != "" {
			keys = w.m.nameKeys(name, pattern, "mynetworks")
		}
		key, _, err := w.answers.Lookup(w.ctx, pattern, append(keys, addr))
		return key != "", err
	}
	pattern, name = ascii.Lower(pattern), ascii.Lower(name)
	parent := pattern
	if w.m.matchesParents("mynetworks") {
		parent = "." + pattern
	}
	switch {
	case pattern == "": // a ! alone, with which smtpd does not start
		return false, errPattern
	case name != "" && (name == pattern || strings.HasPrefix(parent, ".") && strings.HasSuffix(name, parent)):
		return true, nil
	case pattern == addr || pattern == "["+addr+"]":
		return true, nil
	case strings.Contains(addr, ":") != strings.Contains(pattern, ":"),
		!strings.ContainsAny(pattern, ":/"), strings.Trim(pattern, "0123456789abcdef:.[]/") != "":
		return false, nil
	}
	network, err := network(pattern)
	return err == nil && network.Contains(w.client.Addr), err
}

// network is ParsePattern where Postfix refuses a pattern with host bits.
func network(pattern string) (netip.Prefix, error) {
	p, ok := ParsePattern(pattern)
	switch {
	case !ok:
		return p, errPattern
	case p != p.Masked():
		return p, fmt.Errorf("host address bits are set: perhaps %s is meant: %w", p.Masked(), errPattern)
	}
	return p, nil
}
