// Package record keeps what mailallow installed in each target: with it, the lines that mailallow wrote are told from those that
// people wrote among them, and a list can be taken out of a target that is no longer in the configuration. It opens no target
// and writes no file: package install replaces the record together with the targets.
package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"sort"

	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
)

const (
	// maxBytes bounds the record that is read. One with maxLines lines is smaller.
	maxBytes = 64 << 20
	// maxLines bounds the lines of all targets that are remembered one by one, at 11 bytes each. The lines of a target that
	// has no room are told by how they read.
	maxLines = 2_000_000
)

// Record is what is installed.
type Record struct {
	Version int      `json:"version"`
	Targets []Target `json:"targets"` // nil, if read: there is no record that can be used
}

// Target is a target as it was when the list was last installed in it.
type Target struct {
	Path       string   `json:"path"` // absolute, without the root directory of another system
	Format     string   `json:"format"`
	WholeFile  bool     `json:"whole_file"`
	Map        string   `json:"map"` // as plan.Target has it, like the next three
	Makemap    string   `json:"makemap"`
	SendmailCF string   `json:"sendmail_cf"` // without the root
	CFOptional bool     `json:"cf_optional"`
	OnChange   []string `json:"on_change"`
	// Created: there was no file before.
	Created bool `json:"created"`
	// Unterminated is the digest of the last line of the file before, to which the first block added a newline; empty: it
	// added none.
	Unterminated string   `json:"unterminated"`
	Sources      []string `json:"sources"` // whose ranges the list had
	// Texts are the managed parts that can be there: the one that is to be installed comes first, and the one that it replaces
	// behind it, because the run can be killed in between.
	Texts []Text `json:"texts"`
}

// Text remembers a managed part of a file.
type Text struct {
	Digest string `json:"digest"` // SHA-256
	Lines  Lines  `json:"lines"`  // null: not remembered one by one

	of *Managed // whose lines Write makes; nil: they are Lines
}

func (t Text) hasLines() bool { return t.Lines != nil || t.of != nil }

func (t Text) same(other Text) bool {
	made := t.of == nil && other.of == nil
	return t.Digest == other.Digest && t.hasLines() == other.hasLines() && (!made || bytes.Equal(t.Lines, other.Lines))
}

// Read reads the record of a state directory. One that is not there is empty. One that cannot be used, or is of a newer version, is
// empty too, with an error that says why.
func Read(stateDir string) (r Record, err error) {
	path := filepath.Join(stateDir, state.TargetsFile)
	text, err := bounded.File(path, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{Version: 1}, nil
	}
	if err == nil {
		r, err = decode(text)
	}
	if err != nil {
		return Record{Version: 1}, fmt.Errorf("what is installed is not known: %s: %w", path, err)
	}
	return r, nil
}

func decode(encoded []byte) (r Record, err error) {
	rest, cut := cutLines(encoded)
	if err := json.Unmarshal(rest, &r); err != nil {
		return r, fault.JSON(err)
	}
	if r.Version != 1 {
		return r, fmt.Errorf("version %d is not known", r.Version)
	}
	for _, t := range r.Targets {
		for i := range t.Texts {
			if err := t.Texts[i].Lines.restore(cut); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// Same reports whether both are written as the same text.
func (r Record) Same(other Record) bool {
	return slices.EqualFunc(r.inOrder().Targets, other.inOrder().Targets, func(a, b Target) bool {
		same := slices.EqualFunc(a.Texts, b.Texts, Text.same)
		a.Texts, b.Texts = nil, nil
		return same && reflect.DeepEqual(a, b)
	})
}

// inOrder gives the record with its targets by path.
func (r Record) inOrder() Record {
	r.Targets = slices.Clone(r.Targets)
	sort.Slice(r.Targets, func(i, j int) bool { return r.Targets[i].Path < r.Targets[j].Path })
	return r
}

// Write writes the record as the text of its file, the targets by path. The lines, which are nearly all of it, go straight to w.
func (r Record) Write(w io.Writer) error {
	r = r.inOrder()
	var texts []Text
	room := maxLines
	for i, t := range r.Targets {
		r.Targets[i].Texts = slices.Clone(t.Texts)
		for n, text := range t.Texts {
			lines := &r.Targets[i].Texts[n].Lines
			if *lines = nil; !text.hasLines() {
				continue
			}
			if room -= text.count(); room < 0 {
				room = 0
				continue
			}
			*lines, texts = placeholder(len(texts)), append(texts, text)
		}
	}
	encoded, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts, numbers and nothing that can fail
	}
	out := bufio.NewWriterSize(w, 64<<10)
	for _, text := range texts { // where cutLines cuts
		before, after, _ := bytes.Cut(encoded, []byte(linesKey))
		_, encoded, _ = bytes.Cut(after, []byte(`"`))
		out.Write(before) // errors come with Flush
		out.WriteString(linesKey)
		text.writeLines(out)
		out.WriteByte('"')
	}
	out.Write(append(encoded, '\n'))
	return out.Flush()
}
