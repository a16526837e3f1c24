package format

import (
	"fmt"
	"strings"
	"testing"
)

// TestOwners reads comments and keys. The owners of a key are those of all comments right above each other, the nearest first, and the
// lines down to the next comment share them.
func TestOwners(t *testing.T) {
	text := `# 192.0.2.0/25 OK a: 1; b: 2
# 192.0.2.128/25 OK c: 3; d: 4
# 192.0.2.0/24 RELAY e: 5; f: 6
Connect:192.0.2	OK
Connect:192.0.3	OK
# another comment
Connect:192.0.4	OK
# 192.0.5.0/24 OK g: 7; h: 8
Connect:192.0.5	OK
`
	f, err := ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := f.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		names := e.Prefix.String()
		for _, o := range e.Owners {
			names += fmt.Sprintf(" %s%s", o.Source, o.Paths[0])
		}
		got = append(got, names)
	}
	want := "192.0.2.0/24 e5 f6 c3 d4 a1 b2, 192.0.3.0/24 e5 f6 c3 d4 a1 b2, 192.0.4.0/24 e5 f6 c3 d4 a1 b2, 192.0.5.0/24 g7 h8"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, ", "), want)
	}
}
