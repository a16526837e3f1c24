// Package key knows the keys of Sendmail's access map: how one is written and read, which address it matches, and the fewest
// keys that say what a list says. An access map has no CIDR (facts.md 1): a key ends at an octet or at a 16-bit group. The
// package knows no file and no value.
package key

import (
	"strings"

	"mailallow/allowlist/ascii"
)

// Key is a key of an access file, taken apart.
type Key struct {
	Tag     string // in lower case, without its colon; empty: none
	Written string // the tag as it is written, with its colon
	Address string // what stands behind the tag, folded as makemap does
}

// Cut takes a key apart. IPv6: is a family and no tag, and neither is the first group of a bare IPv6 address.
func Cut(key string) Key {
	tag := key[:tagEnd(key)]
	if strings.EqualFold(tag, IPv6) || IsBareIPv6(key) {
		tag = ""
	}
	return Key{Tag: strings.ToLower(strings.TrimSuffix(tag, ":")), Written: tag, Address: ascii.Lower(key[len(tag):])}
}

// tagEnd is where a tag of letters, digits and _ with its colon ends; 0: there is none.
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

// AsksAddresses are the tags that are looked up with a client's or a server's address (cf/m4/proto.m4, cf/README).
func (k Key) AsksAddresses() bool {
	switch k.Tag {
	case "", "connect", "greetpause", "clientrate", "clientconn", "tls_srv", "tls_clt", "try_tls", "srv_features",
		"clt_features", "tls_srv_features", "tls_clt_features", "authinfo":
		return true
	}
	return false
}

// ForClients reports whether the key decides about connections: check_relay and check_rcpt.
func (k Key) ForClients() bool { return k.Tag == "" || k.Tag == "connect" }
