package plan

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// FuzzRead reads any text in each format. Either it is an error, or the networks and actions are those that the format allows,
// and can be written and read again.
func FuzzRead(f *testing.F) {
	entries := []allowlist.Entry{
		{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Action: allowlist.OK, Owners: []allowlist.Owner{{Source: "a b", Paths: []*provenance.Path{provenance.Of("x", "y"), provenance.Of("z")}}}},
		{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Action: allowlist.Relay, Owners: []allowlist.Owner{{Source: "c", Paths: []*provenance.Path{provenance.Of("d; e: f")}}}},
		{Prefix: netip.MustParsePrefix("2001:db8::/32"), Action: allowlist.OK, Owners: []allowlist.Owner{{Source: "g", Paths: []*provenance.Path{provenance.Of("$1")}}}},
	}
	spans := allowlist.Nest(entries)
	for _, form := range format.All() {
		var text bytes.Buffer
		if _, err := form.Write(&text, slices.Values(spans), format.Selection{}); err != nil {
			f.Fatal(err)
		}
		f.Add(text.Bytes())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, form := range format.All() {
			read, err := form.Read(text)
			if err != nil {
				continue
			}
			for i, e := range read {
				if len(e.Owners) == 0 && !form.Bare { // every entry of a set has an owner, and the comment with its action comes from it
					read[i].Owners = []allowlist.Owner{{Source: "a", Paths: []*provenance.Path{provenance.Of("b")}}}
				}
				if !e.Prefix.IsValid() || e.Prefix != e.Prefix.Masked() || !slices.Contains(form.Actions, e.Action) {
					t.Fatalf("%s: %v", form.Name, e)
				}
			}
			spans := allowlist.Nest(slices.Clone(read))
			var again bytes.Buffer
			const fewKeys = 1000 // a short text can ask for millions
			if _, err := form.Write(&again, slices.Values(spans), format.Selection{MaxKeys: fewKeys}); err != nil {
				continue
			}
			reread, err := form.Networks(ascii.Lines(again.Bytes()), 0)
			if err == nil {
				err = verify(form, reread, slices.Values(spans), nil)
			}
			if err != nil {
				t.Fatalf("%s: %v", form.Name, err)
			}
		}
	})
}
