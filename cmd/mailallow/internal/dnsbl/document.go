package dnsbl

import (
	"cmp"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsbl"
)

// document is the JSON document.
type document struct {
	Results  []documentRow       `json:"results"`
	Problems []allowlist.Problem `json:"problems"`
}

type documentRow struct {
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

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any {
	return document{Results: []documentRow{}, Problems: problems}
}

func (c *check) document() document {
	doc := document{Results: []documentRow{}, Problems: append([]allowlist.Problem{}, c.problems...)}
	for _, res := range c.results {
		row := documentRow{res.Address.String(), res.Zone.Written, res.State, codeTexts(res), res.Meaning, res.URL,
			append([]string{}, res.Text...), res.Policy, nil}
		if c.changes {
			before, changed := c.compared.changed[keyOf(res)]
			if !changed {
				continue
			}
			state := cmp.Or(before.State, "new")
			row.Was = &state
		}
		doc.Results = append(doc.Results, row)
	}
	return doc
}
