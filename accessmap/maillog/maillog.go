// Package maillog reads the logs of Sendmail and Postfix and finds the lines about refusals: of a client by this host, because
// of a DNSBL or for another reason, and of this host by another one because of its address.
//
// It reads several lines at the same time, in constant memory, and keeps nothing between lines but the line number, the last
// MTA, the meaning of the last replies and the parts of records that a container runtime divided. It uses no network and knows
// nothing of the lists that mailallow writes: the caller joins events with them.
//
// A line is an event if it reports a refusal by itself:
//
//   - [DNSBLReject]: Postfix's "reject:" or "milter-reject:" and Sendmail's "reject=" with a text that names a DNS list; also
//     mail that Sendmail discards or quarantines because of one. If arg2 of a ruleset is in 127/8 and the client is not, then
//     arg2 is the answer of a list, even if the text names none.
//   - [DNSBLError]: the same with an answer by which the list refuses to answer (127.255.255.x, "Error: open resolver"), and
//     failed lookups of a list.
//   - [Reject]: any other refusal of a client, also a temporary one (greylisting, rate limits, lookup failures).
//   - [OutboundBlock]: another host refused this one because of its address's reputation.
//
// These are no events, unless [Client] is asked for, which is a client in a line without a refusal: warnings without a refusal
// (reject_warning); mail that is accepted and then discarded, held, filtered or quarantined for another reason than a list;
// dnsblog's "listed by domain", which is a lookup, also on welcome lists; postscreen's "DNSBL rank", which it writes with the
// action ignore too; PREGREET, HANGUP and access-list notes; refusals by other hosts for another reason than the address (an
// unknown user, the sender's domain, a domain list, the content, missing reverse DNS, greylisting); and a daemon that refuses
// every client because of its load.
//
// If a text names two lists, the zone is the one after words such as "blocked using" or "listed at", because the text after it
// is the list's own reason. Without such words it is the first.
package maillog

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"time"

	"mailallow/accessmap/maillog/token"
)

// Options say how to read the time stamps of a log.
type Options struct {
	// Now is the reference for time stamps without a year, and goes on with the clock while a log is followed: Read takes the
	// latest year in which the stamp is at most a day after it. Its time zone is that of stamps without an offset. Zero: the
	// time of the call.
	Now time.Time
	// Since leaves out events before it. Events without a time stay. Zero: no event is left out.
	Since time.Time
	// Domains has Read yield refusals of the kind DomainBlock too.
	Domains bool
	// Clients has Read yield a line of the kind Client for each client that a line names without refusing it.
	Clients bool
	// Waits is called before Read waits for more of the log: whoever keeps events back hands them on. Its error ends Read. Nil:
	// nobody does.
	Waits func() error
}

// maxText bounds the text of an event, in bytes. The lines that MTAs write are shorter.
const maxText = 2000

// Read calls yield with every event of a log, in the order of the log. file is the File of the events. An error of r is
// wrapped with the number of the last whole line before it; an error of yield ends Read and is returned unchanged.
//
// The result says whether a line was one of Sendmail or Postfix. Without one, the lack of events means nothing.
func Read(r io.Reader, file string, o Options, yield func(Event) error) (ofMTA bool, err error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	readers := min(runtime.GOMAXPROCS(0), maxReaders)
	blocks := blocksOf * readers
	work, inOrder, free := make(chan *block, blocks), make(chan *block, blocks), make(chan *block, blocks)
	for range blocks {
		free <- &block{done: make(chan struct{}, 1)}
	}
	stop, begun := make(chan struct{}), time.Now()
	defer close(stop)
	go cut(r, free, work, inOrder, stop)
	for range readers {
		go func() {
			s := &scan{file: file, clients: o.Clients}
			for b := range work {
				s.now = o.Now.Add(time.Since(begun))
				s.read(b)
				b.done <- struct{}{}
			}
		}()
	}
	lines := 0
	last := Postfix      // the MTA of the last event, which most likely got a reply that is a line of its own
	var unfinished parts // of records that go on in the next block
	for {
		b, more, err := next(inOrder, o.Waits)
		if !more || err != nil {
			return ofMTA, err
		}
		<-b.done
		if unfinished.any() { // its reader did not know them
			s := &scan{file: file, clients: o.Clients, now: o.Now.Add(time.Since(begun)), parts: unfinished}
			b.lines, b.events = 0, b.events[:0]
			s.read(b)
		}
		unfinished = b.parts
		ofMTA = ofMTA || b.ofMTA || len(b.events) > 0
		for _, e := range b.events {
			e.Line += lines
			e.MTA = cmp.Or(e.MTA, last)
			last = e.MTA
			if e.Kind == DomainBlock && !o.Domains {
				continue
			}
			if !o.Since.IsZero() && !e.Time.IsZero() && e.Time.Before(o.Since) {
				continue
			}
			if err := yield(e); err != nil {
				return ofMTA, err
			}
		}
		lines += b.lines
		if b.err != nil {
			return ofMTA, fmt.Errorf("%s: after line %d: %w", file, lines, b.err)
		}
		free <- b
	}
}

