package ascii_test

import (
	"fmt"

	"mailallow/allowlist/ascii"
)

// Foreign text cannot end the line of a message or control the terminal.
func ExamplePrintable() {
	fmt.Println(ascii.Printable("bad\nname\x1b[2J", 40))
	fmt.Println(ascii.Printable("a name that is too long", 12))
	// Output:
	// bad\x0aname\x1b[2J
	// a name th...
}

func ExampleEscapeJSON() {
	fmt.Println(string(ascii.EscapeJSON([]byte("{\"name\": \"caf\u00e9 \u202egnp.exe\"}"))))
	// Output:
	// {"name": "caf\u00e9 \u202egnp.exe"}
}

// Values of access maps have any letter case, and white space around them.
func ExampleIsWord() {
	fmt.Println(ascii.IsWord(" Relay\t", "RELAY"), ascii.IsWord("OK # google", "OK"))
	// Output:
	// true false
}
