package guard

import "testing"

// FuzzMemory: a memory that can be read is written and read back as it is.
func FuzzMemory(f *testing.F) {
	for _, text := range []string{
		`{"version":1,"sources":[{"name":"a","definition":"d","since":"2026-03-02T00:00:00Z","past":[{"from":"2026-03-01T00:00:00Z","to":"2026-03-01T12:00:00Z","came":["192.0.2.0/24"],"gone":["2001:db8::/32"]}]}]}`,
		`{"version":1,"sources":[{"name":"a","definition":"d","since":"9999-12-31T23:59:59-12:00","lost":"0000-01-01T00:00:00+12:00","clock_wrong":"2026-03-01T00:00:00Z","past":[]}]}`,
		`{"version":1,"sources":[{"name":"","definition":"","since":"2026-03-02T00:00:00Z","past":[{"came":["::ffff:1.2.3.4/128","0.0.0.0/0"]}]},{"name":"b"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := DecodeMemory(text)
		if err != nil {
			return
		}
		written := string(m.Encode())
		again, err := DecodeMemory([]byte(written))
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if twice := string(again.Encode()); twice != written {
			t.Errorf("%s was written as %s", written, twice)
		}
	})
}
