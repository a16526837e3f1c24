package state

import (
	"path/filepath"
	"slices"
)

// The files of a state directory, and the folder of the history. What is in one is known to the package that writes it.
const (
	LockFile           = "lock"                   // that a run locks; its text names the holder
	LastGoodFile       = "snapshot.json"          // the last good state
	MemoryFile         = "window.json"            // the states before it, for the guard
	PinsFile           = "pinned.json"            // the ranges that a rollback pinned
	TargetsFile        = "targets.json"           // what is installed in each target
	MapsFile           = "maps.json"              // the maps that match their texts
	OwedFile           = "owed.json"              // the journal of an installation
	PublishedFile      = "published.json"         // the signed snapshot from the web
	PublishedSignature = "published.json.minisig" // its signature
	PublishedState     = "published.state"        // where it was read, and its validator
	NotifyFile         = "notify.json"            // what was reported to the command of notify
	NotifyLock         = "notify.json.lock"
	DNSBLFile          = "dnsbl.json" // what the blocklists said last
	DNSBLLock          = "dnsbl.json.lock"
	HistoryFolder      = "history"
)

var files = [...]string{LockFile, LastGoodFile, MemoryFile, PinsFile, TargetsFile, MapsFile, OwedFile,
	PublishedFile, PublishedSignature, PublishedState, NotifyFile, NotifyLock, DNSBLFile, DNSBLLock}

// Owns reports whether a path is that of a file which the program keeps in the state directory dir, so that no other may be
// written there. It follows no links.
func Owns(dir, path string) bool {
	folder, name := filepath.Split(path)
	switch filepath.Clean(folder) {
	case filepath.Join(dir, HistoryFolder):
		return true
	case filepath.Clean(dir):
		return slices.Contains(files[:], name)
	}
	return false
}
