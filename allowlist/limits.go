package allowlist

import "time"

// Limits bound a source and its changes. MaxAge, Expire and the totals are off at zero; the others always bind.
type Limits struct {
	WidestIPv4, WidestIPv6 int           // shortest prefix length that is accepted
	TotalIPv4, TotalIPv6   int           // no more addresses than one network of this prefix length has
	MaxShrink              Percent       // of the addresses that a family had, so many may be gone; 100 and above never holds
	MaxGrow                Percent       // of their number, so many may be new
	Window                 time.Duration // MaxShrink and MaxGrow hold against every state in force within so long
	MaxAge                 time.Duration // ranges that are older are a problem "age"
	Expire                 time.Duration // last good ranges that are older are not used
	AllowSpecial           bool          // fetched sources may name special-purpose space
}

// Percent is a share in whole percent.
type Percent int

// DefaultLimits gives the limits of a configuration that sets none, for sources with the action OK.
func DefaultLimits() Limits {
	return Limits{WidestIPv4: 12, WidestIPv6: 28, TotalIPv4: 11, TotalIPv6: 28, MaxShrink: 30, MaxGrow: 200,
		Window: 30 * 24 * time.Hour, MaxAge: 72 * time.Hour}
}

// The totals of a RELAY source if the configuration names none. They are smaller than those of an OK source, because a foreign
// address that may relay does more harm than one that is let past a DNSBL.
const (
	RelayTotalIPv4 = 12
	RelayTotalIPv6 = 32
)
