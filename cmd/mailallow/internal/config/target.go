package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
)

func (r reader) target(at string, c targetConfig) plan.Target {
	format, err := format.ByName(c.Format)
	if err != nil {
		r.problem(at+".format", "%w", err)
	}
	if c.Path == "" {
		r.problem(at, "the target has no path")
	}
	t := plan.Target{
		Format: format, Path: r.rooted(c.Path), WholeFile: c.Mode == "file", Map: cmp.Or(c.Map, makemap.Auto), Makemap: r.program(c.Makemap),
		SendmailCF: r.rooted(cmp.Or(c.SendmailCF, DefaultSendmailCF)), CFOptional: c.SendmailCF == "",
		OnChange: r.argv(at+".on_change", c.OnChange, `["postfix", "reload"]`),
	}
	if filepath.IsAbs(c.Path) {
		t.Root = r.root
	}
	r.oneOf(at+".mode", c.Mode, "block", "file")
	r.oneOf(at+".map", c.Map, makemap.Words()...)
	if err == nil && !format.Map && (c.Map != "" || c.Makemap != "" || c.SendmailCF != "") {
		r.problem(at, "map, makemap and sendmail_cf belong to sendmail-access: a %s target has no map", format.Name)
	}
	if err == nil && !format.Block && c.Mode == "block" {
		r.problem(at+".mode", "a %s file is mailallow's as a whole: there is no block in it", format.Name)
	}
	if r.root != "" {
		t.OnChange = nil // the services below another root are not the ones that run here
	}
	t.Want = r.selection(at, c)
	return t
}

func (r reader) selection(at string, c targetConfig) format.Selection {
	var want format.Selection
	r.number(at+".max_keys", c.MaxKeys, 1, maxKeys, &want.MaxKeys)
	if c.Families != nil {
		want.NoIPv4, want.NoIPv6 = !slices.Contains(c.Families, "ipv4"), !slices.Contains(c.Families, "ipv6")
		if want.NoIPv4 && want.NoIPv6 {
			r.problem(at+".families", "families names neither \"ipv4\" nor \"ipv6\"")
		}
	}
	for i, family := range c.Families {
		r.oneOf(fmt.Sprintf("%s.families[%d]", at, i), family, "ipv4", "ipv6")
	}
	if c.Only != nil && len(c.Only) == 0 {
		r.problem(at+".only", "only names no action")
	}
	for i, name := range c.Only {
		a, err := allowlist.ParseAction(name)
		switch {
		case err != nil:
			r.problem(fmt.Sprintf("%s.only[%d]", at, i), "%w", err)
		case a == allowlist.Exclude:
			r.problem(fmt.Sprintf("%s.only[%d]", at, i), "EXCLUDE is in no output")
		}
		want.Only = append(want.Only, a)
	}
	return want
}
