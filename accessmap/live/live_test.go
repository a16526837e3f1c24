package live

import (
	"fmt"
	"testing"
)

// TestDialogue cuts the output of sendmail -bt at its prompts, one for each input line.
func TestDialogue(t *testing.T) {
	out := "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n" +
		"> map_lookup: access (a) no match (0)\n> > > > Relay_ok           input: x\nRelay_ok         returns: RELAY\n> "
	got := dialogue(out)
	want := []string{"map_lookup: access (a) no match (0)\n", "", "", "", "Relay_ok           input: x\nRelay_ok         returns: RELAY\n", ""}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q, want %q", got, want)
	}
}
