// Package allowlist makes one list out of many sources of addresses. It reads
// sources and merges what the guard lets through. It knows no mail server, and it
// writes no file.
//
// A run calls the stages in this order:
//
//	Source    -> Fetcher.Fetch     -> Fetched: ranges, each with the path that named it
//	Fetched   -> guard.Guard.Check -> Verdict: these ranges, or the last good ones
//	Labelled… -> Merge             -> Set: one action for each address, and its sources
package allowlist

import "fmt"

// Action tells a mail server how to treat a client. At equal prefix length the
// larger value wins.
type Action uint8

const (
	// None means that no source names the address, or that EXCLUDE removed it.
	None Action = iota
	// Relay accepts the client and relays its mail to anywhere (docs/facts.md 4).
	Relay
	// OK accepts the client without a DNSBL query, but does not let it relay (docs/facts.md 4).
	OK
	// Reject refuses the client.
	Reject
	// Exclude removes the address from every output, at any prefix length.
	Exclude
)

var actionNames = [...]string{None: "", Relay: "RELAY", OK: "OK", Reject: "REJECT", Exclude: "EXCLUDE"}

// String gives the name that configurations and access maps use; None has an
// empty name.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// LetsIn reports whether a server takes the mail of a client with the action: OK or RELAY.
func (a Action) LetsIn() bool { return a == OK || a == Relay }

// KeepsOut reports whether the action takes addresses away from a list: REJECT or EXCLUDE.
func (a Action) KeepsOut() bool { return a == Reject || a == Exclude }

// ParseAction reads RELAY, OK, REJECT or EXCLUDE, in upper case only, as
// Sendmail does. Any other text is an error that lists these four.
func ParseAction(s string) (Action, error) {
	for a := Relay; a <= Exclude; a++ {
		if actionNames[a] == s {
			return a, nil
		}
	}
	return None, fmt.Errorf("unknown action %q: one of RELAY, OK, REJECT, EXCLUDE", s)
}

// MarshalText gives the name of the action.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads an action as ParseAction does.
func (a *Action) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAction(string(b))
	return err
}
