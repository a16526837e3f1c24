package lint

import (
	"fmt"

	"mailallow/accessmap/postfix"
	"mailallow/allowlist"
)

// maxShared bounds the findings about one provider in a file. One more finding counts the other lines.
const maxShared = 8

// sharedRelay finds entries with RELAY for hosts that send for many customers.
func sharedRelay(l *accessLinter) (found []Finding) {
	if l.Shared == nil {
		return nil
	}
	lines := map[string]int{} // of each provider
	rest := map[string]int{}  // index of the finding that counts the other lines
	for _, line := range l.lines {
		if line.form != formEntry || !line.prefix.IsValid() || !line.key.ForClients() || !line.says(allowlist.Relay) {
			continue
		}
		title := l.Shared(line.prefix)
		if title == "" {
			continue
		}
		lines[title]++
		switch n := lines[title]; {
		case n <= maxShared:
			found = append(found, line.found(shown(line.written)+": it holds hosts of "+title+
				": RELAY lets each of their customers relay through this server, OK only lets their mail in", line.written+line.separator+allowlist.OK.String()))
		case n == maxShared+1:
			rest[title] = len(found)
			found = append(found, line.found("", "write OK instead of RELAY"))
			fallthrough
		default:
			found[rest[title]].Text = fmt.Sprintf("from this line on %d more lines have RELAY for hosts of %s", n-maxShared, title)
		}
	}
	return found
}

// sharedNetwork finds such hosts in mynetworks.
func sharedNetwork(l *postfixLinter, item postfix.Item) []Finding {
	p, ok := readPattern(item.Name)
	if !ok || p != p.Masked() || l.Shared == nil {
		return nil
	}
	title := l.Shared(p)
	if title == "" {
		return nil
	}
	return []Finding{{Text: fmt.Sprintf("mynetworks has %s, which holds hosts of %s: each of their customers may relay through this server", item.Name, title),
		Fix: "remove it, and let their mail in with a table that permits them"}}
}

// sharedSources finds such hosts in the sources of a configuration.
func sharedSources(c Configuration) (found []Finding) {
	for _, s := range c.SharedRelays {
		found = append(found, Finding{Line: s.Line, Fix: `action = "OK"`,
			Text: fmt.Sprintf("source %q: it holds hosts of %s: RELAY lets each of their customers relay through this server, OK only lets their mail in",
				s.Source, s.Title)})
	}
	return found
}
