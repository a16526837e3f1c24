// Package maillog reads the logs of Sendmail and Postfix and tells which lines
// say that somebody was refused: a client by this host, because of a DNSBL or for
// another reason, or this host by another one because of its address.
//
// It reads each line by itself, several at once, in constant memory, and keeps nothing
// between lines but the line number and the MTA seen last. It asks no network and knows nothing
// of the lists mailallow writes: who joins events with those is the caller.
//
// A line is an event when it tells of a refusal by itself:
//
//   - [DNSBLReject]: Postfix's "reject:" or "milter-reject:" and Sendmail's
//     "reject=" whose text names a DNS list, and what Sendmail discards or
//     quarantines for one. Where arg2 of a ruleset is in 127/8 and the client is
//     not, that is the list's answer, and a DNSBL spoke even if the text does not.
//   - [DNSBLError]: the same where the list answered that it would not answer
//     (127.255.255.x, "Error: open resolver"), and lookups of it that failed.
//   - [Reject]: any other refusal of a client, temporary ones (greylisting, rate
//     limits, lookup failures) included.
//   - [OutboundBlock]: another host refused this one for its address's standing.
//
// No event are: what only warns (reject_warning), what is accepted and then thrown
// away, held or filtered for no list (discard, hold, filter, quarantine), dnsblog's
// "listed by domain" (a lookup, on welcome lists too), postscreen's "DNSBL rank"
// (written also where its action is ignore), PREGREET, HANGUP and access-list notes,
// refusals by other hosts for another reason than the address (an unknown user, the
// sender's domain, a domain list, the content, missing reverse DNS, greylisting),
// and a daemon that refuses everybody for its load.
//
// Where a text names two lists, the one behind the words that say so ("blocked
// using", "listed at") is meant, since what follows is the reason that the list
// itself gave; without such words it is the first that is named.
package maillog

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strconv"
	"time"
	"unicode/utf16"
)

// MTA is the program that wrote a line.
type MTA string

// The programs whose lines are read. Postscreen stands for dnsblog as well, which
// asks the lists for it.
const (
	Sendmail   MTA = "sendmail"
	Postfix    MTA = "postfix"
	Postscreen MTA = "postscreen"
)

// Kind is what a line tells; the package comment says which line is which.
type Kind string

// The kinds of events.
const (
	DNSBLReject   Kind = "dnsbl_reject"
	DNSBLError    Kind = "dnsbl_error"
	Reject        Kind = "reject"
	OutboundBlock Kind = "outbound_block"
)

// Event is one line that tells of a refusal.
type Event struct {
	File string
	Line int       // of the file, physical lines from 1
	Time time.Time // zero: the line has none that can be read
	MTA  MTA
	Kind Kind
	// IP is the client that was refused; of an OutboundBlock, this host's address as
	// the refusal names it. The zero Addr: the line names none.
	IP netip.Addr
	// Zone is the DNS list, by its zone in lower case, or a private service, by a name
	// without a dot. Empty: none is named.
	Zone string
	Text string // the line without its header, with no key in it, of at most maxText bytes
	// Remote is the host that refused this one, as the line names it; not in the JSON.
	Remote string
}

// AppendJSON writes the members that scripts rely on behind b (design.md section 4), in
// ASCII: logs are written as fast as they are read.
func (e Event) AppendJSON(b []byte) []byte {
	b = appendString(append(b, `{"file":`...), e.File)
	b = strconv.AppendInt(append(b, `,"line":`...), int64(e.Line), 10)
	b = append(b, `,"time":`...)
	if e.Time.IsZero() {
		b = append(b, "null"...)
	} else {
		b = append(e.Time.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	}
	b = appendString(append(b, `,"mta":`...), string(e.MTA))
	b = appendString(append(b, `,"kind":`...), string(e.Kind))
	b = append(b, `,"ip":`...)
	if e.IP.IsValid() {
		b = append(e.IP.AppendTo(append(b, '"')), '"')
	} else {
		b = append(b, "null"...)
	}
	b = appendString(append(b, `,"zone":`...), e.Zone)
	b = appendString(append(b, `,"text":`...), e.Text)
	return append(b, '}')
}

// appendString writes a JSON string in printable ASCII.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r <= '~':
			b = append(b, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"')
}

// Options say how the stamps of a log are to be read.
type Options struct {
	// Now is the reference for stamps without a year: such a line is of the latest year
	// that does not put it behind Now. Zero: the time of the call.
	Now time.Time
	// Location is that of stamps without an offset. Nil: time.Local.
	Location *time.Location
	// Since leaves out events before it; those without a time stay. Zero: none.
	Since time.Time
}

const (
	// bufferSize is what is read at once: large enough that a read costs nothing.
	bufferSize = 256 << 10
	// maxLine is how much of a line is looked at. Syslog ends them at 1 to 8 KiB; a longer
	// one is counted as one line, and its start is read.
	maxLine = 16 << 10
	// maxText is how much of a line an event keeps: whole for what an MTA writes.
	maxText = 2000
)

// Read gives every event of a log, in its order. file is the name that events carry. An
// error of r comes back with the last whole line before it; one of yield ends the
// reading and comes back as it is.
func Read(r io.Reader, file string, o Options, yield func(Event) error) error {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	work, inOrder, free := make(chan *batch, batches), make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		free <- &batch{done: make(chan struct{}, 1)}
	}
	stop := make(chan struct{})
	defer close(stop)
	go sift(r, free, work, inOrder, stop)
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		go func() {
			s := &scan{options: o, file: file}
			for b := range work {
				s.read(b)
			}
		}()
	}
	last := Postfix // the MTA seen last: a reply that stands alone was most likely given to it
	for b := range inOrder {
		<-b.done
		for _, e := range b.events {
			e.MTA = cmp.Or(e.MTA, last)
			last = e.MTA
			if !o.Since.IsZero() && !e.Time.IsZero() && e.Time.Before(o.Since) {
				continue
			}
			if err := yield(e); err != nil {
				return err
			}
		}
		if b.err != nil {
			return fmt.Errorf("%s: after line %d: %w", file, b.lines, b.err)
		}
		free <- b
	}
	return nil
}

