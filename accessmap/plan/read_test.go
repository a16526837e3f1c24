package plan

import (
	"bytes"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures"
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

// A plan that is to be installed has its text read back, and a text with another byte than the list gives fails.
func TestVerified(t *testing.T) {
	var ranges allowlist.Ranges
	ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Path: provenance.Of("list")})
	set := allowlist.Merge([]allowlist.Labelled{{Source: "list", Action: allowlist.OK, Ranges: ranges}})
	access, err := format.ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	target := Target{Format: access, Path: filepath.Join(t.TempDir(), "access"), Map: "hash", Makemap: fixtures.Makemap(t)}
	for _, wrong := range []bool{false, true} {
		plans, err := Planner{Installs: true}.All(t.Context(), []Target{target}, set)
		if err != nil {
			t.Fatal(err)
		}
		job := plans[0].Job()
		if wrong {
			plans[0].managed.Digest() // so that nobody reads the text any more
			job.NewText()
			copy(job.New, bytes.Replace(job.New, []byte(":192.0.2\t"), []byte(":192.0.3\t"), 1))
		}
		if err := job.Verified(); (err != nil) != wrong {
			t.Errorf("%q: %v", job.New, err)
		}
	}
}
