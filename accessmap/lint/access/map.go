package access

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
)

// MapOptions say how the map of an access file is made and read. Each may be empty.
type MapOptions struct {
	Type       string // that sendmail.cf names; empty: any map beside the text
	Makemap    string // name or path of the program, as makemap.Own takes it
	SendmailCF string // that reads the map
}

// builtMap is a map with the text of its access file.
type builtMap struct {
	path, mapType string
	textPath      string
	text          []byte
	makemap       makemap.Program // without a path: there is none
}

// CheckMap compares the map of the access file at path with its text: their times, and the entries that makemap -u dumps.
// Without makemap it compares the times only. Without a map, or the right to read it, there are no findings. The error is the
// context's.
func CheckMap(ctx context.Context, path string, text []byte, o MapOptions) (findings []rule.Finding, err error) {
	m := builtMap{textPath: path, text: text}
	if own, ok := makemap.Own(o.Makemap); ok && own != "" { // mapDiffers needs it, and no other check
		m.makemap, _ = makemap.New(own, o.SendmailCF)
	}
	if found, err := m.find(ctx, o.Type); !found {
		return nil, err
	}
	for _, r := range mapRules() {
		problem, err := r.Checks(ctx, m)
		if err != nil {
			return findings, err
		}
		if problem != "" {
			findings = append(findings, r.Own(rule.Finding{Text: problem, Fix: "run: " + m.makemap.ByHand(m.mapType, path)}))
		}
	}
	return findings, nil
}

// find finds the map of a type, or of any type, that is beside the text.
func (m *builtMap) find(ctx context.Context, mapType string) (found bool, err error) {
	types := []string{"hash", "cdb"} // btree has the suffix of hash; mapDiffers tries both
	if mapType != "" {
		types = []string{mapType}
	}
	fileOf := makemap.UsualFile
	if m.makemap.Path != "" {
		fileOf = func(mapType, textPath string) (string, error) { return m.makemap.File(ctx, mapType, textPath) }
	}
	for _, m.mapType = range types {
		if m.path, err = fileOf(m.mapType, m.textPath); err != nil {
			continue
		}
		if _, err := os.Stat(m.path); err == nil {
			return true, nil
		}
	}
	if m.makemap.Path == "" { // nothing was asked that ctx could have ended
		return false, nil
	}
	return false, context.Cause(ctx)
}

func mapOlder(_ context.Context, m builtMap) (problem string, err error) {
	text, textErr := os.Stat(m.textPath)
	built, err := os.Stat(m.path)
	if textErr != nil || err != nil || !text.ModTime().After(built.ModTime()) {
		return "", nil
	}
	return m.path + " is older than the text: later changes are not in effect", nil
}

// mapDiffers compares the entries of the map with its text. It finds nothing if it cannot compare them: makemap may be missing,
// or refuse the text or the owner of the map.
func mapDiffers(ctx context.Context, m builtMap) (problem string, err error) {
	read := makemap.ReadText(m.text)
	if m.makemap.Path == "" || len(read.Problems) > 0 {
		return "", nil // the map of a text that makemap refuses depends on its options
	}
	real, err := m.makemap.Installed(ctx, m.mapType, m.textPath)
	if err == nil {
		if err = m.makemap.Verify(ctx, m.mapType, real, read); err != nil && m.mapType == "hash" && m.makemap.Verify(ctx, "btree", real, read) == nil {
			err = nil
		}
	}
	var differs *makemap.DiffersError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err == nil, errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.As(err, &differs):
		return m.path + ": " + differs.Error(), nil
	}
	return m.path + ": it cannot be read as " + m.mapType + ": " + err.Error(), nil
}
