package snapshot

import (
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/guard"
)

// Source is one source as the run that wrote the snapshot left it.
type Source struct {
	allowlist.Resolved // a zero time: the run had no ranges of it
	// Status is what the run said of the source: fresh only if it fetched it. Empty: the snapshot does not say, as the last
	// good state, and version 1, which hosts take as fresh.
	Status  guard.Status
	Reasons []allowlist.Problem // for the status, and what is to be told at every run
	Refused *guard.Proposed     // what a held source would have become
}

// Bounds on what a snapshot says of a source beside its ranges. It may come from a repository of strangers.
const (
	maxNameBytes       = 256 // four times as long as a configuration allows
	maxDefinitionBytes = 128 // a digest has 71
	maxReasons         = 200 // the guard gives some ten kinds, of at most 21 each
	maxReasonBytes     = 2000
	maxKindBytes       = 32
)

// Reasons gives the problems of a source for a snapshot: why it is held, stale or missing, and that its policy is taken in
// part, which every run tells. What depends on the host, its clock and its configuration is for each host to say.
func Reasons(status guard.Status, problems []allowlist.Problem) (reasons []allowlist.Problem) {
	local := []string{"age", "accept", "accepted", "embedded", "shared-relay"}
	for _, p := range problems {
		told := !slices.Contains(local, p.Kind)
		if status == guard.Fresh {
			told = p.Kind == "permerror"
		}
		if told && len(reasons) < maxReasons {
			reasons = append(reasons, allowlist.Problem{Kind: p.Kind, Text: oneLine(p.Text)})
		}
	}
	return reasons
}

// oneLine gives a text as a snapshot may hold it.
func oneLine(text string) string {
	return ascii.Shown(strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "), maxReasonBytes)
}

// check notes the mistakes beside the ranges. twice: an earlier source has the name.
func (d *decoded) check(twice bool) {
	if d.Name == "" {
		d.mistake("it has no name")
	}
	if twice {
		d.mistake("another source has the same name")
	}
	if len(d.Name) > maxNameBytes {
		d.mistake("its name is longer than %d bytes", maxNameBytes)
	}
	if d.Definition == "" {
		d.mistake("it has no definition")
	}
	if len(d.Definition) > maxDefinitionBytes || !ascii.AllShow(d.Definition) {
		d.mistake("its definition is longer than %d bytes or has characters that cannot be printed", maxDefinitionBytes)
	}
	if !ascii.AllShow(d.Name) {
		d.mistake("its name has characters that cannot be printed")
	}
	d.checkTime()
	d.checkStatus()
}

func (d *decoded) checkTime() {
	switch {
	case !d.Time.IsZero() && !isWritable(d.Time):
		d.mistake("its time is in the year %d", d.Time.UTC().Year())
	case !d.Time.IsZero():
	case d.Status == "" || d.Status == guard.Fresh || d.Status == guard.Stale:
		d.mistake("it has no time")
	case d.Ranges.Len() > 0:
		d.mistake("it has ranges and no time")
	}
}

func (d *decoded) checkStatus() {
	statuses := guard.Statuses()
	switch {
	case d.Status != "" && !slices.Contains(statuses[:], d.Status), d.Status == guard.Ended: // a snapshot is without what has ended
		d.mistake("its status \"%s\" is none of fresh, stale, held, missing", ascii.Excerpt(string(d.Status)))
	case d.Status == guard.Missing && !d.Time.IsZero():
		d.mistake("it is missing and has a time")
	case d.Refused != nil && d.Status != guard.Held:
		d.mistake("it names what was refused, and it is not held")
	}
	for _, reason := range d.Reasons {
		if !isKind(reason.Kind) || reason.Text == "" || len(reason.Text) > maxReasonBytes || !ascii.AllShow(reason.Text) {
			d.mistake("a reason of the kind \"%s\" is no word with a text of one line and at most %d bytes", ascii.Excerpt(reason.Kind), maxReasonBytes)
		}
	}
	if p := d.Refused; p != nil {
		d.checkRefused(p)
	}
}

func isKind(kind string) bool {
	return kind != "" && len(kind) <= maxKindBytes && strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz-") == ""
}

func (d *decoded) checkRefused(p *guard.Proposed) {
	if len(p.Digest) != guard.DigestDigits || strings.Trim(p.Digest, "0123456789abcdef") != "" {
		d.mistake("the digest \"%s\" of what was refused is not %d hex digits", ascii.Excerpt(p.Digest), guard.DigestDigits)
	}
	if p.Ranges < 0 || p.Ranges > allowlist.MaxFileRanges || p.IPv4Addresses > 1<<32 {
		d.mistake("what was refused has %d ranges and %d IPv4 addresses, which cannot be", p.Ranges, p.IPv4Addresses)
	}
}
