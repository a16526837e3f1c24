package access

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
)

// builtMap is a map with the text of its access file.
type builtMap struct {
	path, mapType string
	textPath      string
	text          []byte
	makemap       string // name or path of the program; see makemap.Find
}

// CheckMap compares the map of the access file at path with its text: their times, and the entries that makemap -u dumps. mapType
// is the type that sendmail.cf names; empty: any map beside the text. program is a name or path for makemap.Find; without
// makemap Map compares the times only. Without a map, or the right to read it, there are no findings. The error is the
// context's.
func CheckMap(ctx context.Context, path string, text []byte, mapType, program string) (findings []rule.Finding, err error) {
	types := []string{"hash", "cdb"} // btree has the suffix of hash; mapDiffers tries both
	if mapType != "" {
		types = []string{mapType}
	}
	m := builtMap{textPath: path, text: text, makemap: program}
	for _, m.mapType = range types {
		if m.path, err = makemap.UsualFile(m.mapType, path); err != nil {
			return nil, nil
		}
		if _, err = os.Stat(m.path); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil
	}
	for _, r := range mapRules() {
		problem, err := r.Checks(ctx, m)
		if err != nil {
			return findings, err
		}
		if problem != "" {
			findings = append(findings, rule.Finding{Rule: r.Name, Severity: r.Severity, Text: problem, Fix: "run: makemap " + m.mapType + " " + path + " < " + path})
		}
	}
	return findings, nil
}

func mapOlder(_ context.Context, m builtMap) (problem string, err error) {
	text, textErr := os.Stat(m.textPath)
	built, err := os.Stat(m.path)
	if textErr != nil || err != nil || !text.ModTime().After(built.ModTime()) {
		return "", nil
	}
	return m.path + " is older than the text: later changes are not in effect", nil
}

// mapDiffers compares the entries of the map with its text. It finds nothing if it cannot compare them.
func mapDiffers(ctx context.Context, m builtMap) (problem string, err error) {
	read := makemap.ReadText(m.text)
	program, err := makemap.Find(m.makemap)
	if err != nil || len(read.Problems) > 0 {
		return "", nil // the map of a text that makemap refuses depends on its options
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
