package state_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"mailallow/accessmap/state"
)

// A command keeps one JSON file from run to run. Another run cannot take its lock meanwhile.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	kept, err := state.Open(context.Background(), dir, "dnsbl.json.lock", 0, "dnsbl.json")
	if err != nil {
		log.Fatal(err)
	}
	defer kept.Close()
	if err := kept.Write("dnsbl.json", map[string]string{"192.0.2.25": "clean"}); err != nil {
		log.Fatal(err)
	}
	content, err := os.ReadFile(kept.Path("dnsbl.json"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(content))

	_, err = state.Open(context.Background(), dir, "dnsbl.json.lock", 0, "dnsbl.json")
	var locked *state.LockedError
	fmt.Println("locked:", errors.As(err, &locked))
	// Output:
	// {
	//   "192.0.2.25": "clean"
	// }
	// locked: true
}
