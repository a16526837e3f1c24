package lint

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"mailallow/accessmap/makemap"
)

// builtMap is a map and the text that it is to be made of.
type builtMap struct {
	path, mapType string
	info          fs.FileInfo
	textPath      string
	text          []byte
	makemap       string // name or path; empty: as makemap.Find finds it
}

// Map holds the map of an access file against its text: how old it is, and with makemap -u what is in it. mapType
// is what sendmail.cf reads; empty: whatever map stands beside the text. Without a map, or without the right to read it,
// there is nothing to say. program is a name or path as FindMakemap takes it; where there is none, only the ages are
// compared. The error is the context's.
func Map(ctx context.Context, path string, text []byte, mapType, program string) (findings []Finding, err error) {
	m, ok := findMap(path, mapType)
	if !ok {
		return nil, nil
	}
	m.text, m.makemap = text, program
	l := newLinter()
	for _, r := range l.rules {
		if r.built == nil {
			continue
		}
		problem, err := r.built(ctx, m)
		if err != nil {
			return l.findings, err
		}
		if problem != "" {
			l.report(r, Finding{Text: problem, Fix: "run: makemap " + m.mapType + " " + path + " < " + path})
		}
	}
	return l.findings, nil
}

// findMap finds the map of a text. Of an unknown type: cdb has a suffix of its own, hash and btree share one, and what is
// in it tells.
func findMap(textPath, mapType string) (m builtMap, ok bool) {
	types := []string{"hash", "cdb"}
	if mapType != "" {
		types = []string{mapType}
	}
	for _, t := range types {
		path, err := makemap.UsualFile(t, textPath)
		if err != nil {
			return m, false
		}
		if info, err := os.Stat(path); err == nil {
			return builtMap{path: path, mapType: t, info: info, textPath: textPath}, true
		}
	}
	return m, false
}

func mapOlder(_ context.Context, m builtMap) (problem string, err error) {
	text, err := os.Stat(m.textPath)
	if err != nil || !text.ModTime().After(m.info.ModTime()) {
		return "", nil
	}
	return m.path + " is older than the text: what was changed since is not in effect", nil
}

// mapDiffers says nothing if nobody can tell.
func mapDiffers(ctx context.Context, m builtMap) (problem string, err error) {
	read := makemap.ReadText(m.text)
	program, err := makemap.Find(m.makemap)
	if err != nil || len(read.Problems) > 0 {
		return "", nil // what makemap made of a text that it refuses depends on its options
	}
	f, err := os.Open(m.path)
	if errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	if err == nil {
		f.Close()
	}
	run := makemap.Program{Path: program}
	real, err := filepath.EvalSymlinks(m.path) // makemap follows none (docs/facts.md 5)
	if err != nil {
		return "", nil
	}
	err = run.Verify(ctx, m.mapType, real, read)
	if err != nil && m.mapType == "hash" && ctx.Err() == nil {
		if btree := run.Verify(ctx, "btree", real, read); btree == nil {
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
		return m.path + ": " + differs.Error(), nil
	}
	return m.path + ": it cannot be read as " + m.mapType + ": " + err.Error(), nil
}
