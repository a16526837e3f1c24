package config

import (
	"fmt"
	"testing"
)

// TestByteOrderMark: a file that begins with the mark that some editors write is read as without it, and keeps its lines.
func TestByteOrderMark(t *testing.T) {
	s, err := Parse("x.toml", []byte("\ufeffstate_dir = \"state\"\r\n[guard]\r\nwidest_ipv4 = 9\r\n"), Flags{})
	if err != nil || s.Limits.WidestIPv4 != 9 {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = Parse("x.toml", []byte("\ufeff\r\nstate_di = 1\r\n"), Flags{})
	if want := `x.toml:2: unknown key "state_di": did you mean "state_dir"?`; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}
