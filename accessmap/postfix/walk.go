package postfix

import (
	"context"
	"net/netip"
	"strings"
)

// Client is a client of postscreen and smtpd.
type Client struct {
	Addr netip.Addr // an IPv4-mapped address counts as IPv4, as for Postfix (docs/facts.md 31)
	// Name is the verified name: that of its PTR record, if this name has the address. Unnamed: it has none; empty: not known.
	Name string
	Own  bool // an address of this host
}

// Unnamed is the Name of a client without a verified name, as Postfix has it in lookups and in its log.
const Unnamed = "unknown"

// Answers answers what Postfix asks about a client. It looks each question up once, however often it comes, and several at the
// same time where Postfix asks so. An error that wraps fs.ErrPermission, or that of the context, says that the answer is not
// known; any other error, that the question fails for Postfix too.
type Answers interface {
	// Lookup asks a TYPE:TABLE for keys in their order and gives the first one that it has; empty: it has none.
	Lookup(ctx context.Context, table string, keys []string) (key, value string, err error)
	// Patterns reads the file of a /path in mynetworks.
	Patterns(ctx context.Context, path string) ([]byte, error)
	// A and TXT ask the DNS. No records are no error.
	A(ctx context.Context, name string) ([]netip.Addr, error)
	TXT(ctx context.Context, name string) ([]string, error)
}

// Step is what one restriction does to a client, or an item of another list. Its text has no account keys.
type Step struct {
	List string
	Item
	Position int    // in the list's Items, from 0
	Asked    string // the table's key, or the name in the DNS; empty: nothing was asked, or no key was found
	Answer   string // the table's value, or the addresses in the DNS
	Does     Doing
	Reply    string // to the client, with Refuses and OnlyLogs. NAME, HELO, SENDER and RECIPIENT stand for what is not known.
	Why      string // why it is not known, or what is broken
	Score    int    // the weight of a postscreen_dnsbl_sites item that lists the client; of postscreen_dnsbl_threshold, the sum
}

// Outcome is what becomes of a client's mail.
type Outcome string

const (
	Accepted  Outcome = "accepted"
	Refused   Outcome = "refused"   // 5xx
	Deferred  Outcome = "deferred"  // 4xx: the client is to try again
	Discarded Outcome = "discarded" // accepted, and thrown away
)

// Verdict is what Postfix answers a client that sends to a recipient of this server.
type Verdict struct {
	Outcome Outcome
	At      string // with a refusal: the command that gets it, CONNECT, HELO, MAIL, RCPT, DATA or END-OF-MESSAGE
	Reply   string // with a refusal; empty: smtpd breaks the connection off
	By      *Step  // the step that refuses or discards
	Relays  bool   // a recipient of another server is accepted, too
	Foreign string // the reply for such a recipient if it is refused
}

// Walk is the way of a client through postscreen and smtpd.
type Walk struct {
	Steps []Step // those that were reached, in their order
	Verdict
}

// NotAsked gives the steps whose decision is not known and would change the outcome: for a refusal those before it that might
// permit, in the same list. The verdict holds as far as the others decide.
func (w Walk) NotAsked() (steps []Step) {
	for _, s := range w.Steps {
		if s.Does == NotAsked && (w.By == nil || w.Outcome == Discarded || s.List == w.By.List || isPostscreens(s.List) && isPostscreens(w.By.List)) {
			steps = append(steps, s)
		}
	}
	return steps
}

// isPostscreens reports whether a list is of postscreen.
func isPostscreens(list string) bool { return strings.HasPrefix(list, "postscreen_") }

// Walk finds out what Postfix answers to a client: one that connects for the first time and waits its turn, without a login,
// with a HELO name, a sender and a recipient of this server to which nothing else objects.
func (m *Main) Walk(ctx context.Context, c Client, answers Answers) Walk {
	return m.walk(ctx, c, answers, nil)
}

// walk is Walk, with a permit for the client at each of the places.
func (m *Main) walk(ctx context.Context, c Client, answers Answers, places []Place) Walk {
	own := &walk{ctx: ctx, m: m, client: c, answers: answers, places: places}
	result := Walk{Verdict: own.run()}
	for _, s := range own.steps {
		result.Steps = append(result.Steps, *s)
	}
	other := &walk{ctx: ctx, m: m, client: c, answers: answers, places: places, foreign: true}
	foreign := other.run()
	result.Relays, result.Foreign = foreign.Outcome == Accepted, foreign.Reply
	return result
}
