package allowlist

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

// Provider is one mail sender of the catalogue. Exactly one of SPF, URL and
// Unlistable is set; what each field means is written at the head of
// providers.toml.
type Provider struct {
	Name       string
	Title      string
	SPF        []string
	URL        string
	Select     string
	Shared     bool // its hosts send for many unrelated customers
	Doc        string
	Note       string
	Unlistable string // why no source can use it; empty for all others
}

//go:embed providers.toml
var providersTOML []byte

// catalogue reads the embedded file once, on first use.
var catalogue = sync.OnceValues(func() ([]Provider, error) {
	return parseProviders(providersTOML)
})

// parseProviders reads a catalogue. A key it does not know is an error that
// gives the line.
func parseProviders(doc []byte) ([]Provider, error) {
	var file struct{ Provider []Provider }
	dec := toml.NewDecoder(bytes.NewReader(doc)).DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("provider catalogue: %w", tomlError(err))
	}
	return file.Provider, nil
}

// tomlError puts the position in front of what the decoder says: its own text
// for an unknown key names none.
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

// Providers gives the catalogue, sorted by name. The slice is the caller's; the
// SPF names in it are shared and not to be changed. An error means that the
// program was built from a broken catalogue.
func Providers() ([]Provider, error) {
	all, err := catalogue()
	return slices.Clone(all), err
}

// ProviderByName finds an entry, whether or not it can be listed.
func ProviderByName(name string) (Provider, bool) {
	if name == "" {
		return Provider{}, false // most sources: no catalogue has to be read for them
	}
	all, _ := catalogue() // a broken catalogue has no names
	for _, p := range all {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}

// OnSharedHosts gives the provider whose hosts a source lists, when they send
// for unrelated customers: the one it names, or the one whose SPF name it has
// written out.
func (s Source) OnSharedHosts() (Provider, bool) {
	all, _ := catalogue() // a broken catalogue has no names
	for _, p := range all {
		named := p.Name == s.Provider || slices.ContainsFunc(s.SPF, func(name string) bool {
			return slices.Contains(p.SPF, strings.ToLower(strings.TrimSuffix(name, ".")))
		})
		if named && p.Shared {
			return p, true
		}
	}
	return Provider{}, false
}
