package postfix

import (
	"slices"
	"strconv"
	"strings"

	"mailallow/allowlist/ascii"
)

// clientAccess asks a table about a client's name and then its address. shown is the client as replies have it.
func (w *walk) clientAccess(s *Step, name, shown, class string) status {
	var keys []string
	if name == "" && !isOnlyOfAddresses(s.Argument) {
		asked := *s
		w.notAsked(s, "keys of the client's name, which is not known: --name gives it")
		s = &asked
		w.steps = append(w.steps, s)
	}
	if name != "" {
		keys = w.m.nameKeys(name, s.Argument, "smtpd_access_maps")
	}
	keys = append(keys, addressKeys(w.client.Addr.String(), s.Argument)...)
	key, value, err := w.answers.Lookup(w.ctx, s.Argument, keys)
	switch {
	case err != nil && w.unknown(err):
		return w.notAsked(s, err.Error())
	case err != nil:
		s.Why = err.Error()
		value = "451 4.3.5 Server configuration error"
	case key == "":
		return undecided
	}
	s.Asked, s.Answer = key, value
	return w.accessValue(s, value, shown, class)
}

// nameKeys gives the keys that smtpd looks up for a name: itself, then its parent domains. feature is that of the table in
// parent_domain_matches_subdomains.
func (m *Main) nameKeys(name, table, feature string) []string {
	name = ascii.Lower(name)
	keys := []string{name}
	if isPattern(table) {
		return keys
	}
	parents := m.matchesParents(feature)
	for rest := name; ; {
		_, parent, more := strings.Cut(strings.TrimPrefix(rest, "."), ".")
		if !more || parent == "" {
			return keys
		}
		if rest = parent; !parents {
			rest = "." + parent
		}
		keys = append(keys, rest)
	}
}

// matchesParents reports whether a domain stands for the names below it in a feature, and not .domain.
func (m *Main) matchesParents(feature string) bool {
	return slices.Contains(split(m.setting("parent_domain_matches_subdomains")), feature)
}

// addressKeys gives the keys that smtpd looks up for an address: itself, then its networks at the borders of its text.
func addressKeys(addr, table string) []string {
	keys := []string{addr}
	separator := "."
	if strings.Contains(addr, ":") {
		separator = ":"
	}
	for at := strings.LastIndex(addr, separator); at >= 0 && !isPattern(table); at = strings.LastIndex(addr, separator) {
		addr = addr[:at]
		keys = append(keys, addr)
	}
	return keys
}

// tableTypes gives the types that a TYPE:TABLE names, those inside unionmap:{} and pipemap:{} too.
func tableTypes(table string) (types []string) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(table, "proxy:"), ":")
	if inside, braced := strings.CutPrefix(rest, "{"); braced && (kind == "unionmap" || kind == "pipemap") {
		for _, t := range split(strings.TrimSuffix(inside, "}")) {
			types = append(types, tableTypes(t)...)
		}
		return types
	}
	return []string{kind}
}

// isPattern reports whether the keys of a table are patterns, in which smtpd does not look up parts of a name or an address.
func isPattern(table string) bool {
	return slices.ContainsFunc(tableTypes(table), func(kind string) bool {
		return slices.Contains([]string{"cidr", "regexp", "pcre", "tcp", "socketmap", "randmap", "fail"}, kind)
	})
}

// isOnlyOfAddresses reports whether no name can match in a table.
func isOnlyOfAddresses(table string) bool {
	return !slices.ContainsFunc(tableTypes(table), func(kind string) bool { return kind != "cidr" })
}

// accessValue does what the value of an access table says (access(5); check_table_result in smtpd_check.c).
func (w *walk) accessValue(s *Step, value, shown, class string) status {
	word, text, _ := strings.Cut(strings.ReplaceAll(value, "\t", " "), " ")
	text = strings.TrimLeft(text, " ")
	refusal := func(code int, dsn, standard string) reply {
		r := reply{code: code, dsn: dsn, text: text}
		if given, rest, _ := strings.Cut(text, " "); isEnhanced(given) {
			r.dsn, r.text = given, strings.TrimLeft(rest, " ")
		}
		if r.text == "" {
			r.text = standard
		}
		if strings.HasPrefix(r.dsn[1:], ".1.") {
			r.dsn = "4.0.0" // a code about mail addresses, and this is none
		}
		r.text = "<" + shown + ">: " + class + " rejected: " + r.text
		return r
	}
	code, notNumber := strconv.Atoi(word)
	switch upper := strings.ToUpper(word); {
	case slices.Contains([]string{"DUNNO", "INFO", "WARN", "FILTER", "HOLD", "REDIRECT", "BCC", "PREPEND"}, upper):
		return undecided
	case upper == "REJECT":
		return w.refuse(s, refusal(w.m.number("access_map_reject_code"), "5.7.1", "Access denied"))
	case upper == "DEFER":
		return w.refuse(s, refusal(w.m.number("access_map_defer_code"), "4.7.1", "Access denied"))
	case upper == "HANGUP":
		return w.hangUp(s, "smtpd breaks the connection off")
	case upper == "DISCARD":
		return w.discard(s)
	case upper == "DEFER_IF_PERMIT":
		return w.defersPermit(s, refusal(w.m.number("access_map_defer_code"), "4.7.1", "Service unavailable"))
	case upper == "DEFER_IF_REJECT":
		return w.defersReject(s, refusal(w.m.number("access_map_defer_code"), "4.7.1", "Service unavailable"))
	case upper == "OK", upper == "RELAY", value != "" && strings.Trim(value, "0123456789") == "", strings.TrimSpace(value) == "":
		return w.permit(s)
	case notNumber == nil && len(word) == 3 && text != "" && (word[0] == '4' || word[0] == '5'):
		return w.refuse(s, refusal(code, word[:1]+".7.1", "Access denied"))
	case strings.Contains(value, ":"):
		return w.broken(s, "the value of an access table must not name a table")
	case w.depth >= maxDepth:
		return w.broken(s, "the value names itself")
	}
	return w.nested(s, value, shown, class)
}

// nested asks the restrictions in the value of a table, which refuse what the table was asked about. A single one counts as what
// the table itself does.
func (w *walk) nested(s *Step, value, shown, class string) status {
	items := w.m.items(value, s.List)
	for i := range items {
		items[i].WarnOnly = items[i].WarnOnly || s.WarnOnly
	}
	at, before := w.at, len(w.steps)
	w.at.name, w.at.class = shown, class
	w.depth++
	st := w.restrictions(items, s)
	w.depth--
	w.at = at
	if inner := w.steps[before:]; len(inner) == 1 && inner[0].Asked == "" {
		s.Does, s.Reply, s.Why = inner[0].Does, inner[0].Reply, inner[0].Why
		w.steps = w.steps[:before]
	}
	return st
}

// discard has the mail thrown away. Before there is a message, and in front of a filter, the value does nothing.
func (w *walk) discard(s *Step) status {
	if !slices.Contains(w.at.has, ofSender) || w.m.setting("smtpd_proxy_filter") != "" {
		return undecided
	}
	s.Does, w.discards = Discards, true
	return permitted
}
