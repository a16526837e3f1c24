package run

import (
	"net/netip"

	"mailallow/cmd/mailallow/internal/refusals"
)

// Consequences says what a change of the list means for the clients that DNSBLs had refused, by the logs that diff was given.
type Consequences struct {
	Refused   uint32               `json:"refused"`  // refusals by DNSBLs in the logs
	LetsIn    uint32               `json:"lets_in"`  // of clients that the new list lets in and the installed one does not
	Refuses   uint32               `json:"refuses"`  // of clients that the installed list lets in and the new one does not
	Unplaced  uint64               `json:"unplaced"` // those without an address, by a list of domains, or beyond the bound on clients
	Since     refusals.Stamp       `json:"since"`    // the first of them
	Until     refusals.Stamp       `json:"until"`
	Providers []ProviderEffect     `json:"providers"` // the most refusals first
	Examples  []ConsequenceExample `json:"examples"`  // of both effects the clients that were refused most often
}

// ProviderEffect is the effect on the clients of one provider.
type ProviderEffect struct {
	Name    string `json:"name"` // empty: no provider of the catalogue sends from there
	LetsIn  uint32 `json:"lets_in"`
	Refuses uint32 `json:"refuses"`
}

// ConsequenceExample is a client whose mail the change concerns.
type ConsequenceExample struct {
	IP netip.Addr `json:"ip"`
	refusals.Total
	Zones    []string `json:"zones"`
	Provider string   `json:"provider"`
	Effect   Effect   `json:"effect"`
}

// Effect is what a change of the list does to a client.
type Effect string

// The effects.
const (
	LetsIn  Effect = "lets_in"
	Refuses Effect = "refuses"
)
