package postfix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
)

// maxReply bounds a reply, in bytes (RFC 5321 section 4.5.3.1.5, as smtpd has it).
const maxReply = 510

// maxDepth bounds restrictions in the values of access tables, as smtpd does.
const maxDepth = 100

// status is what the restrictions so far say.
type status int

const (
	undecided status = iota
	permitted        // the list ends
	refused          // the session ends
)

// stage is a list of smtpd, and what the session has when the list is asked.
type stage struct {
	list    string
	command string // the one that gets a refusal
	name    string // what is refused, as replies have it
	class   string
	has     []part
	ends    bool // defer_if_permit takes effect after this list
	begins  bool // defer_if_reject is forgotten before this list
}

// stages are the lists of smtpd for a message, in their order.
func (m *Main) stages() []stage {
	client := stage{list: "smtpd_client_restrictions", command: "CONNECT", name: "CLIENT", class: "Client host", begins: true}
	helo := stage{list: "smtpd_helo_restrictions", command: "HELO", name: "HELO", class: "Helo command", has: []part{ofHelo}, begins: true}
	sender := stage{list: "smtpd_sender_restrictions", command: "MAIL", name: "SENDER", class: "Sender address", has: []part{ofHelo, ofSender}, begins: true}
	all := []part{ofHelo, ofSender, ofRecipient}
	first := stage{list: "smtpd_relay_restrictions", command: "RCPT", name: "RECIPIENT", class: "Recipient address", has: all, begins: true}
	second := stage{list: "smtpd_recipient_restrictions", command: "RCPT", name: "RECIPIENT", class: "Recipient address", has: all, ends: true}
	if m.setting("smtpd_relay_before_recipient_restrictions") == "no" {
		first.list, second.list = second.list, first.list
	}
	if m.setting("smtpd_delay_reject") != "no" {
		for _, s := range []*stage{&client, &helo, &sender} {
			s.command, s.has = "RCPT", all
		}
	}
	data := stage{list: "smtpd_data_restrictions", command: "DATA", name: "DATA", class: "Data command", has: all, begins: true, ends: true}
	end := stage{list: "smtpd_end_of_data_restrictions", command: "END-OF-MESSAGE", name: "END-OF-MESSAGE", class: "End-of-data", has: all, begins: true, ends: true}
	return []stage{client, helo, sender, first, second, data, end}
}

// walk is one session of a client.
type walk struct {
	ctx     context.Context
	m       *Main
	client  Client
	answers Answers
	places  []Place // permits for the client that main.cf does not have
	foreign bool    // the recipient is of another server

	steps       []*Step
	at          stage
	by          *Step    // the step that refuses
	deferPermit deferral // of defer_if_permit
	deferReject deferral // of defer_if_reject
	discards    bool
	depth       int // of access tables whose values have restrictions
}

// deferral is what a permit or a refusal becomes; without a step: it stays what it is.
type deferral struct {
	reply
	by *Step
}

// reply is a refusal.
type reply struct {
	code   int
	dsn    string // its enhanced status code (RFC 3463)
	text   string
	always bool // also after warn_if_reject: smtpd cannot do its work
}

// run is the whole session.
func (w *walk) run() Verdict {
	if w.client.Addr = w.client.Addr.Unmap(); w.m.setting("smtpd_peername_lookup") == "no" {
		w.client.Name = Unnamed
	}
	if w.m.Postscreen {
		if v := w.postscreen(); v.Outcome != Accepted {
			return v
		}
	}
	if !w.m.guardsRelaying() {
		return Verdict{Outcome: Deferred, At: "CONNECT", By: &Step{List: "smtpd_relay_restrictions", Does: Refuses,
			Why: "smtpd ends at its start: no reject_unauth_destination in smtpd_relay_restrictions or smtpd_recipient_restrictions"}}
	}
	for _, s := range w.m.stages() {
		if s.begins {
			w.deferReject = deferral{}
		}
		if w.at = s; w.at.name == "CLIENT" {
			w.at.name = w.client.String()
		}
		st := w.restrictions(w.m.Lists[s.list].Items, nil)
		if d := w.deferPermit; s.ends && st != refused && d.by != nil {
			st = w.refuse(d.by, d.reply)
		}
		if st == refused {
			return w.refusal()
		}
		if s.ends {
			w.deferPermit = deferral{}
		}
	}
	for _, name := range []string{"smtpd_milters", "smtpd_milter_maps"} {
		if value := w.m.setting(name); value != "" {
			w.steps = append(w.steps, &Step{List: name, Item: Item{Name: value}, Does: NotAsked, Why: "a milter may refuse"})
		}
	}
	v := Verdict{Outcome: Accepted}
	for _, s := range w.steps {
		if s.Does == Discards {
			v.Outcome, v.By = Discarded, s
		}
	}
	return v
}

// String is the client as smtpd has it in replies. NAME stands for a name that is not known.
func (c Client) String() string {
	name := c.Name
	if name == "" {
		name = "NAME"
	}
	return name + "[" + c.Addr.String() + "]"
}

