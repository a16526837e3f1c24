package server

import (
	"slices"
	"strings"

	"mailallow/accessmap/format"
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
	for _, name := range append(postfix.RestrictionLists(), postfix.AddressLists()...) {
		use := map[string]format.Use{"mynetworks": format.UseMyNetworks, "postscreen_access_list": format.UsePostscreen}[name]
		for _, item := range m.Lists[name].Items {
			table := item.Argument
			switch {
			case use != format.UseNone:
				table = strings.TrimPrefix(item.Name, "!")
			case item.Name != "check_client_access":
				continue
			}
			path, ok := strings.CutPrefix(strings.TrimPrefix(table, "proxy:"), "cidr:/")
			t := Table{Path: "/" + path, Use: use}
			if t.Use == format.UseNone {
				t.Use = format.UseSMTPD
			}
			if ok && !slices.Contains(tables, t) {
				tables = append(tables, t)
			}
		}
	}
	return tables
}

// PatternFiles gives the files that mynetworks names by their paths alone, or by a ! and their paths. A slash with digits is the end
// of a network.
func PatternFiles(m *postfix.Main) (paths []string) {
	for _, item := range m.Lists["mynetworks"].Items {
		if path := patternFile(item.Name); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// patternFile gives the file that a pattern names; empty: it names none.
func patternFile(word string) string {
	path := strings.TrimLeft(word, "!")
	if !strings.HasPrefix(path, "/") || strings.Trim(path, "/0123456789") == "" {
		return ""
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
