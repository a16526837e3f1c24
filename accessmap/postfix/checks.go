package postfix

import "strings"

// The checks of restrictions, as generic_checks in Postfix's smtpd_check.c has them.

func (w *walk) pass(*Step) status { return undecided }

// because makes a check that cannot be asked.
func because(why string) func(*walk, *Step) status {
	return func(w *walk, s *Step) status { return w.notAsked(s, why) }
}

// permit ends the list.
func (w *walk) permit(s *Step) status {
	if s.Does = EndsList; w.m.RelaysAt(Use{List: s.List, Position: s.Position}) {
		s.Does = RelaysToAll
	}
	return permitted
}

func (w *walk) reject(s *Step) status {
	return w.refuse(s, w.refusalOf(w.m.number("reject_code"), "5.7.1", "Access denied"))
}

func (w *walk) deferAll(s *Step) status {
	return w.refuse(s, w.refusalOf(w.m.number("defer_code"), "4.3.2", "Try again later"))
}

func (w *walk) deferIfPermit(s *Step) status {
	return w.defersPermit(s, w.refusalOf(450, "4.7.0", "defer_if_permit requested"))
}

func (w *walk) deferIfReject(s *Step) status {
	return w.defersReject(s, w.refusalOf(450, "4.7.0", "defer_if_reject requested"))
}

// refusalOf refuses what the present list is about.
func (w *walk) refusalOf(code int, dsn, text string) reply {
	return reply{code: code, dsn: dsn, text: "<" + w.at.name + ">: " + w.at.class + " rejected: " + text}
}

// defersPermit makes a later permit a deferral. The first reason counts.
func (w *walk) defersPermit(s *Step, r reply) status {
	if s.WarnOnly {
		return w.refuse(s, r)
	}
	if s.Does = DefersPermit; w.deferPermit.by == nil {
		w.deferPermit = deferral{r, s}
	}
	return undecided
}

// defersReject makes a later refusal a deferral, likewise.
func (w *walk) defersReject(s *Step, r reply) status {
	if s.Does = DefersReject; w.deferReject.by == nil {
		w.deferReject = deferral{r, s}
	}
	return undecided
}

func (w *walk) permitMynetworks(s *Step) status {
	member, err := w.isMember(s, w.client.Name)
	switch {
	case err != nil && w.unknown(err):
		return w.notAsked(s, err.Error())
	case err != nil:
		s.Why = err.Error()
		return w.refuse(s, reply{code: 451, dsn: "4.3.0", text: "<" + w.at.name + ">: Temporary lookup failure", always: true})
	case member:
		return w.permit(s)
	}
	return undecided
}

func (w *walk) permitOwn(s *Step) status {
	if w.client.Own {
		return w.permit(s)
	}
	return undecided
}

func (w *walk) checkClient(s *Step) status {
	return w.clientAccess(s, w.client.Name, w.client.String(), "Client host")
}

// checkReverseClient knows the name in the PTR record of a client with a verified name only.
func (w *walk) checkReverseClient(s *Step) status {
	name := w.client.Name
	if name == Unnamed {
		name = ""
	}
	reverse := name
	if name == "" {
		reverse = "NAME"
	}
	st := w.clientAccess(s, name, reverse, "Unverified Client host")
	if st == permitted && !w.discards {
		return w.broken(w.steps[len(w.steps)-1], "this restriction must not permit")
	}
	return st
}

func (w *walk) rejectUnknownName(s *Step) status {
	switch w.client.Name {
	case "":
		return w.notAsked(s, "the client's name is not known: --name gives it")
	case Unnamed:
		return w.refuse(s, reply{code: w.m.number("unknown_client_reject_code"), dsn: "4.7.25",
			text: "Client host rejected: cannot find your hostname, [" + w.client.Addr.String() + "]"})
	}
	return undecided
}

func (w *walk) rejectUnknownReverseName(s *Step) status {
	if w.client.Name == "" || w.client.Name == Unnamed {
		return w.notAsked(s, "the client's PTR record is not known")
	}
	return undecided
}

// checkNameServers stands for all restrictions that look up the servers of the client's name.
func (w *walk) checkNameServers(s *Step) status {
	if w.client.Name == Unnamed && !strings.HasPrefix(s.Name, "check_reverse_") {
		return undecided
	}
	return w.notAsked(s, "the servers of the client's name are not looked up")
}

// permitOwnRecipient permits a recipient of this server, wherever the client is.
func (w *walk) permitOwnRecipient(s *Step) status {
	switch {
	case !w.foreign:
		s.Does = EndsList
		return permitted
	case s.Name == "permit_mx_backup":
		return w.notAsked(s, "the recipient's MX is not known")
	case s.Name == "check_relay_domains":
		return w.refuse(s, w.refusalOf(w.m.number("relay_domains_reject_code"), "5.7.1", "Relay access denied"))
	}
	return undecided
}

func (w *walk) rejectRelaying(s *Step) status {
	if !w.foreign {
		return undecided
	}
	code, dsn := w.m.number("relay_domains_reject_code"), "5.7.1"
	if s.Name == "defer_unauth_destination" {
		code, dsn = code-100, "4.7.1"
	}
	return w.refuse(s, reply{code: code, dsn: dsn, text: "<RECIPIENT>: Relay access denied"})
}
