package lint

import (
	"fmt"

	"mailallow/accessmap/postfix"
	"mailallow/allowlist"
)

// maxShared is for how many lines in a file RELAY on one provider is told of; the others are told of in one.
const maxShared = 8

// sharedRelay finds RELAY on hosts that send for many customers.
func sharedRelay(l *accessLinter) (found []Finding) {
	if l.Shared == nil {
		return nil
	}
	told := map[string]int{}
	folded := map[string]int{} // index of the finding for all the others
	for _, line := range l.lines {
		if line.form != formEntry || !line.prefix.IsValid() || !line.key.ForClients() || !line.says(allowlist.Relay) {
			continue
		}
		title := l.Shared(line.prefix)
		if title == "" {
			continue
		}
		told[title]++
		switch n := told[title]; {
		case n <= maxShared:
			found = append(found, line.found(shown(line.written)+": it holds hosts of "+title+
				": RELAY lets each of their customers relay through this server, OK only lets their mail in", line.written+line.separator+allowlist.OK.String()))
		case n == maxShared+1:
			folded[title] = len(found)
			found = append(found, line.found("", "write OK in the place of RELAY"))
			fallthrough
		default:
			found[folded[title]].Text = fmt.Sprintf("from here on %d more lines have RELAY on hosts of %s", n-maxShared, title)
		}
	}
	return found
}

// sharedNetwork finds them among the hosts that mynetworks lets relay.
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
		Fix: "take it out, and let their mail in with a table of permits"}}
}

// sharedSources finds them among the sources of a configuration.
func sharedSources(c Configuration) (found []Finding) {
	for _, s := range c.SharedRelays {
		found = append(found, Finding{Line: s.Line, Fix: `action = "OK"`,
			Text: fmt.Sprintf("source %q: it holds hosts of %s: RELAY lets each of their customers relay through this server, OK only lets their mail in",
				s.Source, s.Title)})
	}
	return found
}
