package plan

import (
	"testing"

	"mailallow/accessmap/record"
)

// TestRecordedPaths expects paths as the system below a root has them.
func TestRecordedPaths(t *testing.T) {
	for root, path := range map[string]string{"": "/srv/list", "/": "/srv/list", "/host": "/host/srv/list", "/host/": "/host/srv/list"} {
		p := Plan{Target: Target{Root: root, Path: path, SendmailCF: path}, Content: Content{managed: record.ManagedText(nil)}}
		if got := p.Recorded(record.Target{}, nil); got.Path != "/srv/list" || got.SendmailCF != "/srv/list" {
			t.Errorf("%q: %q, %q", root, got.Path, got.SendmailCF)
		}
	}
}
