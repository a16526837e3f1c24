package ascii

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, row := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"\n", []string{""}},
		{"a", []string{"a"}},
		{"a\nb\n", []string{"a", "b"}},
		{"a\r\n\nb", []string{"a\r", "", "b"}},
	} {
		lines := Lines([]byte(row.text))
		for range lines { // a second iteration begins anew
		}
		var got [][]byte
		for i, line := range lines {
			if i != len(got) {
				t.Errorf("Lines(%q) gives line %d the number %d", row.text, len(got), i)
			}
			got = append(got, line)
		}
		if string(bytes.Join(got, []byte("|"))) != strings.Join(row.want, "|") || len(got) != len(row.want) {
			t.Errorf("Lines(%q) = %q, want %q", row.text, got, row.want)
		}
	}
}

func TestIsWord(t *testing.T) {
	for _, row := range []struct {
		value string
		want  bool
	}{
		{"OK", true},
		{"ok", true},
		{" \toK\r\n", true},
		{"", false},
		{"O", false},
		{"OKAY", false},
		{"O K", false},
		{"O\u212a", false}, // the Kelvin sign is a k in other letters for Unicode
		{"OK\u00a0", false},
	} {
		if got := IsWord(row.value, "OK"); got != row.want {
			t.Errorf("IsWord(%q, OK) = %v", row.value, got)
		}
	}
}

func TestIsSpace(t *testing.T) {
	var got []byte
	for c := range 256 {
		if IsSpace(byte(c)) {
			got = append(got, byte(c))
		}
	}
	if want := "\t\n\v\f\r "; string(got) != want {
		t.Errorf("spaces are %q, want %q", got, want)
	}
}

func TestLower(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"Connect:IPv6:2001:DB8":   "connect:ipv6:2001:db8",
		"@[`{":                    "@[`{",
		"\u00c4\u0130\u212a\xc4Z": "\u00c4\u0130\u212a\xc4z",
	} {
		if got := Lower(in); got != want {
			t.Errorf("Lower(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEscapeJSON(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{`{"a": ["\n", "~"]}`, `{"a": ["\n", "~"]}`},
		{`"é\u202e"`, `"\u00e9\u202e"`},
		{"\"\u202e\x7f\"", `"\u202e\u007f"`},
		{`"😀"`, `"\ud83d\ude00"`},
		{"\"\xff\"", `"\ufffd"`},
	} {
		got := EscapeJSON([]byte(row.in))
		if string(got) != row.want {
			t.Errorf("EscapeJSON(%q) = %s, want %s", row.in, got, row.want)
		}
		var before, after any
		if json.Unmarshal([]byte(row.in), &before) != nil || json.Unmarshal(got, &after) != nil {
			t.Fatalf("%q is not JSON", row.in)
		}
		b, _ := json.Marshal(before)
		if a, _ := json.Marshal(after); !bytes.Equal(a, b) {
			t.Errorf("EscapeJSON(%q) means %s, want %s", row.in, a, b)
		}
	}
}

func TestShows(t *testing.T) {
	for r, want := range map[rune]bool{
		' ': true, '~': true, 'é': true, '地': true, '\\': true,
		'\x1b': false, '\n': false, '\x7f': false, '\u0085': false,
		'\u202e': false, // right-to-left override
		'\u200b': false, // zero width space
		'\ufe0f': false, // variation selector
		'\u3164': false, // Hangul filler
		'\ufffd': false,
	} {
		if got := Shows(r); got != want {
			t.Errorf("Shows(%U) = %v", r, got)
		}
	}
}
