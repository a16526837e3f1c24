package config

import (
	"net/url"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/snapshot"
)

// Snapshot is the list that a host takes in place of fetching.
type Snapshot struct {
	URL    string         // a path or an https URL; empty: the sources are fetched
	Keys   []snapshot.Key // any one of them has signed it; none: it need not be signed
	CAFile string         // certificate authorities of its server, or empty
}

// maxSnapshotKeys is far more than a rotation needs.
const maxSnapshotKeys = 20

// FromSnapshot is the word for a source that has no definition here.
const FromSnapshot = "snapshot"

// IsURL reports whether a snapshot is on the web, and not a file.
func IsURL(name string) bool {
	u, err := url.Parse(name)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http")
}

func (r *reader) snapshot(at string, table map[string]any) {
	var keys []string
	r.table(at, table, []key{{"url", &r.Snapshot.URL}, {"keys", &keys}, {"ca_file", &r.Snapshot.CAFile}})
	if keys != nil && len(keys) == 0 || len(keys) > maxSnapshotKeys {
		r.problem(at+".keys", "keys has %d keys: write between 1 and %d, or leave it out", len(keys), maxSnapshotKeys)
	}
	for i, text := range keys {
		k, err := snapshot.ParseKey(text)
		r.check(item(at+".keys", i), err)
		r.Snapshot.Keys = append(r.Snapshot.Keys, k)
	}
	switch s := &r.Snapshot; {
	case IsURL(s.URL), strings.Contains(s.URL, "://"):
		r.check(at+".url", allowlist.CheckSecure(s.URL))
	case s.URL != "":
		s.URL = r.rooted(s.URL)
	}
	if r.Snapshot.CAFile != "" {
		if !IsURL(r.Snapshot.URL) && !slices.Contains(r.noValue, at+".url") {
			r.problem(at+".ca_file", "ca_file belongs to an https url")
		}
		r.Snapshot.CAFile = r.rooted(r.Snapshot.CAFile)
	}
}

// fromSnapshot checks a source that is defined in the snapshot.
func (r *reader) fromSnapshot(at, from string, families []string, src allowlist.Source) {
	r.oneOf(at+".from", from, FromSnapshot)
	if from == FromSnapshot && len(r.Snapshot.Keys) == 0 && r.lines["snapshot.keys"] == 0 {
		r.problem(at+".from", "source %q: from = \"snapshot\" takes a definition that somebody else wrote: name the keys that may sign it in [snapshot] keys", src.Name)
	}
	if from != "" && families != nil {
		r.problem(at+".families", "source %q: families is part of a definition, and the snapshot has that: write families into a target", src.Name)
	}
}
