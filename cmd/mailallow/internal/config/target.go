package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
)

// target reads a [[target]].
func (r *reader) target(at string, table map[string]any) {
	var name, path, mode, mapType, cf string
	var families, only, onChange []string
	var t plan.Target
	r.table(at, table, []key{
		{"format", &name},
		{"path", &path},
		{"mode", &mode},
		{"map", &mapType},
		{"makemap", &t.Makemap},
		{"sendmail_cf", &cf},
		{"families", &families},
		{"max_keys", number{&t.Want.MaxKeys, 1, maxKeys}},
		{"only", &only},
		{"on_change", &onChange},
	})
	var err error
	t.Format, err = format.ByName(name)
	r.check(at+".format", err)
	if path == "" {
		r.problem(at+".path", "the target has no path")
	}
	r.oneOf(at+".mode", mode, "block", "file")
	r.oneOf(at+".map", mapType, makemap.Words()...)
	if err == nil && !t.Format.Map && cmp.Or(mapType, t.Makemap, cf) != "" {
		r.problem(at, "map, makemap and sendmail_cf belong to sendmail-access: a %s target has no map", t.Format.Name)
	}
	if err == nil && !t.Format.Block && mode == "block" {
		r.problem(at+".mode", "a %s file is mailallow's as a whole: there is no block in it", t.Format.Name)
	}
	t.Path, t.WholeFile = r.rooted(path), mode == "file"
	t.Map, t.Makemap = cmp.Or(mapType, makemap.Auto), r.program(t.Makemap)
	t.SendmailCF, t.CFOptional = r.rooted(cmp.Or(cf, DefaultSendmailCF)), cf == ""
	if filepath.IsAbs(path) {
		t.Root = r.root
	}
	if onChange = r.argv(at+".on_change", onChange, `["postfix", "reload"]`); r.root == "" {
		t.OnChange = onChange // the services below another root are not the ones that run here
	}
	r.selection(at, families, only, &t.Want)
	if before, twice := r.paths[t.Path]; twice && path != "" {
		r.problem(at+".path", "the path %s is that of the target on line %d already", path, before)
	}
	if r.MetricsFile != "" && behindLinks(t.Path) == behindLinks(r.rooted(r.MetricsFile)) && path != "" {
		r.problem(at+".path", "the path %s is that of metrics_file", path)
	}
	r.paths[t.Path] = r.lines[at+".path"]
	r.Targets = append(r.Targets, t)
}

func (r *reader) selection(at string, families, only []string, want *format.Selection) {
	want.NoIPv4, want.NoIPv6 = r.families(at, families)
	if only != nil && len(only) == 0 {
		r.problem(at+".only", "only names no action")
	}
	for i, name := range only {
		a, err := allowlist.ParseAction(name)
		r.check(item(at+".only", i), err)
		if a == allowlist.Exclude {
			r.problem(item(at+".only", i), "EXCLUDE is in no output")
		}
		want.Only = append(want.Only, a)
	}
}

// families reads which families a source or a target has. Without a list it has both.
func (r *reader) families(at string, names []string) (noIPv4, noIPv6 bool) {
	if names == nil {
		return false, false
	}
	noIPv4, noIPv6 = !slices.Contains(names, "ipv4"), !slices.Contains(names, "ipv6")
	if strings.Join(names, "") == "" { // of any other family there is a problem of its own
		r.problem(at+".families", "families names neither \"ipv4\" nor \"ipv6\"")
	}
	for i, family := range names {
		r.oneOf(item(at+".families", i), family, "ipv4", "ipv6")
	}
	return noIPv4, noIPv6
}
