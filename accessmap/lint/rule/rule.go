// Package rule is the ground under the rooms of lint: a finding, a rule with its name and texts, the run that gives each finding
// the name of its rule, and the line of a text that a correction replaces. It knows no format.
package rule

import (
	"sort"

	"mailallow/allowlist/ascii"
)

// Finding is one mistake in a file, or between a file and the server that reads it.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`     // physical, from 1; 0: the file as a whole
	Rule     string   `json:"rule"`     // its name in the table of rules
	Text     string   `json:"text"`     // the mistake and its effect, on one line
	Fix      string   `json:"fix"`      // the lines to write instead of this one, or advice; may be empty
	Severity Severity `json:"severity"` // of the rule

	// Certain reports that the line can mean nothing but the fix, so that the fixed text has it.
	Certain bool `json:"-"`
}

// Sort sorts findings by line. Findings on one line keep their order.
func Sort(findings []Finding) {
	sort.SliceStable(findings, func(i, j int) bool { return findings[i].Line < findings[j].Line })
}

// Severity says how bad a finding is. A note is no mistake: `lint` shows it, and its exit code counts it with --strict only.
type Severity string

const (
	Error   Severity = "error"   // a program refuses the file or a part of it, or does not do what the file says
	Warning Severity = "warning" // programs do what the file says, which is probably not what its writer wants
	Note    Severity = "note"    // nothing is wrong, and something could be simpler
)

// Rule is a rule of lint: its name, its severity, and its texts for `lint --rules`.
type Rule struct {
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	Catches  string   `json:"catches"`
	Why      string   `json:"why"`
}

// The rules that look at several kinds of files.

func SharedRelay() Rule {
	return Rule{"shared-relay", Warning, "RELAY on a range of a provider with many customers",
		"each of them may relay through this server"}
}

func MissingValue() Rule {
	return Rule{"missing-value", Error, "a key without a value", "makemap refuses the line; Postfix skips it"}
}

func LeadingBlank() Rule {
	return Rule{"leading-blank", Error, "a line that begins with a blank",
		"makemap refuses it; Postfix reads it as part of the line above"}
}

func ValueComment() Rule {
	return Rule{"value-comment", Error, "a comment after a value",
		"the comment is part of the value: OK # google is an error reply for Sendmail, and refuses; a text of Postfix goes to the client"}
}

func Redundant() Rule {
	return Rule{"redundant", Note, "a line that decides nothing, because other lines say the same",
		"it does no harm, and nothing changes without it"}
}

func Wide() Rule {
	return Rule{"wide", Warning, "a network that lets in more than the guard's limit",
		"most of it is somebody else's, and with RELAY may send through this server"}
}

func OpenRelay() Rule {
	return Rule{"open-relay", Error, "all of a family in mynetworks, or an eighth of it and more",
		"any host there may send through this server to anywhere"}
}

func SpecialSpace() Rule {
	return Rule{"special", Warning, "special-purpose space in a list of other networks",
		"no sender has such an address: the list was made without looking"}
}

func NoPattern() Rule {
	return Rule{"pattern", Error, "a pattern that is no address or network, in a Postfix table or mynetworks",
		"Postfix skips the line with a warning in its log; for mynetworks it answers clients with 451, or takes it for a name"}
}

func HostBits() Rule {
	return Rule{"host-bits", Error, "a network with host bits, in a Postfix table or mynetworks",
		"Postfix skips the line with a warning in its log; for mynetworks it answers clients with 451"}
}

func Mapped() Rule {
	return Rule{"mapped", Error, "an IPv4-mapped address or network (::ffff:192.0.2.1) in an access key or a Postfix table",
		"Sendmail and Postfix look such a client up as IPv4: it never matches"}
}

// Fault is a mistake in a part of a line. The faults of all parts give the line one fix.
type Fault struct {
	Text   string
	Advice string // used if the fix of the line is not certain
}

// maxShown bounds how much of a line a message shows, in bytes.
const maxShown = 60

// Shown gives a text from a file for a message: printable, and cut to 60 bytes.
func Shown(s string) string { return ascii.Printable(s, maxShown) }
