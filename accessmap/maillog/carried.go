package maillog

import (
	"bytes"

	"mailallow/accessmap/maillog/container"
	"mailallow/accessmap/maillog/token"
)

// maxContainers bounds the containers within each other: Docker's JSON with the JSON of rsyslog in it.
const maxContainers = 3

// carried reads the line in a container. Its time is that of the line within if that has a year, else that of the container.
func (s *scan) carried(number int, h header, depth int) (Event, bool) {
	c := container.Open(h.message)
	for _, reason := range c.Reasons {
		if e, ok := s.message(number, header{program: smtpClient, message: reason}); ok {
			return e, true // the queue has no time of the refusal
		}
	}
	within := splitHeader(c.Message)
	if within.program == carrier {
		if depth == maxContainers {
			return Event{}, false
		}
		e, ok := s.carried(number, within, depth+1)
		return s.timed(e, h, c), ok
	}
	switch p := programOf([]byte(c.Program)); {
	case within.program.mta:
	case p != unknownProgram && p != containerTag:
		within = header{program: p, message: withoutID(c.Message)}
	case within.program == bareLine && isBareReply(within.message):
		return Event{}, false // whoever quotes it
	}
	e, ok := s.message(number, within)
	return s.timed(e, h, c), ok
}

// timed gives an event the time of its container, unless the line within has one that is more exact.
func (s *scan) timed(e Event, h header, c container.Line) Event {
	at := c.Time
	if at.IsZero() {
		at = stampIn(c.Stamp, s.now)
	}
	if at.IsZero() {
		at = stampIn(string(h.head), s.now)
	}
	if !at.IsZero() && (e.Time.IsZero() || !hasYear(s.head)) {
		e.Time = at.In(s.now.Location())
	}
	return e
}

// isOfMTA reports whether a line is one of Sendmail or Postfix, an event or not.
func isOfMTA(h header) bool {
	for range maxContainers {
		if h.program != carrier {
			break
		}
		c := container.Open(h.message)
		if len(c.Reasons) > 0 || programOf([]byte(c.Program)).mta {
			return true
		}
		h = splitHeader(c.Message)
	}
	if h.program != bareLine && h.program != unknownProgram {
		return h.program.mta
	}
	const start = 80 // bytes that show it: a queue ID, and a member
	text := withoutQueueID(string(h.message[:min(len(h.message), start)]))
	return token.HasAnyPrefix(text, "from=<", "to=<", "client=", "ruleset=", "reject: ", "status=") || bytes.HasPrefix(h.message, []byte("NOQUEUE: ")) ||
		h.program == bareLine && isBareReply(h.message)
}
