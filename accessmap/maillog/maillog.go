// Package maillog reads the logs of Sendmail and Postfix and finds the lines about refusals: of a client by this host, because
// of a DNSBL or for another reason, and of this host by another one because of its address.
//
// It reads several lines at the same time, in constant memory, and keeps nothing between lines but the line number and the
// last MTA. It uses no network and knows nothing of the lists that mailallow writes: the caller joins events with them.
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
// These are no events, unless [Client] is asked for, which is a client in a line without a refusal: warnings without a refusal (reject_warning); mail that is accepted and then discarded, held, filtered
// or quarantined for another reason than a list; dnsblog's "listed by domain", which is a lookup, also on welcome lists;
// postscreen's "DNSBL rank", which it writes with the action ignore too; PREGREET, HANGUP and access-list notes; refusals by
// other hosts for another reason than the address (an unknown user, the sender's domain, a domain list, the content, missing
// reverse DNS, greylisting); and a daemon that refuses every client because of its load.
//
// If a text names two lists, the zone is the one after words such as "blocked using" or "listed at", because the text after it
// is the list's own reason. Without such words it is the first.
package maillog

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"mailallow/accessmap/maillog/token"
)

// Options say how to read the time stamps of a log.
type Options struct {
	// Now is the reference for time stamps without a year: Read takes the latest year in which the stamp is not after Now.
	// Its time zone is that of stamps without an offset. Zero: the time of the call.
	Now time.Time
	// Since leaves out events before it. Events without a time stay. Zero: no event is left out.
	Since time.Time
	// Domains has Read yield refusals of the kind DomainBlock too.
	Domains bool
	// Clients has Read yield a line of the kind Client for each client that a line names without refusing it.
	Clients bool
}

const (
	// bufferSize is the size of one read in bytes, large enough that the cost of the call does not matter.
	bufferSize = 256 << 10
	// maxLine bounds the part of a line that is read, in bytes. Syslog cuts lines at 1 to 8 KiB. The rest of a longer line is
	// skipped and is not counted as a line of its own.
	maxLine = 16 << 10
	// maxText bounds the text of an event, in bytes. The lines that MTAs write are shorter.
	maxText = 2000
)

// Read calls yield with every event of a log, in the order of the log. file is the File of the events. An error of r is
// wrapped with the number of the last whole line before it; an error of yield ends Read and is returned unchanged.
//
// The result says whether a line was one of Sendmail or Postfix. Without one, the lack of events means nothing.
func Read(r io.Reader, file string, o Options, yield func(Event) error) (ofMTA bool, err error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	work, inOrder, free := make(chan *batch, batches), make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		free <- &batch{done: make(chan struct{}, 1)}
	}
	stop := make(chan struct{})
	defer close(stop)
	go selectLines(r, o.Clients, free, work, inOrder, stop)
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		go func() {
			s := &scan{now: o.Now, file: file, clients: o.Clients}
			for b := range work {
				s.read(b)
			}
		}()
	}
	last := Postfix // the MTA of the last event, which most likely got a reply that is a line of its own
	for b := range inOrder {
		<-b.done
		ofMTA = ofMTA || b.ofMTA || len(b.events) > 0
		for _, e := range b.events {
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
		if b.err != nil {
			return ofMTA, fmt.Errorf("%s: after line %d: %w", file, b.lines, b.err)
		}
		free <- b
	}
	return ofMTA, nil
}

// batch holds some lines that may be events. selectLines fills it, one of several readers finds its events, and Read yields
// them in the order of the file.
type batch struct {
	text    []byte // the lines, without their ends
	ends    []int  // offset in text after each line
	numbers []int  // number of each line in the file
	lines   int    // number of the last line that was read
	err     error  // of the reader, after these lines
	ofMTA   bool   // one of the lines so far was of Sendmail or Postfix

	events []Event
	done   chan struct{} // gets a value when events is complete
}

const (
	maxReaders = 4              // more would wait for selectLines, which takes a fifth of the time of reading
	batches    = 3 * maxReaders // in use: each reader has one, and the next is ready for it
	batchBytes = 64 << 10       // of text in a batch; its last line may exceed it
)

// selectLines puts lines that may be events into batches. It passes a batch on before it waits for more input. Both channels
// have room for all batches.
func selectLines(r io.Reader, clients bool, free <-chan *batch, work, inOrder chan<- *batch, stop <-chan struct{}) {
	defer close(inOrder)
	defer close(work)
	in := bufio.NewReaderSize(r, bufferSize)
	number, ofMTA := 0, false
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
			if line, err = in.ReadSlice('\n'); len(line) > 0 && !isReadError(err) {
				number++
				line = trim(line)
				ofMTA = ofMTA || isOfMTA(line)
				if mayBeEvent(line, clients) {
					b.text = append(b.text, line...)
					b.ends, b.numbers = append(b.ends, len(b.text)), append(b.numbers, number)
				}
			}
			for errors.Is(err, bufio.ErrBufferFull) { // the rest of a long line
				_, err = in.ReadSlice('\n')
			}
		}
		b.lines, b.ofMTA = number, ofMTA
		if isReadError(err) {
			b.err = err
		}
		work <- b
		inOrder <- b
		if err != nil {
			return
		}
	}
}

// isReadError reports whether an error ends the input in the middle of a line. Such a line is skipped, because its part could
// mean something else.
func isReadError(err error) bool {
	return err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull)
}

// trim cuts a line to maxLine and removes its end, zeros that a crash left before it, and a byte order mark.
func trim(line []byte) []byte {
	line = bytes.TrimSuffix(line[:min(len(line), maxLine)], []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > 0 && (line[0] == 0 || line[0] == 0xef) {
		line = bytes.TrimPrefix(bytes.TrimLeft(line, "\x00"), []byte("\xef\xbb\xbf"))
	}
	return line
}

// scan is the state of one reader.
type scan struct {
	now     time.Time // of the options
	file    string
	clients bool // see Options

	head string    // of the last event; many events have the same head
	time time.Time // in head
}

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

// mayBeEvent excludes nearly all lines by their program and first words, before anything is copied.
func mayBeEvent(line []byte, clients bool) bool {
	h := splitHeader(line)
	return h.program.mayBeEvent(h.message) || clients && (h.program.read != nil || h.program == carrier) && mayNameClient(h.message)
}

func (s *scan) event(number int, line []byte) (Event, bool) {
	h := splitHeader(line)
	if h.program == carrier {
		return s.carried(number, h, 1)
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
		s.time, _ = stampIn(s.head, s.now)
	}
	e.File, e.Line, e.Time, e.Text = s.file, number, s.time, shorten(message)
	return e, true
}