// batch is some lines that may be events, on their way: sift fills it, one of several
// readers reads it, and what they find is told of in the order of the file.
type batch struct {
	text    []byte // of the lines, one behind the other
	ends    []int  // of each, in text
	numbers []int  // of each, in the file
	lines   int    // of the file so far
	err     error  // that ended the file

	events []Event
	done   chan struct{} // gets a value when events are all there
}

const (
	maxReaders = 4              // more would wait for sift: it takes a fifth of the time that reading takes
	batches    = 3 * maxReaders // that go round: each reader has one, and finds the next ready
	batchBytes = 64 << 10       // of text, before a batch is handed on; one line may go beyond
)

// sift reads lines and keeps those that may be events. What has been read is handed on
// before more is waited for. There is room for every batch in both channels.
func sift(r io.Reader, free <-chan *batch, work, inOrder chan<- *batch, stop <-chan struct{}) {
	defer close(inOrder)
	defer close(work)
	in := bufio.NewReaderSize(r, bufferSize)
	number := 0
	for {
		var b *batch
		select {
		case b = <-free:
		case <-stop:
			return
		}
		*b = batch{text: b.text[:0], ends: b.ends[:0], numbers: b.numbers[:0], events: b.events[:0], done: b.done}
		var err error
		for err == nil && len(b.text) < batchBytes && (len(b.numbers) == 0 || in.Buffered() > 0) {
			var line []byte
			if line, err = in.ReadSlice('\n'); len(line) > 0 && !brokenOff(err) {
				number++
				if line = trim(line); worthReading(line) {
					b.text = append(b.text, line...)
					b.ends, b.numbers = append(b.ends, len(b.text)), append(b.numbers, number)
				}
			}
			for errors.Is(err, bufio.ErrBufferFull) { // the rest of a long line
				_, err = in.ReadSlice('\n')
			}
		}
		b.lines = number
		if brokenOff(err) {
			b.err = err
		}
		work <- b
		inOrder <- b
		if err != nil {
			return
		}
	}
}

// brokenOff tells of an error that nothing can be read behind: the line before it is not
// whole, and would be taken for what it does not say.
func brokenOff(err error) bool {
	return err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull)
}

// trim takes off what does not belong to a line: its end, and what a crash leaves
// before it (zeros) or an editor (a byte order mark).
func trim(line []byte) []byte {
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > 0 && (line[0] == 0 || line[0] == 0xef) {
		line = bytes.TrimPrefix(bytes.TrimLeft(line, "\x00"), []byte("\xef\xbb\xbf"))
	}
	return line
}

// scan is what one reader knows.
type scan struct {
	options Options
	file    string

	head string // of the last event, and the time in it: many events of a second stand together
	time time.Time
}

// read finds the events of a batch.
func (s *scan) read(b *batch) {
	start := 0
	for i, number := range b.numbers {
		if e, ok := s.event(number, b.text[start:b.ends[i]]); ok {
			b.events = append(b.events, e)
		}
		start = b.ends[i]
	}
	b.done <- struct{}{}
}

// finding is what a line tells, before it is put together with where it stands.
type finding struct {
	mta    MTA // empty: the line does not say
	kind   Kind
	ip     netip.Addr
	zone   string
	remote string
}

// worthReading lets nearly all lines go by what their program and first words are,
// before anything is copied.
func worthReading(line []byte) bool {
	h := takeApart(line)
	if h.program == unknownProgram && !h.tagged {
		return mayBeBare(h.message)
	}
	return h.program.wanted(h.message)
}

// event reads one line.
func (s *scan) event(number int, line []byte) (Event, bool) {
	h := takeApart(line)
	message := hideKeys(printable(h.message))
	f, ok := h.program.read(message)
	if !ok {
		return Event{}, false
	}
	if string(h.head) != s.head {
		s.head = string(h.head)
		s.time, _ = stampIn(s.head, s.options)
	}
	return Event{File: s.file, Line: number, Time: s.time, MTA: f.mta, Kind: f.kind, IP: f.ip, Zone: f.zone,
		Text: shorten(message), Remote: f.remote}, true
}
