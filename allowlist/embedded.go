package allowlist

import (
	"bytes"
	_ "embed"
)

// embeddedJSON holds published policies of the catalogue's providers as they
// were on the date each carries; see fixtures/zones for where each was read.
//
//go:embed embedded.json
var embeddedJSON []byte

// EmbeddedSnapshot gives the snapshot in the program: a first run without a
// network. It is old by its nature, and nothing uses it unasked.
func EmbeddedSnapshot() (*Snapshot, error) {
	return DecodeSnapshot(bytes.NewReader(embeddedJSON), "embedded")
}
