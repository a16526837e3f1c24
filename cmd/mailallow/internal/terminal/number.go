package terminal

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mailallow/allowlist/ascii"
)

// Counted is a number with its noun: "1 file", "1,000 files".
func Counted(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(n) + " " + many
}

// Grouped is a number with a comma between thousands.
func Grouped(n uint64) string { return ascii.Count(n) }

// Addresses is the number of addresses in a network: in digits for IPv4, as a power of
// two for IPv6.
func Addresses(p netip.Prefix) string {
	bits := p.Addr().BitLen() - p.Bits()
	if p.Addr().Is6() && bits > 0 {
		return fmt.Sprintf("2^%d addresses", bits)
	}
	return Counted(1<<bits, "address", "addresses")
}

// Age is an age in one unit: now, 5m, 47h, 2d.
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Place is a line of a file as FILE:LINE; line 0 is the file as a whole. A line feed in the path is escaped, or the text behind
// it would look like a message.
func Place(path string, line int) string {
	path = strings.ReplaceAll(path, "\n", `\n`)
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}
