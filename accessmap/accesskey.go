package accessmap

import "strings"

// accessKey is a key of an access file, taken apart.
type accessKey struct {
	tag     string // in lower case, without its colon; empty: none
	written string // the tag as it is written, with its colon
	address string // what stands behind the tag, folded as makemap does
}

// cutKey takes a key apart. IPv6: is a family and no tag, and neither is the first group of a bare IPv6 address.
func cutKey(key string) accessKey {
	tag := key[:tagEnd(key)]
	if strings.EqualFold(tag, ipv6Tag) || bareIPv6(key) {
		tag = ""
	}
	return accessKey{tag: strings.ToLower(strings.TrimSuffix(tag, ":")), written: tag, address: lowerASCII(key[len(tag):])}
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

// asksAddresses are the tags that are looked up with a client's or a server's address (cf/m4/proto.m4, cf/README).
func (k accessKey) asksAddresses() bool {
	switch k.tag {
	case "", "connect", "greetpause", "clientrate", "clientconn", "tls_srv", "tls_clt", "try_tls", "srv_features",
		"clt_features", "tls_srv_features", "tls_clt_features", "authinfo":
		return true
	}
	return false
}

// forClients reports whether the key decides about connections: check_relay and check_rcpt.
func (k accessKey) forClients() bool { return k.tag == "" || k.tag == "connect" }
