package access

import (
	"fmt"

	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
)

// maxShared bounds the findings about one provider in a file. One more finding counts the other lines.
const maxShared = 8

// sharedRelay finds entries with RELAY for hosts that send for many customers.
func sharedRelay(l *linter) (found []rule.Finding) {
	if l.Shared == nil {
		return nil
	}
	lines := map[string]int{} // of each provider
	rest := map[string]int{}  // index of the finding that counts the other lines
	for _, line := range l.lines {
		if line.form != formEntry || !line.prefix.IsValid() || !line.key.ForClients() || !line.says(allowlist.Relay) || l.Limits.Wide(line.prefix) {
			continue
		}
		title := l.Shared(line.prefix)
		if title == "" {
			continue
		}
		lines[title]++
		switch n := lines[title]; {
		case n <= maxShared:
			found = append(found, line.Found(rule.Shown(line.written)+": it holds hosts of "+title+
				": RELAY lets each of their customers relay through this server, OK only lets their mail in", line.written+line.separator+allowlist.OK.String()))
		case n == maxShared+1:
			rest[title] = len(found)
			found = append(found, line.Found("", "write OK instead of RELAY"))
			fallthrough
		default:
			found[rest[title]].Text = fmt.Sprintf("from this line on %d more lines have RELAY for hosts of %s", n-maxShared, title)
		}
	}
	return found
}
