package allowlist

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

// Provider is one mail sender of the catalogue. Exactly one of SPF, URL and
// Unlistable is set; the head of providers.toml defines the fields.
type Provider struct {
	Name       string
	Title      string
	SPF        []string
	URL        string
	Select     string
	Shared     bool           // its hosts send for many unrelated customers
	Former     []netip.Prefix // what its policies listed once
	Doc        string
	Note       string
	Unlistable string // the reason why no source can use this provider, or empty
}

//go:embed providers.toml
var providersTOML []byte

var catalogue = sync.OnceValues(func() ([]Provider, error) {
	return parseProviders(providersTOML)
})

// parseProviders reads a catalogue. Its errors give the line; an unknown key is
// an error.
func parseProviders(doc []byte) ([]Provider, error) {
	var file struct{ Provider []Provider }
	dec := toml.NewDecoder(bytes.NewReader(doc)).DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("provider catalogue: %w", tomlError(err))
	}
	return file.Provider, nil
}

// tomlError adds the line, which the decoder's own text does not have for an
// unknown key.
func tomlError(err error) error {
	switch e := err.(type) {
	case *toml.StrictMissingError:
		row, _ := e.Errors[0].Position()
		return fmt.Errorf("line %d: unknown key %q", row, strings.Join(e.Errors[0].Key(), "."))
	case *toml.DecodeError:
		row, _ := e.Position()
		return fmt.Errorf("line %d: %w", row, err)
	}
	return err
}

// Providers gives the catalogue, sorted by name. The caller owns the slice, but
// must not change the slices in it. An error means that the program was built
// with a broken catalogue.
func Providers() ([]Provider, error) {
	all, err := catalogue()
	return slices.Clone(all), err
}

// ProviderByName finds an entry of the catalogue, also one that is Unlistable.
func ProviderByName(name string) (Provider, bool) {
	if name == "" {
		return Provider{}, false // most sources name no provider: do not parse the catalogue for them
	}
	all, _ := catalogue() // a broken catalogue is empty
	for _, p := range all {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}

// OnSharedHosts gives the Shared provider whose hosts the source lists, whether
// the source names the provider or one of its SPF names.
func (s Source) OnSharedHosts() (Provider, bool) {
	if s.Provider == "" && len(s.SPF) == 0 {
		return Provider{}, false
	}
	all, _ := catalogue() // a broken catalogue is empty
	for _, p := range all {
		isListed := p.Name == s.Provider || slices.ContainsFunc(s.SPF, func(name string) bool {
			return slices.Contains(p.SPF, canonicalName(name))
		})
		if isListed && p.Shared {
			return p, true
		}
	}
	return Provider{}, false
}
