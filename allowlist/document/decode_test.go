package document

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// An encoding is read, or the error names it.
func TestEncodings(t *testing.T) {
	const list = "192.0.2.0/25\n192.0.2.128 – 192.0.2.255\n"
	big := func(s string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune(s)) {
			b = binary.BigEndian.AppendUint16(b, unit)
		}
		return string(b)
	}
	little := string(toUTF16(list))
	read := []string{"192.0.2.0/25 at 1", "192.0.2.128/25 at 2"}
	tests := []struct {
		name, body, contentType string
		want                    []string
		err                     string
	}{
		{name: "UTF-8", body: list, want: read},
		{name: "UTF-8 with a mark", body: "\ufeff" + list, want: read},
		{name: "UTF-16, little", body: little, want: read},
		{name: "UTF-16, big", body: "\xfe\xff" + big(list), want: read},
		{name: "UTF-16 without a mark", body: little[2:], want: read},
		{name: "UTF-16, big, without a mark", body: big(list), want: read},
		{name: "UTF-16 by name", body: little[2:], contentType: "text/plain; charset=utf-16le", want: read},
		{name: "UTF-16 by name alone", body: strings.ReplaceAll(list, "–", "-"), contentType: "text/plain; charset=utf-16", want: read},
		{name: "half a character", body: little + "1", want: read},
		{name: "gzip", body: string(toGzip(list)), want: read},
		{name: "gzip of UTF-16", body: string(toGzip(little)), want: read},
		{name: "Windows-1252", body: strings.ReplaceAll(list, "–", "\x96"), want: read},
		{name: "line ends of the old Mac", body: strings.ReplaceAll(list, "\n", "\r"), want: read},

		{name: "UTF-32", body: "\xff\xfe\x00\x001\x00\x00\x00", err: "it is not text: it is UTF-32"},
		{name: "another charset", body: list, contentType: "text/plain; charset=EBCDIC-US", err: "its encoding is ebcdic-us, which cannot be read: use UTF-8"},
		{name: "a ZIP archive", body: "PK\x03\x04" + list, err: "it is not text: it is a ZIP archive"},
		{name: "a PDF document", body: "%PDF-1.7\n" + list, err: "it is not text: it is a PDF document"},
		{name: "xz", body: "\xfd7zXZ\x00" + list, err: "it is not text: it is xz"},
		{name: "broken gzip", body: string(toGzip(list))[:20], err: "it is gzip and cannot be unpacked: unexpected EOF"},
		{name: "a bomb", body: string(toGzip(strings.Repeat(" ", 2<<20))), err: "it is gzip and cannot be unpacked: larger than 1,048,576 bytes"},
		{name: "gzip in gzip", body: string(toGzip(string(toGzip(list)))), err: "it is not text: it holds a zero byte"},
		{name: "bytes", body: "\x01\x00\x02\x00\x00" + list, err: "it is not text: it holds a zero byte"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				f := newFinding(100)
				f.Strict, f.MaxBytes = strict, 1<<20
				want := test.err
				if strict && want != "" {
					want = f.Name + ": " + want
				}
				err := f.Text([]byte(test.body), test.contentType)
				if err != nil && err.Error() != want || err == nil && want != "" {
					t.Errorf("strict %v: %v, want %s", strict, err, want)
				}
				if diff := cmp.Diff(test.want, f.report()); diff != "" {
					t.Errorf("strict %v: %s", strict, diff)
				}
			}
		})
	}
}

// JSON is read by its structure, whatever the server calls it.
func TestJSON(t *testing.T) {
	const doubt = " may have its size behind it, or a number of something else"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"strings, and keys", `{"a":["192.0.2.0/25", "192.0.2.129"],` + "\n" + `"192.0.2.192/27":"x"}`, []string{"192.0.2.0/25 at 1", "192.0.2.129/32 at 1", "192.0.2.192/27 at 2"}},
		{"escapes", `["192.0.2.0\/25","\u0031.2.3.4"]`, []string{"192.0.2.0/25 at 1", "1.2.3.4/32 at 1"}},
		{"start and end", `[{"start":"192.0.2.4","end":"192.0.2.7"},{"end_ip":"192.0.2.11","start_ip":"192.0.2.8"},{"ipFrom":"192.0.2.12","x":1,"ipTo":"192.0.2.15"}]`,
			[]string{"192.0.2.4/30 at 1", "192.0.2.8/30 at 1", "192.0.2.12/30 at 1"}},
		{"objects for ends", `{"start":{"ip":"192.0.2.4","id":7},"end":{"ip":"192.0.2.7"}}`, []string{"192.0.2.4/30 at 1"}},
		{"over lines", "{\n\"start\": \"192.0.2.4\",\n\"end\": \"192.0.2.7\"\n}", []string{"192.0.2.4/30 at 2"}},
		{"pairs", `[["192.0.2.0","192.0.2.255"],["198.51.100.0","198.51.101.255"]]`, []string{"192.0.2.0/24 at 1", "198.51.100.0/23 at 1"}},
		{"lengths", `[{"network":"192.0.2.0","prefixlen":25},{"mask_len":26,"ip":"192.0.2.128"},{"ip":"192.0.2.192","mask":"255.255.255.192"},{"ip":"192.0.2.7","bits":24}]`,
			[]string{"192.0.2.0/25 at 1", "192.0.2.128/26 at 1", "192.0.2.192/26 at 1", "skipped 1: left out: 192.0.2.7 bits: 24 does not begin at that address"}},
		{"the same twice", `{"network":"192.0.2.0","mask_len":24,"cidr":"192.0.2.0/24","mask":"255.255.255.0"}`, []string{"192.0.2.0/24 at 1", "192.0.2.0/24 at 1"}},
		{"a key with a number", `{"192.0.2.0":24}`, []string{"skipped 1: left out: 192.0.2.0: 24" + doubt}},
		{"hits", `[{"ip":"192.0.2.4","count":12},{"ip":"192.0.2.6","count":8}]`, []string{"192.0.2.4/32 at 1", "192.0.2.6/32 at 1"}},
		{"ports", `[{"ip":"192.0.2.4","port":25},{"ip":"192.0.2.6","lastSeen":"2026-01-02"}]`, []string{"192.0.2.4/32 at 1", "192.0.2.6/32 at 1"}},
		{"ranges in strings", `{"a":"192.0.2.4 - 192.0.2.7","b":["192.0.2.8","- 192.0.2.9","192.0.2.12 255.255.255.252"],"c":"192.0.2.20\n192.0.2.23"}`,
			[]string{"192.0.2.4/30 at 1", "192.0.2.8/32 at 1", "192.0.2.9/32 at 1", "192.0.2.12/30 at 1", "192.0.2.20/32 at 1", "192.0.2.23/32 at 1"}},
		{"no comments", `["# 192.0.2.1", "192.0.2.2 ; 192.0.2.3"]`, []string{"192.0.2.1/32 at 1", "192.0.2.2/32 at 1", "192.0.2.3/32 at 1"}},
		{"JSON Lines", "{\"start\":\"192.0.2.4\",\"end\":\"192.0.2.7\"}\n\n{\"ip\":\"192.0.2.9\"}\n", []string{"192.0.2.4/30 at 1", "192.0.2.9/32 at 3"}},
		{"no JSON", "{\"start\":\"192.0.2.4\",\"end\":\"192.0.2.7\"},\n{192.0.2.9}", []string{"192.0.2.4/30 at 1", "192.0.2.9/32 at 2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFinding(100)
			if err := f.Text([]byte(test.text), "text/plain"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, f.report()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
