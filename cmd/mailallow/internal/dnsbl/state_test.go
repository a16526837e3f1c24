package dnsbl

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/dnsbl"
)

// TestCompare has the runs over a row, each as "state@hour", and the hours of the runs that found a change to report.
func TestCompare(t *testing.T) {
	zone, err := dnsbl.ParseZone("bl.example", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, runs, news string }{
		{"never listed", "clean@0 clean@1", ""},
		{"listed at the first run", "listed@0 listed@1", "0"},
		{"listed, and gone", "clean@0 listed@1 listed@2 clean@3 clean@4", "1 3"},
		{"unknown between listings", "listed@0 unknown@1 error@2 unknown@3 listed@4", "0"},
		{"unknown, then gone", "listed@0 unknown@1 clean@2", "0 2"},
		{"unknown, then listed", "clean@0 unknown@1 listed@2 unknown@3 listed@4", "2"},
		{"never answered, for a while", "unknown@0 unknown@12 unknown@23 clean@24", ""},
		{"never answered", "unknown@0 unknown@12 unknown@24 error@25 unknown@90", "24"},
		{"a day without an answer", "clean@0 error@1 error@24 error@25 error@26 clean@27 clean@28", "25 27"},
		{"a day without an answer, then listed again", "listed@0 unknown@1 unknown@25 listed@26", "0 25 26"},
		{"a short answer within", "clean@0 unknown@1 unknown@20 clean@21 unknown@22 unknown@40", ""},
		{"a clock that was set back", "clean@100 unknown@100 unknown@1 unknown@2 unknown@25", "25"},
		{"a family that the list does not have", "nofamily@0 nofamily@30 nofamily@90", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			state, news := &memory{}, []string{}
			for _, run := range strings.Fields(row.runs) {
				answer, hour, _ := strings.Cut(run, "@")
				res := dnsbl.Result{Address: netip.MustParseAddr("192.0.2.25"), Zone: zone, State: dnsbl.State(answer)}
				switch answer {
				case "listed":
					res.Codes = []netip.Addr{netip.MustParseAddr("127.0.0.2")}
				case "nofamily":
					res.State, res.NoFamily = dnsbl.Error, true
				}
				after, err := time.ParseDuration(hour + "h")
				if err != nil {
					t.Fatal(err)
				}
				now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC).Add(after)
				c := state.compare([]dnsbl.Result{res}, now)
				if len(c.changed) > 0 {
					news = append(news, hour)
				}
				if len(c.changed) != len(c.unreported) {
					t.Errorf("at %s: %v changed, %v unreported", hour, c.changed, c.unreported)
				}
				state = stateAsRead(t, state.after(c, true, now), now)
			}
			if got := strings.Join(news, " "); got != row.news {
				t.Errorf("news at %q, want %q", got, row.news)
			}
		})
	}
}

// stateAsRead gives a state as the next run reads it.
func stateAsRead(t *testing.T, s *memory, now time.Time) *memory {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	read, err := decodeState(text, now)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return read
}

// A row that is not asked about any more is kept for a while, and not for ever.
func TestStateForgets(t *testing.T) {
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	s := &memory{Version: 1}
	for i := range maxStateRows + 10 {
		asked := now.Add(-time.Duration(i) * time.Minute)
		if i == 7 {
			asked = now.Add(-stateMemory)
		}
		s.Rows = append(s.Rows, stateRow{rowKey: rowKey{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String(), "bl.example"}, Asked: asked})
	}
	after := s.after(comparison{}, true, now)
	if len(after.Rows) != maxStateRows {
		t.Errorf("%d rows", len(after.Rows))
	}
	for _, row := range after.Rows {
		if row.Address == "10.0.0.7" {
			t.Error("a row is remembered for ever")
		}
	}
}

const goodRow = `{"address":"192.0.2.25","zone":"bl.example","seen":{"state":"listed","codes":["127.0.0.2"]},"told":{"state":""},"lost":null,"asked":"2026-09-01T00:00:00Z"}`

func TestDecodeState(t *testing.T) {
	row := func(old, new string) string {
		return `{"version":1,"rows":[` + strings.Replace(goodRow, old, new, 1) + `]}`
	}
	for _, tt := range []struct{ name, text, err string }{
		{"good", row("", ""), ""},
		{"empty", `{"version":1,"rows":[]}`, ""},
		{"torn", row("", "")[:90], "it ends too early"},
		{"nothing", "", "it ends too early"},
		{"zeros", strings.Repeat("\x00", 64), `invalid character '\x00' looking for beginning of value`},
		{"no object", `[]`, "the array does not belong there"},
		{"null", `null`, "version 0 is not one that this mailallow knows"},
		{"another version", `{"version":2}`, "version 2 is not one that this mailallow knows"},
		{"unknown member", `{"version":1,"x":1}`, `json: unknown field "x"`},
		{"two documents", row("", "") + "{}", "something follows the document"},
		{"twice", `{"version":1,"rows":[` + goodRow + "," + goodRow + `]}`, "row 2: 192.0.2.25 in bl.example is there twice"},
		{"address", row("192.0.2.25", "::ffff:192.0.2.25"), `row 1: "::ffff:192.0.2.25" is no address as mailallow writes it`},
		{"zone", row("bl.example", "bl example"), `row 1: "bl example" is no zone as mailallow writes it`},
		{"a zone in upper case", row("bl.example", "BL.example"), `row 1: "BL.example" is no zone as mailallow writes it`},
		{"state", row(`"listed"`, `"error"`), `row 1: state "error" with 1 codes is none that mailallow writes`},
		{"codes without a listing", row(`"listed"`, `"clean"`), `row 1: state "clean" with 1 codes is none that mailallow writes`},
		{"code", row("127.0.0.2", "::1"), `row 1: "::1" is no answer of a list`},
		{"time", row("2026-", "9999-"), "row 1: a time is out of bounds"},
		{"no time", row(`"2026-09-01T00:00:00Z"`, `"now"`), `parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decodeState([]byte(tt.text), time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.err {
				t.Errorf("%q, want %q", got, tt.err)
			}
		})
	}
}

// FuzzState: a state that is read can be compared with results, and is written in a form that is read again.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"rows":[` + goodRow + `]}`))
	f.Add([]byte(`{"version":1,"rows":[{"address":"2001:db8::1","zone":"a","seen":{"state":"blind"},"told":{"state":"clean"},"lost":"2026-01-01T00:00:00+01:00","asked":"2026-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":1,"rows":[{"address":"`))
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	zone, err := dnsbl.ParseZone("bl.example", "")
	if err != nil {
		f.Fatal(err)
	}
	results := []dnsbl.Result{{Address: netip.MustParseAddr("192.0.2.25"), Zone: zone, State: dnsbl.Unknown}}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decodeState(text, now)
		if err != nil {
			return
		}
		next := s.after(s.compare(results, now), true, now)
		first, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(stateAsRead(t, next, now))
		if diff := cmp.Diff(string(first), string(again)); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
}
