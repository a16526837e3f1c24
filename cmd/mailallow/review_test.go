package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSnapshotAsksNobody installs a snapshot and shows it, with resolvers and a web server that would notice a question.
func TestSnapshotAsksNobody(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	plan := filepath.Join(n.dir, "plan.json")
	if out, err := n.mailallow("fetch", "-o", plan).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range append([]string{"state/snapshot.json"}, installedFiles...) {
		if err := os.Remove(filepath.Join(n.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	asked, pages := n.dns.Asked(), len(n.web.Asked("/list"))
	for _, args := range [][]string{{"diff"}, {"update"}, {"update"}, {"render", "cidr"}} {
		if out, err := n.mailallow(append(args, "--snapshot", plan)...).CombinedOutput(); err != nil && args[0] != "diff" {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
	if diff := cmp.Diff(asked, n.dns.Asked()); diff != "" || len(n.web.Asked("/list")) != pages {
		t.Errorf("somebody was asked:\n%s", diff)
	}
	access, err := os.ReadFile(filepath.Join(n.dir, "access"))
	if err != nil || !strings.Contains(string(access), "\nConnect:74.125.4\tOK\n") {
		t.Errorf("%v: %s", err, access)
	}
}
