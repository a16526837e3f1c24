package spf

import (
	"strings"

	"mailallow/allowlist/pattern"
)

// nearMiss is a record that its owner meant as an SPF record: it would be one but for the text before the version, in it or
// behind it, such as blanks and quotes. Another version, as in v=spf10, is none.
var nearMiss = pattern.New(`(?i)^([^\pL\pN]*)v\s*=\s*spf\s*1([^\pN.]|$)`)

// missed says of the first near miss among TXT records why receivers do not use it, for the end of a message; empty: there is
// none.
func missed(texts []string) string {
	for _, text := range texts {
		found := nearMiss().FindStringSubmatch(text)
		if found == nil {
			continue
		}
		why := "it has no blank behind v=spf1"
		switch before := found[1]; {
		case strings.TrimSpace(before) != "":
			why = "it begins with " + strings.TrimSpace(before)
		case before != "":
			why = "it begins with a blank"
		case !strings.EqualFold(text[:len("v=spf1")], "v=spf1"):
			why = "it does not begin with v=spf1"
		}
		return "; receivers do not take " + quote(text) + " for one, because " + why
	}
	return ""
}
