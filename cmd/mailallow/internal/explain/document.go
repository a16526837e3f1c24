package explain

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"mailallow/accessmap/format"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// document is the JSON document; the text for people is made of it.
type document struct {
	At        *thenDocument        `json:"at"` // null: the list is that of now
	Addresses []addressDocument    `json:"addresses"`
	Sources   []run.SourceDocument `json:"sources"`
	Problems  []allowlist.Problem  `json:"problems"`
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Addresses: []addressDocument{}, Sources: []run.SourceDocument{}, Problems: problems}
}

type addressDocument struct {
	Argument string `json:"argument"`
	Address  string `json:"address"`
	Name     string `json:"name"` // of the client; empty: not known; unknown: it has none
	decidingDocument
	Since     *sinceDocument    `json:"since"` // null: it is in no list that is installed, or that is not known
	Without   *decidingDocument `json:"without_exclusion"`
	Matches   []matchDocument   `json:"matches"`
	Nearest   []nearDocument    `json:"nearest"`
	Providers []coverDocument   `json:"providers"`
	Targets   []targetDocument  `json:"targets"`
	Servers   []serverDocument  `json:"servers"` // empty without --live
}

type decidingDocument struct {
	Action  string          `json:"action"` // empty: in no source
	Prefix  string          `json:"prefix"`
	Sources []ownerDocument `json:"sources"`
}

type ownerDocument struct {
	Name  string   `json:"name"`
	Paths []string `json:"paths"`
}

type matchDocument struct {
	Source string       `json:"source"`
	Action string       `json:"action"`
	Prefix string       `json:"prefix"`
	Path   string       `json:"path"`
	Status guard.Status `json:"status"`
}

type nearDocument struct {
	Side     string `json:"side"` // below, above
	Source   string `json:"source"`
	Action   string `json:"action"`
	Prefix   string `json:"prefix"`
	Edge     string `json:"edge"` // the nearest address of Prefix
	Distance string `json:"distance"`
}

// coverDocument is a catalogue provider that sends from an address.
type coverDocument struct {
	Name       string `json:"name"`
	Title      string `json:"title"`
	Shared     bool   `json:"shared"`
	Prefix     string `json:"prefix"`
	Path       string `json:"path"`
	Date       string `json:"date"`       // of its ranges
	Configured string `json:"configured"` // the source that names it already, or empty
	Source     string `json:"source"`     // to paste
}

// targetDocument is an address in a target, by its plan.
type targetDocument struct {
	format format.Format
	flags  string // of the run, for a command to paste

	Path      string         `json:"path"`
	Format    string         `json:"format"`
	Problems  []plan.Problem `json:"problems"` // why there is no plan
	LeftAlone bool           `json:"left_alone"`

	// Of an access map: the keys that match by name, then those by address, in the
	// order of the lookups; and the hand-written keys of host names, where the name of
	// the client is not known.
	Keys     []keyDocument     `json:"keys"`
	NameKeys []keyDocument     `json:"name_keys"`
	Sendmail *sendmailDocument `json:"sendmail"`

	// Of a table: the first line that matches, and where main.cf names the table; null:
	// main.cf is not known.
	Line       *lineDocument    `json:"line"`
	Postfix    []effectDocument `json:"postfix"`
	StillAsked []askedDocument  `json:"still_asked"`

	Pending []sendmail.KeyDifference `json:"pending"` // where the installed file says something else
	Live    []liveDocument           `json:"live"`
}

type keyDocument struct {
	By          string `json:"by"` // "name" or "address" of the client
	Key         string `json:"key"`
	Value       string `json:"value"`
	Line        int    `json:"line"`
	HandWritten bool   `json:"hand_written"`
}

type sendmailDocument struct {
	DelayChecks *bool    `json:"delay_checks"` // null, as skip and dnsbls: no sendmail.cf names the file
	Skip        *bool    `json:"skip"`
	DNSBLs      []string `json:"dnsbls"` // the stock ones, which answer about IPv4 only

	Relay relayDocument `json:"check_relay"`
	// WithSkip is check_relay where access_db has `skip', if that is not known and
	// makes a difference.
	WithSkip *relayDocument `json:"check_relay_with_skip"`
	Rcpt     rcptDocument   `json:"check_rcpt"`
}

type relayDocument struct {
	Outcome sendmail.Outcome `json:"outcome"`
	Key     string           `json:"key"` // that decides; empty: none
	Reply   string           `json:"reply"`
}

// stops reports whether check_relay stops the client before check_rcpt.
func (r relayDocument) stops() bool {
	return r.Outcome != sendmail.Accepted && r.Outcome != sendmail.Undecided
}

type rcptDocument struct {
	Relays bool   `json:"relays"` // and check_relay does not refuse
	Key    string `json:"key"`
}

type lineDocument struct {
	Line    int    `json:"line"`
	Network string `json:"network"`
	Value   string `json:"value"`
}

type effectDocument struct {
	List   string        `json:"list"`
	Class  string        `json:"class"`
	Effect postfix.Doing `json:"effect"`
	DNSBLs []string      `json:"dnsbls_before"`
}

type askedDocument struct {
	List   string   `json:"list"`
	DNSBLs []string `json:"dnsbls"`
}

type liveDocument struct {
	By      string                   `json:"by"`
	Error   string                   `json:"error"`
	Relays  *bool                    `json:"relays"` // the answer of Relay_ok; null: not asked
	Differs []sendmail.KeyDifference `json:"differs"`
}

func newDecidingDocument(e *allowlist.Entry) decidingDocument {
	d := decidingDocument{Sources: []ownerDocument{}}
	if e == nil {
		return d
	}
	d.Action, d.Prefix = e.Action.String(), e.Prefix.String()
	for _, o := range e.Owners {
		owner := ownerDocument{o.Source, []string{}}
		for _, path := range o.Paths {
			owner.Paths = append(owner.Paths, path.String())
		}
		d.Sources = append(d.Sources, owner)
	}
	return d
}

func keyDocuments(by string, entries []sendmail.Entry) []keyDocument {
	documents := []keyDocument{}
	for _, e := range entries {
		documents = append(documents, keyDocument{by, e.Key, e.Value, e.Line, e.ByHand})
	}
	return documents
}

// distance is the distance between two addresses of a family: in addresses or, if those
// are too many, in networks of a usual size.
func distance(a, b netip.Addr) string {
	if b.Less(a) {
		a, b = b, a
	}
	if a.Is4() {
		from, to := a.As4(), b.As4()
		n := uint64(binary.BigEndian.Uint32(to[:]) - binary.BigEndian.Uint32(from[:]))
		if n < 1<<16 {
			return terminal.Counted(n, "address", "addresses")
		}
		return "about " + terminal.Counted(n>>16, "/16 network", "/16 networks")
	}
	from, to := a.As16(), b.As16()
	apart := binary.BigEndian.Uint64(to[:8]) - binary.BigEndian.Uint64(from[:8])
	if apart == 0 {
		if n := binary.BigEndian.Uint64(to[8:]) - binary.BigEndian.Uint64(from[8:]); n < 1<<16 {
			return terminal.Counted(n, "address", "addresses")
		}
		return "less than a /64"
	}
	const step = 16 // bits between one size of network and the next
	bits, about := 64, ""
	for ; apart >= 1<<step; bits -= step {
		apart, about = apart>>step, "about "
	}
	return about + terminal.Counted(apart, fmt.Sprintf("/%d network", bits), fmt.Sprintf("/%d networks", bits))
}
