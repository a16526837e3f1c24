package postfix

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"mailallow/allowlist/dnsbl"
)

// postscreen is the part of the session before smtpd, for a client that postscreen does not remember: the access list, then all
// lists in the DNS together, then the tests after the greeting, after which a new client has to come again. What refuses later
// replaces an earlier refusal, unless that has ended the session.
func (w *walk) postscreen() Verdict {
	by := w.screenAccess()
	if by != nil && (by.Does == Exempt || isDrop(by.Reply)) {
		return w.screened(by)
	}
	if s := w.screenDNSBLs(); s != nil && (s.Does == Refuses || s.Does == Exempt && by == nil) {
		by = s
	}
	if by == nil {
		by = w.screenAgain()
	}
	return w.screened(by)
}

// screened is the verdict by a step that refuses or exempts the client; nil: by none.
func (w *walk) screened(by *Step) Verdict {
	if by == nil || by.Does != Refuses {
		return Verdict{Outcome: Accepted}
	}
	v := Verdict{Outcome: Refused, At: "RCPT", By: by}
	if isDrop(by.Reply) {
		v.At = "CONNECT"
	}
	if by.Reply[0] == '5' && w.m.setting("soft_bounce") == "yes" {
		by.Reply = "4" + by.Reply[1:4] + "4" + by.Reply[5:]
	}
	if v.Reply = by.Reply; v.Reply[0] == '4' {
		v.Outcome = Deferred
	}
	return v
}

// isDrop reports whether postscreen breaks the session off with a reply.
func isDrop(reply string) bool { return len(reply) > 3 && reply[1:3] == "21" }

// screenAccess gives the step of postscreen_access_list that exempts or refuses the client; nil: none does.
func (w *walk) screenAccess() *Step {
	s, answer := w.screenList(w.m.Lists["postscreen_access_list"].Items, nil)
	switch answer {
	case "permit":
		s.Does = Exempt
		return s
	case "reject":
		action := w.m.setting("postscreen_denylist_action", "postscreen_blacklist_action")
		code := screenCode(action)
		if code == "" {
			s.Does, s.Why = OnlyLogs, "postscreen_denylist_action = "+action
			return nil
		}
		s.Does, s.Reply = Refuses, code+" 5.3.2 Service currently unavailable"
		return s
	}
	return nil
}

// screenCode is the code of a refusal for an action; empty: it refuses nothing.
func screenCode(action string) string {
	return map[string]string{"enforce": "550", "drop": "521"}[action]
}

// screenList asks the items of postscreen_access_list, or those in the value of a table; from is then the step of the table,
// else nil. After a word that postscreen does not know, it ignores the rest of the list. A table in the value of a table it
// does not know either, but there it goes on with the list (server_acl.c in Postfix; docs/facts.md 10).
func (w *walk) screenList(items []Item, from *Step) (by *Step, answer string) {
	if from == nil && w.hasPlace("postscreen_access_list", first) {
		return &Step{}, "permit"
	}
	for position, item := range items {
		s := from
		if from == nil {
			if w.hasPlace("postscreen_access_list", position) {
				return &Step{}, "permit"
			}
			s = &Step{List: "postscreen_access_list", Item: item, Position: position, Does: GoesOn}
			w.steps = append(w.steps, s)
		}
		var err error
		switch word := strings.ToLower(item.Name); {
		case word == "permit", word == "reject":
			return s, word
		case word == "dunno":
			return s, ""
		case word == "permit_mynetworks":
			member := false
			if member, err = w.isMember(s, ""); member {
				return s, "permit"
			}
		case strings.Contains(word, ":") && from != nil:
			s.Why = "the value of an access table must not name a table: postscreen goes on behind this one"
			return s, ""
		case strings.Contains(word, ":"):
			if by, answer, err = w.screenTable(s); answer != "" {
				return by, answer
			}
		default:
			s.Why = "postscreen does not know " + item.Name + " here, and ignores the rest of the list"
			return s, "error"
		}
		switch {
		case err != nil && w.unknown(err):
			w.notAsked(s, err.Error())
		case err != nil:
			s.Why = err.Error() + ": postscreen ignores the rest of the list"
			return s, "error"
		}
	}
	return nil, ""
}

// screenTable asks a table about the client's address.
func (w *walk) screenTable(s *Step) (by *Step, answer string, err error) {
	key, value, err := w.answers.Lookup(w.ctx, s.Name, []string{w.client.Addr.String()})
	if err != nil || key == "" {
		return s, "", err
	}
	s.Asked, s.Answer = key, value
	var items []Item
	for _, word := range split(value) {
		items = append(items, Item{Name: word})
	}
	by, answer = w.screenList(items, s)
	return by, answer, nil
}

