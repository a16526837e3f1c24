package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"

	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/terminal"
)

// keptPair is a signed snapshot from the web, with the server's name for its state, so that the next run downloads it only if it
// has changed.
type keptPair struct {
	pair
	validator *allowlist.Validator
}

// keptFile names the files of the pair in the folder, and that of the validator.
const (
	keptFile      = "published.json"
	keptStateFile = "published.state"
)

// keptState is the content of keptStateFile.
type keptState struct {
	URL       string               `json:"url"` // a digest: the URL may hold a secret
	Validator *allowlist.Validator `json:"validator"`
}

func digestOfURL(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// keptFolder is the cache of the service, as systemd names it, or the state directory of a run that may write there.
func (r *Request) keptFolder() string {
	if folder := os.Getenv("CACHE_DIRECTORY"); folder != "" {
		return folder
	}
	if r.options.WritesState {
		return r.Settings.StateDir
	}
	return ""
}

// kept gives the pair that an earlier run kept of this URL; the zero value if there is none that the keys of today let pass.
func (r *Request) kept() (k keptPair) {
	folder, keys := r.keptFolder(), r.Settings.Snapshot.Keys
	if folder == "" || len(keys) == 0 {
		return k
	}
	var state keptState
	text, err := bounded.File(filepath.Join(folder, keptStateFile), snapshot.MaxSignatureBytes)
	if err != nil || json.Unmarshal(text, &state) != nil || state.URL != digestOfURL(r.snapshotName()) {
		return k
	}
	if k.text, err = bounded.File(filepath.Join(folder, keptFile), maxSnapshotBytes); err != nil {
		return keptPair{}
	}
	if k.signature, err = bounded.File(filepath.Join(folder, keptFile+SignatureSuffix), snapshot.MaxSignatureBytes); err != nil {
		return keptPair{}
	}
	if _, _, err := snapshot.Verify(k.text, k.signature, keys); err != nil {
		return keptPair{}
	}
	k.validator = state.Validator
	return k
}

// keep keeps a pair whose signature was good. If it cannot, the next run downloads the pair again.
func (r *Request) keep(t *terminal.Terminal) {
	folder := r.keptFolder()
	if r.fresh == nil || r.fresh.validator == nil || !r.signed || folder == "" {
		return
	}
	state, err := json.Marshal(keptState{digestOfURL(r.snapshotName()), r.fresh.validator})
	for _, f := range []struct {
		name string
		text []byte
	}{{keptStateFile, nil}, {keptFile, r.fresh.text}, {keptFile + SignatureSuffix, r.fresh.signature}, {keptStateFile, state}} {
		if err == nil {
			err = outfile.Replace(filepath.Join(folder, f.name), f.text)
		}
	}
	if err != nil {
		t.Detail("the snapshot is not kept for the next run: %v", err)
	}
}
