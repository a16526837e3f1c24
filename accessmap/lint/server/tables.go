package server

import (
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
)

// Table is a table of type cidr for Postfix.
type Table struct {
	Path      string
	Use       format.Use
	Permits   bool // a line of it permits; see PermitsAny
	Generated bool // mailallow writes it, so that main.cf must name it, before any DNSBL
	Missing   bool // the file does not exist
}

// Tables gives the tables of type cidr in which main.cf has clients' addresses looked up, each once.
func Tables(m *postfix.Main) (tables []Table) {
	for _, use := range lookups(m) {
		table := use.Item.Argument
		if table == "" {
			table = strings.TrimLeft(use.Item.Name, "!")
		}
		path, ok := strings.CutPrefix(strings.TrimPrefix(table, "proxy:"), "cidr:/")
		if t := (Table{Path: "/" + path, Use: readerOf(use.List, use.Item.Name)}); ok && !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	}
	return tables
}

// lookups gives the places of main.cf where clients' addresses are looked up.
func lookups(m *postfix.Main) (uses []postfix.Use) {
	for _, name := range append(postfix.RestrictionLists(), postfix.AddressLists()...) {
		for _, item := range m.Lists[name].Items {
			if item.Name == "check_client_access" || readerOf(name, item.Name) != format.UseSMTPD {
				uses = append(uses, postfix.Use{List: name, Item: item})
			}
		}
	}
	return uses
}

// readerOf gives the program that reads a table in a list of main.cf.
func readerOf(list, item string) format.Use {
	switch {
	case list == "mynetworks" && postfix.Excludes(item):
		return format.UseExclusion
	case list == "mynetworks":
		return format.UseMyNetworks
	case list == "postscreen_access_list":
		return format.UsePostscreen
	}
	return format.UseSMTPD
}

// Inline gives the findings in the tables of type cidr that stand in main.cf itself. check finds those in the text of a table.
func Inline(m *postfix.Main, check func(text []byte, use format.Use) []rule.Finding) []rule.Finding {
	l := newPostfixLinter(m, nil, rule.Options{})
	for _, use := range lookups(m) {
		rules := use.Item.Inline()
		bare := slices.IndexFunc(rules, func(r string) bool { return r[0] != '{' })
		var text []byte
		for _, r := range rules {
			text = append(text, strings.TrimSpace(strings.Trim(r, "{}"))+"\n"...)
		}
		found := []rule.Finding{{Line: bare + 1, Text: "no braces around it: Postfix cannot read the table", Fix: "write { { 192.0.2.0/24 permit }, { 2001:db8::/32 permit } }"}}
		if bare < 0 {
			found = check(text, readerOf(use.List, use.Item.Name))
		}
		for _, f := range found {
			f.Text, f.Fix = fmt.Sprintf("rule %d of the cidr table in %s: %s", f.Line, use.List, f.Text), strings.ReplaceAll(f.Fix, "\t", " ")
			f.Line, f.Certain = 0, false
			l.Report(rule.NoPattern(), f)
		}
	}
	return l.inMain()
}

// PatternFiles gives the files that mynetworks names by their paths alone, with a ! before those that it excludes. A slash with digits is
// the end of a network.
func PatternFiles(m *postfix.Main) (files []string) {
	for _, item := range m.Lists["mynetworks"].Items {
		if file := patternFile(item.Name, postfix.Excludes(item.Name)); file != "" {
			files = append(files, file)
		}
	}
	return files
}

// patternFile gives the file that a pattern names, as PatternFiles does; empty: it names none.
func patternFile(pattern string, excludes bool) string {
	path := strings.TrimLeft(pattern, "!")
	switch {
	case !strings.HasPrefix(path, "/") || strings.Trim(path, "/0123456789") == "":
		return ""
	case excludes:
		return "!" + path
	}
	return path
}

// PermitsAny reports whether a line of a cidr table permits.
func PermitsAny(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && line[0] != '#' &&
			slices.Contains([]string{"permit", "ok", "relay"}, strings.ToLower(fields[1])) {
			return true
		}
	}
	return false
}
