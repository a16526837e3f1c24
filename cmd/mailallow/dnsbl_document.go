package main

import (
	"cmp"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsbl"
	"mailallow/cmd/mailallow/internal/terminal"
)

// dnsblDocument is the JSON of the command.
type dnsblDocument struct {
	Version  int                 `json:"version"`
	Results  []dnsblRow          `json:"results"`
	Problems []allowlist.Problem `json:"problems"`
}

type dnsblRow struct {
	Address string      `json:"address"`
	Zone    string      `json:"zone"`
	State   dnsbl.State `json:"state"`
	Codes   []string    `json:"codes"`
	Meaning string      `json:"meaning"`
	URL     string      `json:"url"`
	Text    []string    `json:"text"`
	Policy  bool        `json:"policy"`
	Was     *string     `json:"was,omitempty"` // with --changes
}

func emptyDNSBL(problems []allowlist.Problem) any {
	return dnsblDocument{Version: terminal.DocumentVersion, Results: []dnsblRow{}, Problems: problems}
}

func (r *dnsblRun) document() dnsblDocument {
	doc := dnsblDocument{Version: terminal.DocumentVersion, Results: []dnsblRow{}, Problems: []allowlist.Problem{}}
	for _, res := range r.results {
		row := dnsblRow{res.Address.String(), res.Zone.Written, res.State, codeTexts(res), res.Meaning, res.URL,
			append([]string{}, res.Text...), res.Policy, nil}
		if r.changes {
			was, changed := r.compared.changed[keyOfResult(res)]
			if !changed {
				continue
			}
			before := cmp.Or(was.State, "new")
			row.Was = &before
		}
		doc.Results = append(doc.Results, row)
	}
	for _, p := range r.problems {
		doc.Problems = append(doc.Problems, allowlist.Problem{Kind: p.kind, Text: p.err.Error()})
	}
	return doc
}
