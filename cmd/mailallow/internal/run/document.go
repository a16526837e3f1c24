package run

import (
	"net/netip"
	"time"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The JSON documents. Scripts rely on their members: see the documentation.

// Document is the document of update and diff.
type Document struct {
	Changed   bool                `json:"changed"`
	Installed bool                `json:"installed"`
	Targets   []targetDocument    `json:"targets"`
	Sources   []SourceDocument    `json:"sources"`
	Problems  []allowlist.Problem `json:"problems"`
	// Consequences are null unless diff was given a log.
	Consequences *Consequences `json:"consequences"`
}

type targetDocument struct {
	Path     string         `json:"path"`
	Format   string         `json:"format"`
	Changed  bool           `json:"changed"`
	Entries  int            `json:"entries"`
	Added    []string       `json:"added"`
	Removed  []string       `json:"removed"`
	Problems []plan.Problem `json:"problems"`
}

// SourceDocument is a source in every form of output.
type SourceDocument struct {
	Name          string              `json:"name"`
	Action        string              `json:"action"`
	Status        guard.Status        `json:"status"`
	Ranges        int                 `json:"ranges"`
	IPv4Addresses uint64              `json:"ipv4_addresses"`
	AgeSeconds    *int64              `json:"age_seconds"` // null: it has no ranges, or the clock is wrong
	Reason        string              `json:"reason"`
	Owner         string              `json:"owner"`
	Until         *string             `json:"until"`    // its last day, 2026-12-31; null: it has no end
	Pinned        bool                `json:"pinned"`   // a rollback pinned its ranges
	Proposed      *proposedDocument   `json:"proposed"` // null: it is not held
	Problems      []allowlist.Problem `json:"problems"`

	IPv6Ranges int       `json:"-"` // of Ranges
	Time       time.Time `json:"-"` // of its ranges, or of those that have expired; zero: it never had any
}

// AgeText is the age in a table.
func (d SourceDocument) AgeText() string {
	switch {
	case d.Time.IsZero():
		return "-"
	case d.AgeSeconds == nil:
		return "unknown"
	}
	return terminal.Age(time.Duration(*d.AgeSeconds) * time.Second)
}

// proposedDocument has the fields of guard.Proposed.
type proposedDocument struct {
	Digest        string         `json:"digest"`
	Ranges        int            `json:"ranges"`
	IPv4Addresses uint64         `json:"ipv4_addresses"`
	Came          []netip.Prefix `json:"came"`
	Gone          []netip.Prefix `json:"gone"`
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return Document{Targets: []targetDocument{}, Sources: []SourceDocument{}, Problems: problems}
}

// Documents gives the sources, in the order of the configuration.
func (l *List) Documents() []SourceDocument {
	documents := []SourceDocument{}
	for _, s := range l.Sources {
		d := SourceDocument{
			Name: s.Source.Name, Action: s.Action.String(), Status: s.Status, Time: s.Time, Reason: s.Reason, Owner: s.Owner, Pinned: s.Pinned,
			IPv4Addresses: allowlist.CountAddresses(s.Ranges.Minimal()).IPv4,
			Problems:      append([]allowlist.Problem{}, s.Problems...), Proposed: (*proposedDocument)(s.Proposed),
		}
		if last := s.UntilText(); last != "" {
			d.Until = &last
		}
		for p := range s.Ranges.Minimal() {
			d.Ranges++
			if p.Addr().Is6() {
				d.IPv6Ranges++
			}
		}
		if !d.Time.IsZero() && !l.ClockWrong {
			age := int64(s.Age(l.Now).Seconds())
			d.AgeSeconds = &age
		}
		documents = append(documents, d)
	}
	return documents
}

// targetDocuments has a row for every target. done: the plans were carried out, or could
// be; otherwise no target changes.
func targetDocuments(plans []*plan.Plan, done bool) []targetDocument {
	documents := []targetDocument{}
	for _, p := range plans {
		d := targetDocument{
			Path: p.Path, Format: p.Format.Name, Entries: p.Entries, Added: []string{}, Removed: []string{},
			Problems: append(p.Refused(), p.Problems...),
		}
		if done {
			d.Changed = p.Changed()
			d.Added, d.Removed = p.Difference().Lines()
		}
		documents = append(documents, d)
	}
	return documents
}