// guardsRelaying reports whether smtpd starts: a list that decides about recipients refuses by default
// (smtpd_relay_restrictions in postconf(5)). A permit hides what is behind it in its own list or class.
func (m *Main) guardsRelaying() bool {
	seen := map[string]bool{}
	return m.guards(m.Lists["smtpd_recipient_restrictions"].Value, seen) || m.guards(m.Lists["smtpd_relay_restrictions"].Value, seen)
}

// guards reports whether restrictions refuse by default. Classes in seen do not.
func (m *Main) guards(restrictions string, seen map[string]bool) bool {
	words := split(restrictions)
	for i := 0; i < len(words); i++ {
		class, isClass := m.classes[words[i]]
		isClass = isClass && !seen[words[i]]
		seen[words[i]] = true
		switch word := strings.ToLower(words[i]); {
		case word == "warn_if_reject":
			i++
		case word == "permit":
			return false
		case slices.Contains(guardsOfRelaying(), word), isClass && m.guards(class, seen):
			return true
		}
	}
	return false
}

// guardsOfRelaying are the restrictions that smtpd takes for a refusal by default.
func guardsOfRelaying() []string {
	return []string{"reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit", "check_relay_domains"}
}

// refusal is the verdict after a step that refused.
func (w *walk) refusal() Verdict {
	v := Verdict{Outcome: Refused, At: w.at.command, Reply: w.by.Reply, By: w.by}
	if v.Reply == "" || v.Reply[0] == '4' {
		v.Outcome = Deferred
	}
	return v
}

// restrictions asks the restrictions of a list, or those that the value of an access table has. from is then the step that asked
// the table.
func (w *walk) restrictions(items []Item, from *Step) status {
	for position, item := range items {
		if w.discards {
			break
		}
		s := &Step{List: w.at.list, Item: item, Position: position, Does: GoesOn}
		if from != nil {
			s.Position = from.Position
		} else if w.hasPlace(s.List, position) {
			return permitted
		}
		w.steps = append(w.steps, s)
		if st := w.restriction(s); st != undecided {
			return st
		}
		if w.deferPermit.by != nil && w.deferReject.by != nil {
			break
		}
	}
	return undecided
}

// restriction asks one restriction.
func (w *walk) restriction(s *Step) status {
	r, known := w.m.known[s.Name]
	isTable := strings.HasPrefix(s.Name, "check_") && (strings.HasSuffix(s.Name, "_access") || s.Name == "check_policy_service")
	switch {
	case !known:
		return w.broken(s, "smtpd knows no such restriction")
	case isTable && !strings.Contains(s.Argument, ":"):
		return w.broken(s, "it lacks its TYPE:TABLE")
	case r.argument && s.Argument == "":
		return undecided
	case r.needs.what() != "" && !slices.Contains(w.at.has, r.needs):
		return undecided
	case r.check == nil:
		return w.notAsked(s, r.needs.what())
	}
	return r.check(w, s)
}

// refuse answers with a reply, as far as warn_if_reject, defer_if_reject and soft_bounce let it.
func (w *walk) refuse(s *Step, r reply) status {
	if r.code < 400 || r.code > 599 || !isEnhanced(r.dsn) {
		r = reply{code: 450, dsn: "4.7.1", text: "Service unavailable"}
	}
	warns := s.WarnOnly && !r.always
	if d := w.deferReject; !warns && d.by != nil && r.code >= 500 {
		r, w.deferReject = d.reply, deferral{}
	}
	if w.m.setting("soft_bounce") == "yes" && r.code >= 500 {
		r.code -= 100
	}
	class := fmt.Sprint(r.code / 100)
	text := fmt.Sprintf("%d %s%s %s", r.code, class, r.dsn[1:], r.text)
	s.Does, s.Reply = Refuses, ascii.Printable(dnsbl.HideKeys(text[:min(len(text), maxReply)]), 2*maxReply)
	if warns {
		s.Does = OnlyLogs
		return undecided
	}
	w.by = s
	return refused
}

// hangUp is the end of a connection without a reply.
func (w *walk) hangUp(s *Step, why string) status {
	s.Does, s.Why, w.by = Refuses, why, s
	return refused
}

// broken is the answer of an smtpd whose settings are wrong.
func (w *walk) broken(s *Step, why string) status {
	s.Why = why
	return w.refuse(s, reply{code: 451, dsn: "4.3.5", text: "Server configuration error", always: true})
}

func (w *walk) notAsked(s *Step, why string) status {
	s.Does, s.Why = NotAsked, why
	return undecided
}

// unknown reports whether an error of Answers leaves the answer unknown: it is none of Postfix's.
func (w *walk) unknown(err error) bool { return errors.Is(err, fs.ErrPermission) || w.ctx.Err() != nil }

// isEnhanced reports whether text is an enhanced status code (RFC 3463).
func isEnhanced(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || !slices.Contains([]string{"2", "4", "5"}, parts[0]) {
		return false
	}
	return !slices.ContainsFunc(parts[1:], func(p string) bool { return p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" })
}
