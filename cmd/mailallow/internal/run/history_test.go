package run

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/config"
)

// TestRemovalTime: a run may have waited for another one, whose entry is not to stand behind a later one with an earlier time.
func TestRemovalTime(t *testing.T) {
	dir := t.TempDir()
	r := &Request{Settings: &config.Settings{StateDir: dir, History: 24 * time.Hour}, Started: time.Now().Add(-time.Hour)}
	files, err := r.RecordRemoval([]string{filepath.Join(dir, "list")}, true)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	var segment bytes.Buffer
	if err := files[0].Write(&segment); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0].Path, segment.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := OpenHistory(dir)
	entries, _ := log.Entries(time.Time{}, func(history.Entry) bool { return true })
	if err != nil || len(entries) != 1 || time.Since(entries[0].Time) > time.Minute {
		t.Errorf("%+v, %v", entries, err)
	}
}
