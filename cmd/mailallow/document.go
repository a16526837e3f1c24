package main

import (
	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The JSON documents. Their members are a promise to scripts: see the README.

// runDocument is what update and diff tell.
type runDocument struct {
	Version   int                 `json:"version"`
	Changed   bool                `json:"changed"`
	Installed bool                `json:"installed"`
	Targets   []targetDocument    `json:"targets"`
	Sources   []sourceDocument    `json:"sources"`
	Problems  []allowlist.Problem `json:"problems"`
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

// failure is the document of a run that ended before it had anything to tell: the
// command's own, with nothing in it but what went wrong.
func failure(command string, err error) any {
	problems := []allowlist.Problem{{Kind: "error", Text: err.Error()}}
	if cmd, _ := findCommand(command); cmd.empty != nil {
		return cmd.empty(problems)
	}
	return struct {
		Version  int                 `json:"version"`
		Problems []allowlist.Problem `json:"problems"`
	}{terminal.DocumentVersion, problems}
}

func emptyRun(problems []allowlist.Problem) any {
	return runDocument{Version: terminal.DocumentVersion, Targets: []targetDocument{}, Sources: []sourceDocument{}, Problems: problems}
}

func (r *request) sourceDocuments(list *resolved) []sourceDocument {
	documents := []sourceDocument{}
	for _, s := range list.sources {
		row := s.row(r.now)
		d := sourceDocument{
			Name: s.Source.Name, Action: s.Action.String(), Status: s.Status,
			Ranges: row.ranges, IPv4Addresses: row.count.IPv4,
			Problems: append([]allowlist.Problem{}, s.Problems...),
		}
		if row.hasTime {
			age := int64(row.age.Seconds())
			d.AgeSeconds = &age
		}
		documents = append(documents, d)
	}
	return documents
}

// targetDocuments has a row for every target. done tells that the plans were, or
// could be, carried out; what was not changed has no difference.
func targetDocuments(plans []accessmap.TargetPlan, done bool) []targetDocument {
	documents := []targetDocument{}
	for _, p := range plans {
		d := targetDocument{
			Path: p.Path, Format: p.Format.Name, Entries: p.Entries, Added: []string{}, Removed: []string{},
			Problems: append(p.Refused(), p.Problems...),
		}
		if done {
			difference := p.Diff()
			d.Changed = p.Changed()
			d.Added, d.Removed = accessmap.Networks(difference.Added), accessmap.Networks(difference.Removed)
		}
		documents = append(documents, d)
	}
	return documents
}
