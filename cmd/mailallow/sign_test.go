package main

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"sync"

	"aead.dev/minisign"
	"github.com/rogpeppe/go-internal/testscript"
)

// keyPair is a key of minisign with its public half as configurations have it.
type keyPair struct {
	private minisign.PrivateKey
	public  string
}

// signingKeys makes the keys of the tests.
var signingKeys = sync.OnceValue(func() (keys [4]keyPair) {
	for i := range keys {
		public, private, err := minisign.GenerateKey(nil)
		if err != nil {
			panic(err)
		}
		keys[i] = keyPair{private, public.String()}
	}
	return keys
})

func signingKey(number int) keyPair { return signingKeys()[number] }

// sign KEY FILE...: signs each file with the key of this number, into FILE.minisig.
func signCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 1, "sign KEY FILE...")
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	for _, name := range args[1:] {
		text, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name+".minisig"), signed(number, text, "reviewed as "+name), 0o644))
	}
}

// signed gives the signature of a text as minisign 0.11 makes it: of the hash of the text.
func signed(number int, text []byte, comment string) []byte {
	hashed := minisign.NewReader(bytes.NewReader(text))
	if _, err := io.Copy(io.Discard, hashed); err != nil {
		panic(err)
	}
	return hashed.SignWithComments(signingKey(number).private, comment, "not trusted")
}
