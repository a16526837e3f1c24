package sendmail

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mailallow/fixtures"
)

func TestReadAnswer(t *testing.T) {
	const intro = "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n> "
	rows := []struct {
		out  string
		want Answer
		ok   bool
	}{
		{intro + "map_lookup: access (Connect:1.2) returns OK (0)\n> ", Answer{Found: true, Value: "OK"}, true},
		{intro + "map_lookup: access (Connect:1.2) returns ERROR:550 a b (0)\n> ", Answer{Found: true, Value: "ERROR:550 a b"}, true},
		{intro + "map_lookup: access (Connect:1.2) no match (0)\n> ", Answer{}, true},
		{intro + "hash map \"access\": unsafe map file /x.db: World writable directory\nmap_lookup: access (Connect:1.2) no match (75)\n",
			Answer{Trouble: `hash map "access": unsafe map file /x.db: World writable directory`}, true},
		{"> map_lookup: access (Connect:1.2) no match (75)\n", Answer{Trouble: "the map cannot be used"}, true},
		{intro + "Map named \"access\" not found\n> ", Answer{}, false},
		{intro + "map_lookup: access (Connect:9) no match (0)\n> ", Answer{}, false},
		{"", Answer{}, false},
	}
	for _, row := range rows {
		got, ok := ReadAnswer(row.out, "Connect:1.2")
		if ok != row.ok || got != row.want {
			t.Errorf("%q: %+v, %v; want %+v, %v", row.out, got, ok, row.want, row.ok)
		}
	}
}

// sendmailBeside is the path of a makemap with a sendmail beside it that answers at once.
func sendmailBeside(t *testing.T) (makemap string) {
	t.Helper()
	return filepath.Join(fixtures.Programs(t, ""), "makemap")
}

func TestLookup(t *testing.T) {
	makemap := sendmailBeside(t)
	dir := fixtures.SafeDir(t)
	access := filepath.Join(dir, "access")
	cf, err := ReadCF(fixtures.NewRules(t, fixtures.RulesOptions{Access: access}).CF())
	if err != nil {
		t.Fatal(err)
	}
	if cf.AccessClass != "hash" || !cf.Names(access) {
		t.Fatalf("%+v does not name %s", cf, access)
	}
	sendmail, err := Find(makemap)
	if err != nil || sendmail != filepath.Join(filepath.Dir(makemap), "sendmail") {
		t.Fatalf("FindSendmail = %q, %v", sendmail, err)
	}
	ask := func(key string) string {
		answer, err := cf.Lookup(t.Context(), sendmail, key)
		if err != nil {
			t.Fatal(err)
		}
		return answer.String()
	}
	if got := ask("Connect:1.2.3"); !fixtures.ErrorContains(errors.New(got), "missing map file") {
		t.Errorf("no map: %s", got)
	}
	fixtures.MakeAccess(t, access, "Connect:1.2.3\tOK")
	if got := ask("Connect:1.2.3"); got != `"OK"` {
		t.Errorf("key in the map: %s", got)
	}
	if got := ask("Connect:1.2.4"); got != "no match" {
		t.Errorf("key not in the map: %s", got)
	}
	if err := os.Chmod(dir, 0o775); err != nil {
		t.Fatal(err)
	}
	if got := ask("Connect:1.2.3"); !fixtures.ErrorContains(errors.New(got), "Group writable directory") {
		t.Errorf("group-writable directory: %s", got)
	}
	// Postfix's sendmail ends with 75 and no answer.
	postfix := filepath.Join(t.TempDir(), "sendmail")
	fixtures.Write(t, postfix, "#!/bin/sh\necho 'sendmail: fatal: unsupported: -bt' >&2\nexit 75\n", 0o755)
	if _, err := cf.Lookup(t.Context(), postfix, "Connect:1.2.3"); !errors.Is(err, ErrNotAsked) || !fixtures.ErrorContains(err, "unsupported: -bt") {
		t.Errorf("Postfix's sendmail: %v", err)
	}
}
