package pattern_test

import (
	"fmt"
	"testing"

	"mailallow/allowlist/pattern"
)

var octet = pattern.New(`^[0-9]{1,3}$`)

func ExampleNew() {
	fmt.Println(octet().MatchString("192"), octet().MatchString("1921"))
	// Output:
	// true false
}

func TestNewCompilesOnce(t *testing.T) {
	if first, second := octet(), octet(); first != second {
		t.Error("two calls give two expressions")
	}
	bad := pattern.New("(") // nothing is compiled yet
	defer func() {
		if recover() == nil {
			t.Error("a bad expression does not panic")
		}
	}()
	bad()
}
