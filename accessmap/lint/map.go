package lint

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"mailallow/accessmap/makemap"
)

// Map holds the map of an access file against its text: how old it is, and with makemap -u what is in it. mapType
// is what sendmail.cf reads; empty: whatever map stands beside the text. Without a map, or without the right to read it,
// there is nothing to say. program is a name or path as FindMakemap takes it; where there is none, only the ages are
// compared. The error is the context's.
func Map(ctx context.Context, path string, text []byte, mapType, program string) (findings []Finding, err error) {
	for _, t := range mapTypesFor(mapType) {
		mapPath, err := makemap.UsualFile(t, path)
		if err != nil {
			return nil, nil
		}
		is, err := os.Stat(mapPath)
		if err != nil {
			continue
		}
		rebuild := "run: makemap " + t + " " + path + " < " + path
		was, err := os.Stat(path)
		if err == nil && was.ModTime().After(is.ModTime()) {
			findings = append(findings, Finding{Rule: "map-older", Fix: rebuild,
				Text: mapPath + " is older than the text: what was changed since is not in effect"})
		}
		differs, err := mapDiffers(ctx, t, path, mapPath, text, program)
		if err != nil {
			return findings, err
		}
		if differs != "" {
			findings = append(findings, Finding{Rule: "map-differs", Text: mapPath + ": " + differs, Fix: rebuild})
		}
		return findings, nil
	}
	return nil, nil
}

// mapTypesFor are the types to look for: cdb has a suffix of its own, hash and btree share one, and what is in it tells.
func mapTypesFor(mapType string) []string {
	if mapType != "" {
		return []string{mapType}
	}
	return []string{"hash", "cdb"}
}

// mapDiffers says in words how a map differs from its text; empty: it does not, or nobody can tell.
func mapDiffers(ctx context.Context, mapType, path, mapPath string, text []byte, name string) (string, error) {
	read := makemap.ReadText(text)
	program, err := makemap.Find(name)
	if err != nil || len(read.Problems) > 0 {
		return "", nil // what makemap made of a text that it refuses depends on its options
	}
	f, err := os.Open(mapPath)
	if errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	if err == nil {
		f.Close()
	}
	m := makemap.Program{Path: program}
	real, err := filepath.EvalSymlinks(mapPath) // makemap follows none (docs/facts.md 5)
	if err != nil {
		return "", nil
	}
	err = m.Verify(ctx, mapType, real, read)
	if err != nil && mapType == "hash" && ctx.Err() == nil {
		if btree := m.Verify(ctx, "btree", real, read); btree == nil {
			return "", nil
		}
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var differs *makemap.DiffersError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &differs):
		return differs.Error(), nil
	}
	return "it cannot be read as " + mapType + ": " + err.Error(), nil
}
