package program_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"mailallow/accessmap/program"
)

// A program has no environment but PATH and LC_ALL, and bounds on time and output.
func ExampleProgram_Run() {
	sh, err := program.Find("sh", program.SearchPath("/bin"))
	if err != nil {
		log.Fatal(err)
	}
	run := func(script string) ([]byte, error) {
		return program.Program{
			Argv:      []string{sh, "-c", script},
			Stdin:     strings.NewReader("a line\n"),
			Limit:     time.Minute,
			MaxOutput: program.MaxMessages,
		}.Run(context.Background())
	}

	stdout, err := run("cat; echo HOME=$HOME LC_ALL=$LC_ALL")
	fmt.Printf("%s%v\n", stdout, err)

	_, err = run("echo 'write: No space left on device' >&2; exit 73")
	var failed *program.Error
	fmt.Println(errors.As(err, &failed), failed.Said)
	// Output:
	// a line
	// HOME= LC_ALL=C
	// <nil>
	// true write: No space left on device
}
