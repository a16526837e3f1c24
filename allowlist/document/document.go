// Package document reads addresses and networks out of documents: texts, web pages and JSON. It takes bytes and knows no
// source, no server and no file; its callers bound the number of networks and of problems.
package document

import (
	"net/netip"

	"mailallow/allowlist/provenance"
)

// Reader reads one document.
type Reader struct {
	Name string // of the document, for paths and messages
	// Add gets each address or network with its path. Its error ends the reading.
	Add func(netip.Prefix, *provenance.Path) error
	// Problem gets the kind and the text of a problem that does not end the reading. It makes the text only if it needs it.
	Problem func(kind string, text func() string)
}

// maxMistakes bounds the mistakes of one document that an error lists.
const maxMistakes = 20