// site is an item of postscreen_dnsbl_sites: ZONE[=FILTER][*WEIGHT].
type site struct {
	domain, pattern string
	hasPattern      bool
	weight          int
}

func parseSite(text string) site {
	text, weight, weighs := strings.Cut(text, "*")
	s := site{weight: 1}
	if weighs {
		s.weight, _ = strconv.Atoi(weight)
	}
	s.domain, s.pattern, s.hasPattern = strings.Cut(text, "=")
	return s
}

// site is an item with its account key.
func (w *walk) site(item Item) site {
	return parseSite(w.m.WithKey(item.Name))
}

// askSites asks all sites at the same time, as postscreen does. Answers keep what they say.
func (w *walk) askSites(items []Item) {
	var wait sync.WaitGroup
	for _, item := range items {
		wait.Go(func() { w.answers.A(w.ctx, dnsbl.Reverse(w.client.Addr)+"."+w.site(item).domain) })
	}
	wait.Wait()
}

// screenDNSBLs adds up the weights of the sites that list the client, and gives the step of the sum; nil: there is no site.
func (w *walk) screenDNSBLs() *Step {
	items := w.m.Lists["postscreen_dnsbl_sites"].Items
	if len(items) == 0 {
		return nil
	}
	sum := &Step{List: "postscreen_dnsbl_sites", Position: len(items), Does: GoesOn}
	sum.Item = Item{Name: "postscreen_dnsbl_threshold", Argument: w.m.setting("postscreen_dnsbl_threshold")}
	w.askSites(items)
	heaviest, blamed, tied := 0, "", ""
	for position, item := range items {
		site := w.site(item)
		s := &Step{List: sum.List, Item: item, Position: position, Does: GoesOn}
		w.steps = append(w.steps, s)
		zone := site.domain
		if site.hasPattern {
			zone += "=" + site.pattern
		}
		l := w.lookUp(s, dnsbl.Reverse(w.client.Addr), zone)
		switch {
		case l.err != nil && w.unknown(l.err):
			w.notAsked(s, s.Why)
		case l.listed:
			s.Does, s.Score = Counts, site.weight
			switch sum.Score += site.weight; {
			case blamed == "" || heaviest < site.weight:
				heaviest, blamed, tied = site.weight, site.domain, ""
			case heaviest == site.weight && blamed != site.domain:
				tied = site.domain
			}
		}
	}
	w.steps = append(w.steps, sum)
	if w.screenSum(sum, blamed); tied != "" && sum.Does == Refuses {
		sum.Why = "or " + dnsbl.HideKeys(tied) + ", if that answers first"
	}
	return sum
}

// screenSum compares the sum with both thresholds.
func (w *walk) screenSum(sum *Step, blamed string) {
	threshold := w.m.number("postscreen_dnsbl_threshold")
	allow := w.m.number("postscreen_dnsbl_allowlist_threshold", "postscreen_dnsbl_whitelist_threshold")
	switch {
	case sum.Score < threshold && allow < 0 && sum.Score <= allow:
		sum.Does = Exempt
		return
	case sum.Score < threshold:
		return
	}
	action := w.m.setting("postscreen_dnsbl_action")
	code := screenCode(action)
	if code == "" {
		sum.Does, sum.Why = OnlyLogs, "postscreen_dnsbl_action = "+action
		return
	}
	if table := w.m.setting("postscreen_dnsbl_reply_map"); table != "" {
		if _, name, err := w.answers.Lookup(w.ctx, table, []string{blamed}); err == nil && name != "" {
			blamed = name
		}
	}
	sum.Does = Refuses
	sum.Reply = dnsbl.HideKeys(code + " 5.7.1 Service unavailable; client [" + w.client.Addr.String() + "] blocked using " + blamed)
}

// screenAgain finds what sends a new client away to come again: the tests after the greeting cannot hand a session on to smtpd.
func (w *walk) screenAgain() *Step {
	for _, name := range []string{"postscreen_pipelining_enable", "postscreen_non_smtp_command_enable", "postscreen_bare_newline_enable"} {
		if w.m.setting(name) == "yes" {
			s := &Step{List: name, Item: Item{Name: name, Argument: "yes"}, Does: Refuses, Reply: "450 4.3.2 Service currently unavailable",
				Why: "a new client is tested, and let in when it comes again"}
			w.steps = append(w.steps, s)
			return s
		}
	}
	if interfaces := w.m.setting("postscreen_allowlist_interfaces", "postscreen_whitelist_interfaces"); !slices.Contains([]string{"static:all", "all"}, interfaces) {
		w.steps = append(w.steps, &Step{List: "postscreen_allowlist_interfaces", Item: Item{Name: interfaces}, Does: NotAsked,
			Why: "which of this host's addresses the client connects to is not known"})
	}
	return nil
}
