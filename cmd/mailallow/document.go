package main

import (
	"mailallow/accessmap"
	"mailallow/allowlist"
)

// The JSON documents. Their members are a promise to scripts: see the README.

const documentVersion = 1

// runDocument is what update and diff tell.
type runDocument struct {
	Version   int              `json:"version"`
	Changed   bool             `json:"changed"`
	Installed bool             `json:"installed"`
	Targets   []targetDocument `json:"targets"`
	Sources   []sourceDocument `json:"sources"`
	Problems  []runProblem     `json:"problems"`
}

type targetDocument struct {
	Path     string              `json:"path"`
	Format   string              `json:"format"`
	Changed  bool                `json:"changed"`
	Entries  int                 `json:"entries"`
	Added    []string            `json:"added"`
	Removed  []string            `json:"removed"`
	Problems []accessmap.Problem `json:"problems"`
}

type sourceDocument struct {
	Name          string              `json:"name"`
	Action        string              `json:"action"`
	Status        allowlist.Status    `json:"status"`
	Ranges        int                 `json:"ranges"`
	IPv4Addresses uint64              `json:"ipv4_addresses"`
	AgeSeconds    *int64              `json:"age_seconds"` // null: it has no ranges
	Problems      []allowlist.Problem `json:"problems"`
}

// runProblem is trouble of the run as a whole.
type runProblem struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// failure is the document of a run that ended before it had anything to tell.
func failure(command string, err error) any {
	problems := []runProblem{{Kind: "error", Text: err.Error()}}
	switch command {
	case "spf":
		return spfDocument{Version: documentVersion, Domains: []domainDocument{}, Problems: problems}
	case "update", "diff", "":
		return runDocument{Version: documentVersion, Targets: []targetDocument{}, Sources: []sourceDocument{}, Problems: problems}
	}
	return struct {
		Version  int          `json:"version"`
		Problems []runProblem `json:"problems"`
	}{documentVersion, problems}
}

func (r *request) sourceDocuments(list *resolved) []sourceDocument {
	documents := []sourceDocument{}
	for _, s := range list.sources {
		minimal := allowlist.Minimal(s.Ranges)
		d := sourceDocument{
			Name: s.Source.Name, Action: s.Action.String(), Status: s.Status,
			Ranges: len(minimal), IPv4Addresses: allowlist.CountAddresses(minimal).IPv4,
			Problems: append([]allowlist.Problem{}, s.Problems...),
		}
		if !s.Time.IsZero() {
			age := int64(s.Age(r.now).Seconds())
			d.AgeSeconds = &age
		}
		documents = append(documents, d)
	}
	return documents
}

func targetDocuments(plans []accessmap.TargetPlan) []targetDocument {
	documents := []targetDocument{}
	for _, p := range plans {
		d := p.Diff()
		documents = append(documents, targetDocument{
			Path: p.Path, Format: p.Format.Name, Changed: p.Changed(), Entries: p.Entries,
			Added: accessmap.Networks(d.Added), Removed: accessmap.Networks(d.Removed),
			Problems: append([]accessmap.Problem{}, p.Problems...),
		})
	}
	return documents
}

func anyChanged(plans []accessmap.TargetPlan) bool {
	for _, p := range plans {
		if p.Changed() {
			return true
		}
	}
	return false
}
