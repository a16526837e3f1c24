package dnsq

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
)

// udpSize is offered in EDNS0: what passes everywhere without fragments (the DNS flag day 2020 value).
const udpSize = 1232

// maxDatagram is the longest UDP answer that is read: servers that go by their own setting and not by what was offered send
// up to this. It is not what a message may hold, since a walk waits for a hundred answers at a time.
const maxDatagram = 4096

var errMalformed = errors.New("a malformed answer")

// noReply is the error of a resolver that said nothing at all.
type noReply struct{ text string }

func (e noReply) Error() string { return e.text }

// try asks one resolver once. Only an answer, or a trustworthy "nothing", is not an error.
func (c *Client) try(ctx context.Context, r resolver, round int, q question) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	addr, err := r.address(ctx, round)
	if err != nil {
		return answer{}, noReply{c.complaint(err, 0)}
	}
	query := c.query(q)
	reply, err := c.exchange(ctx, r, addr, query)
	if err == nil && rejectsEDNS(reply) {
		query.Extra = nil
		reply, err = c.exchange(ctx, r, addr, query)
	}
	if err != nil {
		return answer{}, err
	}
	a, err := read(q, reply)
	if err == nil && c.requireAD && !reply.AuthenticatedData {
		return answer{}, errors.New("an answer not validated by DNSSEC (no AD flag)")
	}
	return a, err
}

func (c *Client) query(q question) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	// AD asks for the flag in the answer (RFC 6840 section 5.7); some resolvers set it for DO only.
	m.AuthenticatedData = c.requireAD
	m.SetEdns0(udpSize, c.requireAD)
	return m
}

// rejectsEDNS reports whether a resolver may have failed over the OPT record (RFC 6891 section 7).
func rejectsEDNS(reply *dns.Msg) bool {
	switch reply.Rcode {
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
		return true
	}
	return false
}

// exchange gets the whole reply to query: over TLS, or over UDP and, where that was cut, over TCP from the same
// address.
func (c *Client) exchange(ctx context.Context, r resolver, addr string, query *dns.Msg) (*dns.Msg, error) {
	if r.tls {
		d := tls.Dialer{Config: &tls.Config{ServerName: r.host, RootCAs: c.rootCAs, MinVersion: tls.VersionTLS12}}
		return c.whole(ctx, d.DialContext, addr, query)
	}
	var d net.Dialer
	// The socket is connected, on a port the kernel draws: datagrams from elsewhere never get here.
	conn, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return nil, noReply{c.complaint(err, 0)}
	}
	reply, err := c.converse(ctx, conn, query)
	if err != nil || !reply.Truncated {
		return reply, err
	}
	reply, err = c.whole(ctx, d.DialContext, addr, query)
	if silent := new(noReply); errors.As(err, silent) {
		err = noReply{"TCP: " + silent.text}
	}
	return reply, err
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// whole asks over a stream, where a truncated reply has no excuse.
func (c *Client) whole(ctx context.Context, dial dialFunc, addr string, query *dns.Msg) (*dns.Msg, error) {
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, noReply{c.complaint(err, 0)}
	}
	reply, err := c.converse(ctx, conn, query)
	if err == nil && reply.Truncated {
		return nil, errors.New("an answer truncated over TCP")
	}
	return reply, err
}

// converse sends query and waits for the reply that fits it, until ctx ends. It closes conn.
func (c *Client) converse(ctx context.Context, conn net.Conn, query *dns.Msg) (*dns.Msg, error) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	query.Id = dns.Id() // from crypto/rand
	msgs := dns.Conn{Conn: conn}
	c.sent.Add(1)
	if err := msgs.WriteMsg(query); err != nil {
		return nil, noReply{c.complaint(err, 0)}
	}
	size := dns.MaxMsgSize
	if _, datagrams := conn.(net.PacketConn); datagrams {
		size = maxDatagram
	}
	buf := make([]byte, size)
	for unfit := 0; ; unfit++ {
		n, err := msgs.Read(buf)
		if err != nil {
			return nil, noReply{c.complaint(err, unfit)}
		}
		if reply, err := parse(buf[:n]); fits(query, reply) {
			return reply, err
		}
	}
}

// parse reads a message. With an error, the header and the question are what could be read of them. A truncated
// message may end anywhere.
func parse(msg []byte) (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(msg); err != nil && !m.Truncated {
		return m, errMalformed
	}
	if len(msg) < 12 || m.Truncated {
		return m, nil
	}
	if !complete(msg) {
		return m, errMalformed
	}
	return m, nil
}

// complete reports whether msg, which miekg/dns could read, holds the records that its header counts (RFC 1035 section
// 4.1.1) and nothing behind them. miekg/dns takes a message that ends early, between two records, for a shorter one, and
// passes over what is behind the last that is counted: both would be smaller lists.
func complete(msg []byte) bool {
	const (
		question = 4 // octets behind the name: type, class
		record   = 8 // the same and TTL; the length of the data follows
	)
	count := func(section int) int { return int(binary.BigEndian.Uint16(msg[4+2*section:])) }
	questions, records := count(0), count(1)+count(2)+count(3)
	at := 12
	for range questions {
		at = nameEnd(msg, at) + question
	}
	for range records {
		if at = nameEnd(msg, at) + record; at+2 > len(msg) {
			return false
		}
		at += 2 + int(binary.BigEndian.Uint16(msg[at:]))
	}
	return at == len(msg)
}

// nameEnd is where the name at an offset ends: behind the root, or behind a pointer (RFC 1035 section 4.1.4).
func nameEnd(msg []byte, at int) int {
	for at < len(msg) {
		switch n := int(msg[at]); {
		case n == 0:
			return at + 1
		case n >= 0xC0:
			return at + 2
		default:
			at += 1 + n
		}
	}
	return at
}

// fits reports whether reply answers query: everything else on the socket is a stray or a forgery, and the wait goes
// on. An error may come without the question (RFC 6891 section 7 and many servers' REFUSED); it settles nothing.
func fits(query, reply *dns.Msg) bool {
	if !reply.Response || reply.Id != query.Id || reply.Opcode != dns.OpcodeQuery {
		return false
	}
	switch len(reply.Question) {
	case 0:
		return reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError
	case 1:
		q, r := query.Question[0], reply.Question[0]
		return r.Qtype == q.Qtype && r.Qclass == q.Qclass && dns.CanonicalName(r.Name) == q.Name
	}
	return false
}

// complaint says in a few words why there is no reply.
func (c *Client) complaint(err error, unfit int) string {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		if unfit > 0 {
			return fmt.Sprintf("no answer in %s, %d that did not fit the question", c.timeout, unfit)
		}
		return fmt.Sprintf("no answer in %s", c.timeout)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed without an answer"
	case errors.As(err, &op):
		err = op.Err
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err
		}
	}
	return phrase(err.Error())
}
