package carrier

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"

	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/terminal"
)

// keptState is the content of state.PublishedState.
type keptState struct {
	URL       string               `json:"url"` // a digest: the URL may hold a secret
	Validator *allowlist.Validator `json:"validator"`
}

func digestOfURL(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// keptFolder is the cache of the service, as systemd names it, or the state directory of a run that may write there.
func (c Carrier) keptFolder() string {
	if folder := os.Getenv("CACHE_DIRECTORY"); folder != "" {
		return folder
	}
	if c.Keeps {
		return c.Settings.StateDir
	}
	return ""
}

// kept gives the pair that an earlier run kept of this URL; the zero value if there is none that the keys of today let pass.
func (c Carrier) kept() (k pair) {
	folder, keys := c.keptFolder(), c.Settings.Snapshot.Keys
	if folder == "" || len(keys) == 0 {
		return k
	}
	var of keptState
	text, err := bounded.File(filepath.Join(folder, state.PublishedState), snapshot.MaxSignatureBytes)
	if err != nil || json.Unmarshal(text, &of) != nil || of.URL != digestOfURL(c.Name) {
		return k
	}
	if k.text, err = bounded.File(filepath.Join(folder, state.PublishedFile), maxSnapshotBytes); err != nil {
		return pair{}
	}
	if k.signature, err = bounded.File(filepath.Join(folder, state.PublishedSignature), snapshot.MaxSignatureBytes); err != nil {
		return pair{}
	}
	if _, _, err := snapshot.Verify(k.text, k.signature, keys); err != nil {
		return pair{}
	}
	k.validator = of.Validator
	return k
}

// keep keeps a pair from the web whose signature was good. If it cannot, the next run downloads the pair again.
func (c Carrier) keep(t *terminal.Terminal, p pair) {
	folder := c.keptFolder()
	if p.validator == nil || folder == "" {
		return
	}
	of, err := json.Marshal(keptState{digestOfURL(c.Name), p.validator})
	for _, f := range []struct {
		name string
		text []byte
	}{{state.PublishedState, nil}, {state.PublishedFile, p.text}, {state.PublishedSignature, p.signature}, {state.PublishedState, of}} {
		if err == nil {
			err = outfile.Replace(filepath.Join(folder, f.name), f.text)
		}
	}
	if err != nil {
		t.Detail("the snapshot is not kept for the next run: %v", err)
	}
}
