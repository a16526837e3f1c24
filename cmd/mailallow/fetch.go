package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"
)

const fetchText = `Fetches every source and writes what it found, each range with its path, as a
snapshot: a file to review and commit, and to install anywhere with
'mailallow update --snapshot FILE'. No target and no state is touched. A source that
cannot be fetched, or is held, stands there with its last good ranges, if this host
has any. --no-guard looks at no state and holds nothing, so that it can be run by a
user who may read none: the guard judges where the snapshot is used.`

type fetchDocument struct {
	Version  int                 `json:"version"`
	Sources  []sourceDocument    `json:"sources"`
	Problems []allowlist.Problem `json:"problems,omitempty"` // of the run, not of a source
}

func emptyFetch(problems []allowlist.Problem) any {
	return fetchDocument{Version: terminal.DocumentVersion, Sources: []sourceDocument{}, Problems: problems}
}

func fetch(t *terminal.Terminal, c *cli.Context) error {
	file := c.String("o")
	if file == "" {
		return exit.Usagef("fetch: -o FILE says where the snapshot goes; - is stdout")
	}
	r, err := loadRequest(t, c)
	if err != nil {
		return err
	}
	r.fetching, r.unguarded = true, c.Bool("no-guard")
	list, err := r.resolve(c.Context, t)
	if err != nil {
		return err
	}
	var all []allowlist.Resolved
	for _, s := range list.sources {
		if !s.Time.IsZero() {
			all = append(all, s.Resolved)
		}
	}
	found := allowlist.NewSnapshot(all)
	snapshot := found.Encode()
	if err := found.CheckSize(snapshot); err != nil {
		return err
	}
	if file == "-" {
		if _, err := t.Take().Write(snapshot); err != nil {
			return err
		}
	} else if err := writeWhole(file, snapshot); err != nil {
		return fmt.Errorf("-o %s: it cannot be written: %w", file, exit.Reason(err))
	}
	r.tellSources(t, list)
	r.close(t, list)
	if t.JSON && file != "-" {
		if err := t.Document(fetchDocument{Version: terminal.DocumentVersion, Sources: r.sourceDocuments(list)}); err != nil {
			return err
		}
	}
	return exit.Outcome(list.codes()...)
}

// writeWhole writes a file whole or not at all. What a shell would write into, a device
// or a pipe, is written into: a file in its place would be the end of /dev/null.
func writeWhole(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
		return renameio.WriteFile(path, text, 0o644)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
