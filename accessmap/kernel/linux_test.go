//go:build linux && !portable

package kernel

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"mailallow/fixtures"
)

// A process that starts meanwhile has the file open, too, until it executes its program, and nobody who writes waits for that.
func TestNoLeaseStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access")
	fixtures.WriteFile(t, path, "a OK\n")
	fixtures.KeepForking(t)
	for range 20_000 {
		OpenForWriting(path) // the copy of the file below may be open for writing
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("the lease stayed: %v", err)
		}
		unix.Close(fd)
	}
}
