// Package allowlist knows addresses: where lists of them come from, which of
// them may be believed, and what they say together. It knows no mail server
// and writes no file but the snapshot.
//
// The stages, in the order a run goes through them:
//
//	Source    -> Fetch    -> Resolved: ranges, each with the path that put it there
//	Resolved  -> Check    -> the guard's verdict against the last good state
//	Resolved… -> Merge    -> Set: one action an address, with its provenance
package allowlist

import "fmt"

// Action is what a mail server is to do with a client. The order of the values
// is the precedence between sources at equal prefix length: the larger wins.
type Action uint8

const (
	// None is no action: the address is in no source, or was cut out.
	None Action = iota
	// Relay accepts the client and relays its mail to anywhere (docs/facts.md 4).
	Relay
	// OK accepts the client past DNSBLs; it does not let it relay.
	OK
	// Reject refuses the client.
	Reject
	// Exclude keeps the address out of every output, at any prefix length.
	Exclude
)

var actionNames = [...]string{None: "", Relay: "RELAY", OK: "OK", Reject: "REJECT", Exclude: "EXCLUDE"}

// String gives the action as it is written in a configuration and in an access
// map; None is the empty string.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// ParseAction reads an action as it is written in a configuration: RELAY, OK,
// REJECT or EXCLUDE, in upper case as Sendmail has them.
func ParseAction(s string) (Action, error) {
	for a := Relay; a <= Exclude; a++ {
		if actionNames[a] == s {
			return a, nil
		}
	}
	return None, fmt.Errorf("unknown action %q: one of RELAY, OK, REJECT, EXCLUDE", s)
}

// MarshalText writes the action by its name.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads an action as ParseAction does.
func (a *Action) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAction(string(b))
	return err
}
