package postfix

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mailallow/allowlist/dnsbl"
)

// maxReason bounds the reason of a list in a reply, in bytes, as smtpd does.
const maxReason = 500

// lookup is what a list in the DNS says about a client.
type lookup struct {
	codes  []netip.Addr
	listed bool // a code that the item's filter takes
	err    error
}

// lookUp asks a list: ZONE, or ZONE=FILTER.
func (w *walk) lookUp(s *Step, labels, zone string) (l lookup) {
	domain, pattern, hasPattern := strings.Cut(zone, "=")
	filter, err := parseFilter(pattern)
	if hasPattern && err != nil {
		s.Why = err.Error()
		return lookup{err: err}
	}
	s.Asked = dnsbl.HideKeys(labels + "." + domain)
	l.codes, l.err = w.answers.A(w.ctx, labels+"."+domain)
	var texts []string
	for _, code := range l.codes {
		texts = append(texts, code.String())
	}
	s.Answer = strings.Join(texts, " ")
	if l.err != nil {
		s.Why = dnsbl.HideKeys(l.err.Error())
		return l
	}
	l.listed = len(l.codes) > 0 && (!hasPattern || slices.ContainsFunc(l.codes, filter.matches))
	return l
}

// zone is the zone of the item with its key.
func (w *walk) zone(s *Step) string {
	return w.m.WithKey(s.Argument)
}

func (w *walk) rejectListed(s *Step) status {
	return w.rejectIn(s, w.zone(s), dnsbl.Reverse(w.client.Addr), w.client.Addr.String(), "Client host")
}

// rejectIn refuses a client that a list has. smtpd lets it go on if the list does not answer.
func (w *walk) rejectIn(s *Step, zone, labels, what, class string) status {
	l := w.lookUp(s, labels, zone)
	switch {
	case errors.Is(l.err, errFilter):
		return w.hangUp(s, s.Why)
	case l.err != nil && w.unknown(l.err):
		return w.notAsked(s, s.Why)
	case !l.listed:
		return undecided
	}
	return w.rejectBy(s, zone, labels, what, class)
}

// rejectBy refuses with the reply for a list.
func (w *walk) rejectBy(s *Step, zone, labels, what, class string) status {
	template, err := w.template(zone)
	if err != nil {
		return w.broken(s, err.Error())
	}
	domain, _, _ := strings.Cut(zone, "=")
	reason := w.reason(labels + "." + domain)
	values := w.sessionValues()
	maps.Copy(values, map[string]string{"rbl_code": w.m.setting("maps_rbl_reject_code"), "rbl_domain": domain, "rbl_reason": reason, "rbl_txt": reason,
		"rbl_what": what, "rbl_class": class})
	text, ok := expand(template, values)
	if template == "" || !ok {
		text, _ = expand(w.m.setting("default_rbl_reply"), values)
	}
	code, err := strconv.Atoi(text[:min(3, len(text))])
	if err != nil || code < 400 || code > 599 || len(text) < 4 || text[3] != ' ' {
		return w.refuse(s, reply{code: 450, dsn: "4.7.1", text: "Service unavailable"})
	}
	r := reply{code: code, dsn: "4.7.1", text: strings.TrimLeft(text[4:], " ")}
	if given, rest, _ := strings.Cut(r.text, " "); isEnhanced(given) {
		r.dsn, r.text = given, strings.TrimLeft(rest, " ")
	}
	r.text = cmp.Or(r.text, "Service unavailable")
	return w.refuse(s, r)
}

// template is what rbl_reply_maps has for a list; empty: nothing, or it is not known.
func (w *walk) template(zone string) (string, error) {
	for _, table := range split(w.m.setting("rbl_reply_maps")) {
		key, value, err := w.answers.Lookup(w.ctx, table, []string{zone})
		switch {
		case err != nil && w.unknown(err):
			return "", nil
		case err != nil || key != "":
			return value, err
		}
	}
	return "", nil
}

// sessionValues are the names in a reply that do not belong to a list (smtpd_expand.c in Postfix).
func (w *walk) sessionValues() map[string]string {
	client, addr := w.client.String(), w.client.Addr.String()
	values := map[string]string{"client": client, "client_address": addr, "client_name": strings.TrimSuffix(client, "["+addr+"]"),
		"reverse_client_name": "NAME", "client_port": "PORT", "helo_name": "HELO", "server_name": "SERVER", "localtime": "TIME"}
	for _, name := range []string{"sender", "recipient"} {
		for _, part := range []string{"", "_name", "_domain"} {
			values[name+part] = strings.ToUpper(name)
		}
	}
	return values
}

// reason is the text of a list for a listing.
func (w *walk) reason(name string) string {
	texts, _ := w.answers.TXT(w.ctx, name)
	all := strings.Join(texts, " / ")
	return all[:min(len(all), maxReason)]
}

func (w *walk) rejectMapsRBL(s *Step) status {
	for _, zone := range split(w.m.setting("maps_rbl_domains")) {
		if st := w.rejectIn(s, zone, dnsbl.Reverse(w.client.Addr), w.client.Addr.String(), "Client host"); st != undecided {
			return st
		}
	}
	return undecided
}

func (w *walk) permitListed(s *Step) status {
	return w.permitIn(s, dnsbl.Reverse(w.client.Addr), w.client.Addr.String())
}

// permitIn permits a client that a list has, for a recipient of this server. A list that does not answer makes a later refusal a
// deferral.
func (w *walk) permitIn(s *Step, labels, what string) status {
	if w.foreign && slices.Contains(w.at.has, ofRecipient) && w.at.command == "RCPT" {
		return undecided
	}
	l := w.lookUp(s, labels, w.zone(s))
	switch {
	case errors.Is(l.err, errFilter):
		return w.hangUp(s, s.Why)
	case l.err != nil && w.unknown(l.err):
		return w.notAsked(s, s.Why)
	case l.err != nil:
		return w.defersReject(s, reply{code: 450, dsn: "4.7.1", text: "<" + what + ">: Client host rejected: Service unavailable"})
	case l.listed:
		s.Does = EndsList
		return permitted
	}
	return undecided
}

func (w *walk) rejectListedName(s *Step) status {
	if st, asked := w.named(s); !asked {
		return st
	}
	class := "Client host"
	if s.Name == "reject_rhsbl_reverse_client" {
		class = "Unverified Client host"
	}
	return w.rejectIn(s, w.zone(s), w.client.Name, w.client.Name, class)
}

func (w *walk) permitListedName(s *Step) status {
	if st, asked := w.named(s); !asked {
		return st
	}
	return w.permitIn(s, w.client.Name, w.client.Name)
}

// named reports whether a client has a name that a list of names can be asked about.
func (w *walk) named(s *Step) (st status, asked bool) {
	name := w.client.Name
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case name == "" || name == Unnamed && s.Name == "reject_rhsbl_reverse_client":
		return w.notAsked(s, "the client's name is not known: --name gives it"), false
	case name == Unnamed, strings.Trim(last, "0123456789") == "":
		return undecided, false
	}
	return undecided, true
}
