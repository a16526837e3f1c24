package snapshot

import (
	"bytes"
	_ "embed"
	"time"
)

// embeddedJSON holds policies that providers of the catalogue published, each
// with the date of its text. The files in fixtures/zones say where each was found.
//
//go:embed embedded.json
var embeddedJSON []byte

// Embedded gives the snapshot that is part of the program, for a first
// run without a network. Its ranges are months or years old, so it is used only
// on request.
func Embedded() (*Snapshot, error) {
	return Decode(bytes.NewReader(embeddedJSON), "embedded")
}

// EmbeddedTime gives the newest time in the embedded snapshot, without decoding it. No clock that is right is before it.
func EmbeddedTime() time.Time { return time.Date(2026, 8, 11, 0, 0, 0, 0, time.UTC) }
