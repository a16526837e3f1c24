package initconfig

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExample: the package installs as /etc/mailallow/mailallow.toml the output of init on a host without a mail server. With
// MAILALLOW_UPDATE set the test writes that file.
func TestExample(t *testing.T) {
	const path = "../../../../packaging/debian/mailallow.toml"
	want := startingConfig(servers{}, nil)
	if os.Getenv("MAILALLOW_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what init writes:\n%s", path, diff)
	}
}
