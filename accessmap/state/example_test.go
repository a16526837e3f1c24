package state_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"mailallow/accessmap/state"
)

// A command keeps one JSON file from run to run. Another run cannot take the file meanwhile.
func ExampleKeep() {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	file, err := state.Keep(context.Background(), dir, "dnsbl.json")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if err := file.Write(map[string]string{"192.0.2.25": "clean"}); err != nil {
		log.Fatal(err)
	}
	content, err := file.Read(1 << 20)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(content))

	_, err = state.Keep(context.Background(), dir, "dnsbl.json")
	var locked *state.LockedError
	fmt.Println("locked:", errors.As(err, &locked))
	// Output:
	// {
	//   "192.0.2.25": "clean"
	// }
	// locked: true
}
