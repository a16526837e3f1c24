package dnsq

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/miekg/dns"

	"mailallow/allowlist/ascii"
)

// udpSize is the size that the EDNS0 option offers. Answers up to it pass without fragments (DNS flag day 2020).
const udpSize = 1232

// maxDatagram is the size of the buffer for a UDP answer: servers that ignore the offered size send up to this. The
// largest message would fit into 64 KiB, but a walk waits for a hundred answers at a time.
const maxDatagram = 4096

var errMalformed = errors.New("a malformed answer")

// noReply is the error of a resolver that sent no reply.
type noReply struct {
	text      string
	timeout   bool // text begins with "no answer"
	untrusted bool // this host does not believe its certificate
}

func (e noReply) Error() string { return e.text }

// try asks one resolver once. It gives an answer, or a reliable "no records", or an error.
func (c *Client) try(ctx context.Context, r resolver, round int, q question) (answer, error) {
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, err := c.tryOnce(within, r, round, q)
	if ended := context.Cause(ctx); ended != nil && errors.As(err, new(noReply)) {
		err = noReply{text: ended.Error()} // the try had less time
	}
	c.ledger.note(r, err)
	return a, err
}

func (c *Client) tryOnce(ctx context.Context, r resolver, round int, q question) (answer, error) {
	addr, err := r.address(ctx, round)
	if err != nil {
		return answer{}, c.noReply(err, 0)
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
	// AD in a query asks for the flag in the answer (RFC 6840 section 5.7), but some resolvers set it only for DO.
	m.AuthenticatedData = c.requireAD
	m.SetEdns0(udpSize, c.requireAD)
	return m
}

// rejectsEDNS reports whether the reply may be an error about the OPT record (RFC 6891 section 7).
func rejectsEDNS(reply *dns.Msg) bool {
	switch reply.Rcode {
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
		return true
	}
	return false
}

// exchange gets the whole reply to query: over TLS, or over UDP and, if that is truncated, over TCP from the same address.
func (c *Client) exchange(ctx context.Context, r resolver, addr netip.AddrPort, query *dns.Msg) (*dns.Msg, error) {
	if r.tls {
		d := tls.Dialer{Config: &tls.Config{ServerName: r.host, RootCAs: c.rootCAs, MinVersion: tls.VersionTLS12}}
		return c.overStream(ctx, d.DialContext, addr, query)
	}
	// The kernel chooses the port and connects the socket, so it drops datagrams from other addresses.
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, c.noReply(err, 0)
	}
	reply, err := c.roundTrip(ctx, conn, query)
	if err != nil || !reply.Truncated {
		return reply, err
	}
	reply, err = c.overStream(ctx, new(net.Dialer).DialContext, addr, query)
	if silent, ok := errors.AsType[noReply](err); ok {
		err = noReply{text: "TCP: " + silent.text}
	}
	return reply, err
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// overStream asks over TCP or TLS, without OPT if the reply is truncated: some resolvers cut it to the size that OPT offers
// for UDP (RFC 6891 section 6.2.3). A reply that is truncated then is an error.
func (c *Client) overStream(ctx context.Context, dial dialFunc, addr netip.AddrPort, query *dns.Msg) (*dns.Msg, error) {
	for {
		conn, err := dial(ctx, "tcp", addr.String())
		if err != nil {
			return nil, c.noReply(err, 0)
		}
		reply, err := c.roundTrip(ctx, conn, query)
		switch {
		case err != nil || !reply.Truncated:
			return reply, err
		case query.Extra == nil:
			return nil, errors.New("an answer truncated over TCP")
		}
		query.Extra = nil
	}
}

// roundTrip sends query and waits for the reply to it, until ctx ends. It closes conn.
func (c *Client) roundTrip(ctx context.Context, conn net.Conn, query *dns.Msg) (*dns.Msg, error) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	query.Id = dns.Id() // from crypto/rand
	msgs := dns.Conn{Conn: conn}
	c.sent.Add(1)
	if err := msgs.WriteMsg(query); err != nil {
		return nil, c.noReply(err, 0)
	}
	size := dns.MaxMsgSize
	if _, datagrams := conn.(net.PacketConn); datagrams {
		size = maxDatagram
	}
	buf := make([]byte, size)
	for unfit := 0; ; unfit++ {
		n, err := msgs.Read(buf)
		if err != nil {
			return nil, c.noReply(err, unfit)
		}
		if reply, err := parse(buf[:n]); fits(query, reply) {
			return reply, err
		}
	}
}

// parse reads a message. With an error, the message holds as much of the header and the question as parse could read. A
// truncated message may end anywhere.
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

// complete reports whether msg, which miekg/dns has parsed, holds as many records as its header counts (RFC 1035 section
// 4.1.1) and nothing after them. miekg/dns accepts a message that ends between two records, and ignores records after the
// last one counted; both would make a list smaller.
func complete(msg []byte) bool {
	const (
		question = 4 // octets after the name: type and class
		record   = 8 // octets after the name: type, class and TTL; then comes the length of the data
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

// nameEnd gives the offset after the name at an offset. A name ends with the root or with a pointer (RFC 1035 section
// 4.1.4).
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

// fits reports whether reply answers query. Any other message on the socket is stray or forged. An error may come without
// the question (RFC 6891 section 7, and REFUSED of many servers).
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

// noReply gives in a few words the reason for an error of the network. unfit counts the messages that did not fit.
func (c *Client) noReply(err error, unfit int) noReply {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		text := fmt.Sprintf("no answer in %s", ascii.Duration(c.timeout))
		if unfit > 0 {
			text += fmt.Sprintf(", %d that did not fit the question", unfit)
		}
		return noReply{text: text, timeout: true}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return noReply{text: "connection closed without an answer"}
	case errors.As(err, &op):
		err = op.Err
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err
		}
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return noReply{text: phrase(err.Error()), untrusted: untrusted}
}