// next gives the next block, and calls waits before it waits for one. more is false after the last.
func next(inOrder <-chan *block, waits func() error) (b *block, more bool, err error) {
	select {
	case b, more = <-inOrder:
		return b, more, nil
	default:
	}
	if waits != nil {
		err = waits()
	}
	if err == nil {
		b, more = <-inOrder
	}
	return b, more, err
}

const (
	maxReaders = 4 // so that a host with many cores keeps some for its mail
	blocksOf   = 3 // for each reader: it has one, the next is ready for it, and one waits for those before it in the log
)

// scan is the state of one reader.
type scan struct {
	now     time.Time // see Options
	file    string
	clients bool // see Options
	ofMTA   bool // a line was of Sendmail or Postfix
	parts   parts

	head string    // of the last event; many events have the same head
	time time.Time // in head
}

// read finds the events of a block. Their lines count from its first one.
func (s *scan) read(b *block) {
	for line := range bytes.Lines(b.text) {
		b.lines++
		line = trim(line)
		record, whole := s.parts.join(line)
		if !whole || hasFrames(line) {
			continue
		}
		h := splitHeader(record)
		s.ofMTA = s.ofMTA || isOfMTA(h)
		if !mayBeEvent(h, s.clients) {
			continue
		}
		if e, ok := s.event(b.lines, h); ok {
			b.events = append(b.events, e)
		}
	}
	b.ofMTA = s.ofMTA
	b.parts, s.parts = s.parts, parts{}
}

// hasFrames reports whether a line is several frames of RFC 6587, each behind its length, as a stream that was stored has them. Such
// a log may be one line, of which most would be lost: nothing of it is read.
func hasFrames(line []byte) bool {
	const most = len("99999 ")
	i := bytes.IndexByte(line[:min(len(line), most)], ' ') + 1
	if i <= 1 || i == len(line) || line[i] != '<' {
		return false
	}
	length, err := strconv.Atoi(string(line[:i-1]))
	return err == nil && len(line)-i > length
}

// mayBeEvent excludes nearly all lines by their program and first words, before anything is copied.
func mayBeEvent(h header, clients bool) bool {
	return h.program.mayBeEvent(h.message) || clients && (h.program.read != nil || h.program == carrier) && mayNameClient(h.message)
}

func (s *scan) event(number int, h header) (Event, bool) {
	if h.program == carrier {
		e, _, ok := s.carried(number, h, 1)
		return e, ok
	}
	return s.message(number, h)
}

// message reads the message of a line without a container.
func (s *scan) message(number int, h header) (Event, bool) {
	if h.program.read == nil {
		return Event{}, false
	}
	message := token.HideKeys(printable(h.message))
	e, ok := h.program.read(message)
	if !ok && s.clients {
		e, ok = connected(message)
	}
	if !ok {
		return Event{}, false
	}
	if string(h.head) != s.head {
		s.head = string(h.head)
		s.time = stampIn(s.head, s.now)
	}
	e.File, e.Line, e.Time, e.Text = s.file, number, s.time, shorten(message)
	return e, true
}
