package maillog

import (
	"bytes"
	"time"

	"mailallow/accessmap/maillog/container"
	"mailallow/accessmap/maillog/token"
)

// maxContainers bounds the containers within each other: Docker's JSON with the JSON of rsyslog in it.
const maxContainers = 3

// carried reads the line in a container. Its time is that of the line within if that has a year, else that of the container;
// dated: it is one with a year.
func (s *scan) carried(number int, h header, depth int) (e Event, dated, ok bool) {
	c := container.Open(h.message)
	for _, reason := range c.Reasons {
		if e, ok := s.message(number, header{program: smtpClient, message: reason}); ok {
			return e, false, true // the queue has no time of the refusal
		}
	}
	within := splitHeader(c.Message)
	if within.program == carrier {
		if depth == maxContainers {
			return Event{}, false, false
		}
		e, dated, ok = s.carried(number, within, depth+1)
	} else {
		e, ok = s.within(number, within, c)
		dated = ok && !e.Time.IsZero() && hasYear(s.head)
	}
	if ok && !dated {
		if at := s.timeOf(h, c); !at.IsZero() {
			e.Time, dated = at.In(s.now.Location()), true
		}
	}
	return e, dated, ok
}

// within reads the line in the innermost container.
func (s *scan) within(number int, h header, c container.Line) (Event, bool) {
	switch p := programOf([]byte(c.Program)); {
	case h.program.mta:
	case p != unknownProgram && p != containerTag:
		h = header{program: p, message: withoutID(c.Message)}
	case h.program == bareLine && isBareReply(h.message):
		return Event{}, false // whoever quotes it
	}
	return s.message(number, h)
}

// timeOf gives the time of a container; zero: it has none.
func (s *scan) timeOf(h header, c container.Line) time.Time {
	at := c.Time
	if at.IsZero() {
		at = stampIn(c.Stamp, s.now)
	}
	if at.IsZero() {
		at = stampIn(string(h.head), s.now)
	}
	return at
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
