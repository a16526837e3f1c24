package snapshot

import (
	"errors"
	"fmt"
	"slices"

	"aead.dev/minisign"

	"mailallow/allowlist/ascii"
)

// MaxSignatureBytes bounds a signature: minisign's own reads comments of 8 KiB.
const MaxSignatureBytes = 32 << 10

// Key is a public key of minisign, whose format the signatures have.
type Key struct{ minisign.PublicKey }

// ParseKey reads a key as the second line of a .pub file has it: RWQ...
func ParseKey(text string) (k Key, err error) {
	if err = k.UnmarshalText([]byte(text)); err != nil {
		err = errors.New("this is no public key of minisign: write the line of the .pub file that begins with RW")
	}
	return k, err
}

func (k Key) number() string { return fmt.Sprintf("%016X", k.ID()) }

// Verify checks the signature of text, every byte of it, by one of the keys. It gives the number of this key, and the trusted
// comment, which is signed, too, as printable ASCII.
func Verify(text, signature []byte, keys []Key) (key, comment string, err error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return "", "", errors.New("it is no signature of minisign")
	}
	at := slices.IndexFunc(keys, func(k Key) bool { return minisign.Verify(k.PublicKey, text, signature) })
	switch named := slices.IndexFunc(keys, func(k Key) bool { return k.ID() == s.KeyID }); {
	case at >= 0:
		return keys[at].number(), ascii.Printable(s.TrustedComment, maxReasonBytes), nil
	case named < 0:
		return "", "", fmt.Errorf("it is by the key %016X, which is none of [snapshot] keys", s.KeyID)
	}
	return "", "", fmt.Errorf("it is by the key %016X, and not of these bytes: one of the two files was changed, cut off or swapped", s.KeyID)
}
