// Package key reads and writes the keys of Sendmail's access map, and finds the fewest keys for a list. An access map has no
// CIDR (docs/facts.md 1): a key ends at an octet or at a 16-bit group. The package knows no files, and no values of keys.
package key

import (
	"strings"

	"mailallow/allowlist/ascii"
)

// Key is a key of an access file, cut into tag and address.
type Key struct {
	Tag     string // in lower case, without its colon; empty: none
	Written string // the tag in its own case, with its colon
	Address string // the rest of the key in lower case, as makemap stores it
}

// Cut cuts a key into its parts. Neither IPv6: nor the first group of a bare IPv6 address is a tag.
func Cut(key string) Key {
	tag := key[:tagEnd(key)]
	if strings.EqualFold(tag, IPv6) || IsBareIPv6(key) {
		tag = ""
	}
	return Key{Tag: strings.ToLower(strings.TrimSuffix(tag, ":")), Written: tag, Address: ascii.Lower(key[len(tag):])}
}

// tagEnd is the length of a tag of letters, digits and _ with its colon; 0: there is none.
func tagEnd(key string) int {
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', i > 0 && '0' <= c && c <= '9':
		case i > 0 && c == ':':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// AsksAddresses reports whether Sendmail looks up keys with this tag by the address of a client or a server (its
// cf/m4/proto.m4 and cf/README).
func (k Key) AsksAddresses() bool {
	switch k.Tag {
	case "", "connect", "greetpause", "clientrate", "clientconn", "tls_srv", "tls_clt", "try_tls", "srv_features",
		"clt_features", "tls_srv_features", "tls_clt_features", "authinfo":
		return true
	}
	return false
}

// ForClients reports whether check_relay and check_rcpt look the key up.
func (k Key) ForClients() bool { return k.Tag == "" || k.Tag == "connect" }
