package plan

import (
	"bytes"
	"context"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// The text of a new file is what the format writes, and the record knows all of its lines, whether it is kept or not. That of a table is
// not.
func TestLong(t *testing.T) {
	for _, f := range format.All() {
		target := Target{Format: f, Path: filepath.Join(t.TempDir(), "target"), WholeFile: true, Map: "none"}
		rapid.Check(t, func(t *rapid.T) {
			var ranges allowlist.Ranges
			for i, p := range networks.Draw(t, "networks") {
				ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of("list").AtLine(uint32(i + 1))})
			}
			set := allowlist.Merge([]allowlist.Labelled{{Source: "list", Action: allowlist.Relay, Ranges: ranges}})
			plans, err := Planner{}.All(context.Background(), []Target{target}, set)
			if err != nil {
				t.Fatal(err)
			}
			p := plans[0]
			var want bytes.Buffer
			written, err := f.Write(&want, set.Spans(), format.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			if text := p.Text(); !p.HasText() || !bytes.Equal(text, want.Bytes()) || p.Entries != written.Entries || !p.First() || !p.TextChanged() {
				t.Fatalf("%s: %q, %d entries, want %q, %d", f.Name, text, p.Entries, &want, written.Entries)
			}
			if kept := f.Block || f.JSON; kept != (p.Long == nil) {
				t.Fatalf("%s: the text is kept: %t", f.Name, !kept)
			}
			if p.Long != nil && (p.Long.Digest != record.Digest(want.Bytes()) || p.New != nil) {
				t.Fatalf("%s: digest %s, and %d bytes are kept", f.Name, p.Long.Digest, len(p.New))
			}
			if p.managed.Lines != strings.Count(want.String(), "\n") || p.managed.Digest() != record.Digest(want.Bytes()) {
				t.Fatalf("%s: %d lines of %q are in the record", f.Name, p.managed.Lines, &want)
			}
		})
	}
}
