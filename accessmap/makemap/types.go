package makemap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/accessmap/program"
	"mailallow/allowlist/pattern"
)

// Auto is the configuration's word for the type that sendmail.cf names.
const Auto = "auto"

// None is the configuration's word for a text without a map.
const None = "none"

// DefaultType is the type of a map that sendmail.cf does not name.
const DefaultType = "hash"

// Words are the values of the key map in the configuration.
func Words() []string { return []string{Auto, "hash", "btree", "cdb", None} }

// suffixOf is the usual suffix of a map of a type; empty: maps of this type are not made here.
func suffixOf(mapType string) string {
	switch mapType {
	case "hash", "btree":
		return ".db"
	case "cdb":
		return ".cdb"
	}
	return ""
}

// Suffixes are the suffixes of all map types.
func Suffixes() []string { return []string{".db", ".cdb"} }

// UsualFile returns the path of a text's map: NAME.db for hash and btree, NAME.cdb for cdb (docs/facts.md 19). An unknown type
// and a text with the name of a map are errors.
func UsualFile(mapType, textPath string) (string, error) {
	suffix := suffixOf(mapType)
	if suffix == "" {
		return "", fmt.Errorf("map type %q: want hash, btree or cdb", mapType)
	}
	if strings.HasSuffix(textPath, suffix) {
		return "", fmt.Errorf("%s: makemap would take this name for the map itself; name the text", textPath)
	}
	return textPath + suffix, nil
}

// File returns the path of the map that this makemap makes from a text. It depends on how makemap was built: cdb maps are in
// NAME.cdb or in NAME.db. `makemap -x` prints a line TYPE:SUFFIX for each type (docs/facts.md 19); for a makemap without -x
// the path is that of UsualFile. A type that makemap cannot make is an error.
func (m Program) File(ctx context.Context, mapType, textPath string) (string, error) {
	usual, err := UsualFile(mapType, textPath)
	if err != nil {
		return "", err
	}
	path, answers := m.askFile(ctx, mapType, textPath)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case !answers:
		return usual, nil
	case path != "":
		return path, nil
	}
	types, err := m.types(ctx)
	if err != nil {
		return "", err
	}
	return "", m.cannotMake(mapType, types)
}

// askFile asks makemap for the path of the map that it makes from a text; empty: it does not make maps of this type. answers is
// false for a makemap without -x.
func (m Program) askFile(ctx context.Context, mapType, textPath string) (path string, answers bool) {
	out, err := m.with(nil, "-x").Run(ctx)
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		return "", false
	}
	for line := range strings.Lines(string(out)) {
		name, suffix, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && name == mapType && suffixForm().MatchString(suffix) {
			return textPath + "." + suffix, true
		}
	}
	return "", true
}

// Installed returns the file of the map that this makemap makes from a text, behind symbolic links, which makemap does not
// follow (docs/facts.md 5). A map that is missing is an error.
func (m Program) Installed(ctx context.Context, mapType, textPath string) (string, error) {
	path, err := m.File(ctx, mapType, textPath)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

var suffixForm = pattern.New(`^[a-z0-9]+$`)

// types returns the map types that this makemap was built with (makemap -l).
func (m Program) types(ctx context.Context) ([]string, error) {
	out, err := m.with(nil, "-l").Run(ctx)
	var failed *program.Error
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("%w\n%s does not answer as Sendmail's makemap does: OpenSMTPD has another program of that name; name Sendmail's in makemap = \"/path/to/makemap\"", err, m.Path)
	}
	if err != nil {
		return nil, err
	}
	types := strings.Fields(string(out))
	return slices.DeleteFunc(types, func(t string) bool { return t == "implicit" }), nil
}

// CanMake returns an error if the makemap that Find finds by name cannot make maps of a type. path is that of the map that it makes
// from a text; empty: it does not tell.
func CanMake(ctx context.Context, name, mapType, textPath string) (path string, err error) {
	m, err := New(name, os.DevNull) // no map is read
	if err != nil {
		return "", err
	}
	if _, err := UsualFile(mapType, textPath); err == nil {
		if path, _ = m.askFile(ctx, mapType, textPath); path != "" {
			return path, nil
		}
	}
	types, err := m.types(ctx)
	if err == nil && !slices.Contains(types, mapType) {
		err = m.cannotMake(mapType, types)
	}
	return "", err
}

func (m Program) cannotMake(mapType string, types []string) error {
	return fmt.Errorf("%s cannot make %s maps, only %s: set map to one of these, the type that sendmail.cf reads",
		m.Path, mapType, strings.Join(types, ", "))
}
