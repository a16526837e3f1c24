package explain

import (
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/postfix"
	"mailallow/cmd/mailallow/internal/terminal"
)

// serverNames are the servers as people call them.
func serverNames() map[string]string {
	return map[string]string{"postfix": "Postfix", "sendmail": "Sendmail"}
}

// tellServer writes what a mail server answers: each list or ruleset with its steps, and the verdict as the last line.
func tellServer(t *terminal.Terminal, d serverDocument) {
	t.Data(terminal.Bold, "  %s on this host (%s)", serverNames()[d.Server], d.Config)
	if d.Error != "" {
		line(t, terminal.Yellow, 4, "verdict", "not known: %s", d.Error)
		return
	}
	list := ""
	for _, s := range d.Steps {
		if s.List != list {
			list = s.List
			t.Data(terminal.Plain, "    %s", list)
		}
		for i, part := range terminal.Wrap(s.text(), max(t.Width()-8, 2*terminal.Narrowest)) {
			t.Data(s.style(), "%s%s", strings.Repeat(" ", 6+2*min(i, 1)), part)
		}
	}
	line(t, d.Verdict.style(), 4, "verdict", "%s", d.Verdict)
}

// text is a step in words: what was asked, what was answered, what follows.
func (s stepDocument) text() string {
	var parts []string
	switch {
	case s.Effect == postfix.NotAsked:
		parts = append(parts, "not asked: "+s.Why)
	case s.isList && s.Answer != "":
		parts = append(parts, "answers "+s.Answer)
		if s.Meaning != "" {
			parts[0] += " (" + s.Meaning + ")"
		}
	case s.isList && s.Why == "":
		parts = append(parts, "does not list it")
	case s.Answer != "" && s.Asked != "":
		parts = append(parts, fmt.Sprintf("%s has %q", s.Asked, s.Answer))
	}
	if s.Why != "" && s.Effect != postfix.NotAsked {
		parts = append(parts, s.Why)
	}
	if words := s.effect(); words != "" {
		parts = append(parts, words)
	}
	item := s.Item
	if s.Class != "" {
		item += " (class " + s.Class + ")"
	}
	return strings.TrimPrefix(item+": ", ": ") + strings.Join(parts, "; ")
}

// effect is what follows from a step, in words.
func (s stepDocument) effect() string {
	switch s.Effect {
	case postfix.EndsList:
		return "permits, and ends this list"
	case postfix.RelaysToAll:
		return "permits, and lets it relay to anywhere"
	case postfix.Exempt:
		return "it passes postscreen without a test"
	case postfix.Refuses:
		if s.Reply == "" {
			return "the connection breaks off"
		}
		return fmt.Sprintf("refuses with %q", s.Reply)
	case postfix.OnlyLogs:
		return strings.TrimSpace("a refusal is only logged " + s.Reply)
	case postfix.Counts:
		return fmt.Sprintf("counts %d", s.Score)
	case postfix.DefersPermit:
		return "a later permit becomes a deferral"
	case postfix.DefersReject:
		return "a later refusal becomes a deferral"
	case postfix.Discards:
		return "the mail is taken and thrown away"
	case quarantines:
		return fmt.Sprintf("the mail goes into quarantine: %q", s.Reply)
	case postfix.GoesOn:
		if strings.HasPrefix(s.Item, "postscreen_dnsbl_threshold") {
			return fmt.Sprintf("the sum is %d, so it goes on", s.Score)
		}
		return "goes on"
	}
	return ""
}

func (s stepDocument) style() terminal.Style {
	switch s.Effect {
	case postfix.Refuses, postfix.Discards:
		return terminal.Red
	case postfix.EndsList, postfix.Exempt:
		return terminal.Green
	case postfix.RelaysToAll, postfix.NotAsked:
		return terminal.Yellow
	}
	return terminal.Plain
}

// String is the verdict in a sentence: the outcome, with which text and by what, and what would change it.
func (v *verdictDocument) String() string {
	by := v.Item
	if v.List != v.At && v.List != "" {
		by += " in " + v.List
	}
	text := v.Outcome
	switch v.Outcome {
	case "refused", "deferred":
		text = fmt.Sprintf("%s at %s with %q, by %s", v.Outcome, v.At, v.Reply, by)
		if v.Reply == "" {
			text = fmt.Sprintf("%s at %s without a reply, by %s", v.Outcome, v.At, by)
		}
	case "discarded", "quarantined":
		text = fmt.Sprintf("accepted, and %s by %s", v.Outcome, by)
	case "accepted":
		text += map[bool]string{true: ", and it relays to anywhere", false: ", and it does not relay"}[v.Relays]
	}
	switch n := len(v.NotAsked); n {
	case 0:
	case 1:
		text += ", as far as these decide (not asked: " + v.NotAsked[0] + ")"
	default:
		text += ", as far as these decide (" + terminal.Counted(uint64(n), "", "restrictions were not asked") + ")"
	}
	if len(v.Change) > 0 {
		text += ". What would change it: " + strings.Join(v.Change, "; or ")
	}
	return text
}

func (v *verdictDocument) style() terminal.Style {
	switch {
	case slices.Contains([]string{"refused", "deferred", "discarded"}, v.Outcome):
		return terminal.Red
	case v.Relays:
		return terminal.Yellow
	}
	return terminal.Green
}
