package snapshot

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures"
)

// A snapshot may come from a repository of strangers. Decode refuses a bad one in bounded time, with an error of
// bounded length.
func TestHostileSnapshots(t *testing.T) {
	const head = `{"version": 1, "sources": [`
	const head2 = `{"version": 2, "sources": [{"paths": [`
	source := func(name string, ranges io.Reader) io.Reader {
		return io.MultiReader(strings.NewReader(fmt.Sprintf(`%s{"name": %q, "definition": "d", "time": "2026-01-01T00:00:00Z", "ranges": [`, head, name)), ranges,
			strings.NewReader(`]}]}`))
	}
	many := func(text string, n int) io.Reader {
		return strings.NewReader(strings.TrimSuffix(strings.Repeat(text+",", n), ","))
	}
	for _, row := range []struct {
		name string
		text io.Reader
		want string
	}{
		{"brackets", strings.NewReader(strings.Repeat("[", 1<<20)), "found a [, expected a {"},
		{"objects in objects", strings.NewReader(head + strings.Repeat(`{"ranges": [`, 20_000)), `unknown field "ranges"`},
		{"steps below steps", strings.NewReader(head2 + strings.Repeat(`{"step": "x", "steps": [`, 20_000)), "a path of more than 1002 steps"},
		{"a hundred thousand mistakes", source("a", many(`{"prefix": "192.0.2.1/24", "path": ["x"]}`, 100_000)), "192.0.2.1/24 has host bits set"},
		{"a hundred thousand steps", source("a", strings.NewReader(`{"prefix": "192.0.2.0/24", "path": ["x"`+strings.Repeat(`,"x"`, 100_000)+`]}`)), "has a path of 1003 steps"},
		{"a version of a megabyte", strings.NewReader(`{"version": ` + strings.Repeat("1", 1<<20)), "version 1111"},
		{"a time of a megabyte", strings.NewReader(`{"version": 2, "time": "` + strings.Repeat("1", 1<<20) + `"`), "is no time"},
		{"a network of a megabyte", source("a", strings.NewReader(`{"prefix": "`+strings.Repeat("1", 1<<20)+`"}`)), "is no network"},
		{"a name of a megabyte", source(strings.Repeat("a", 1<<20), many(`{"prefix": "192.0.2.1/24", "path": ["x"]}`, 100)), "has host bits set"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Decode(row.text, "s.json")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("got %.300v, want %q in it", err, row.want)
			}
			if n := len(err.Error()); n > 8000 {
				t.Errorf("the message is %d bytes long", n)
			}
		})
	}
}

// Each source of a snapshot is bounded by itself: at its bounds, one below and one above, beside others that are at theirs.
func TestSnapshotSourceBounds(t *testing.T) {
	list := func(name string, ranges int) allowlist.Resolved {
		r := allowlist.Resolved{Name: name, Definition: "d", Time: time.Unix(1, 0)}
		for i := range ranges {
			r.Ranges.Add(allowlist.Range{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{74, byte(i >> 16), byte(i >> 8), byte(i)}), 32), Path: provenance.Of("list").AtLine(uint32(i + 1))})
		}
		return r
	}
	const most = 1000
	size := int64(len(encodedText(t, New(time.Time{}, []allowlist.Resolved{list("c", most)}))))
	for _, row := range []struct {
		name   string
		ranges int
		bytes  int64
		want   string
	}{
		{"one below", most + 1, size + 1, ""},
		{"at the bounds", most, size, ""},
		{"a range too many", most - 1, size, "a source of more than 999 ranges"},
		{"too many bytes", most, size / 2, fmt.Sprintf("source 2 is larger than %s bytes", ascii.Count(size/2))},
	} {
		var all []allowlist.Resolved
		for i := range 20 {
			all = append(all, list(string(rune('c'+i)), most))
		}
		text := encodedText(t, New(time.Time{}, append(all, list("a", 0))))
		// One byte at a time: a decoder that reads ahead would have the next source counted with this one.
		_, err := decode(iotest.OneByteReader(bytes.NewReader(text)), "s.json", row.ranges, row.bytes)
		if fmt.Sprint(err) != "<nil>" && row.want == "" || !strings.Contains(fmt.Sprint(err), row.want) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
}

// The longest sources that there can be are written and read again, however many they are: lists on disk, and a policy of as
// many steps as may be.
func TestSnapshotLongest(t *testing.T) {
	fixtures.All(t)
	var all []allowlist.Resolved
	list := provenance.Of(strings.Repeat("x", 4000))
	for i := range 3 {
		r := allowlist.Resolved{Name: fmt.Sprint("list ", i), Definition: "d", Time: time.Unix(1, 0)}
		for n := range allowlist.MaxFileRanges {
			r.Ranges.Add(allowlist.Range{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2a, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1f, byte(n >> 16), byte(n >> 8), byte(n)}), 128), Path: list.AtLine(uint32(n + 1))})
		}
		all = append(all, r)
	}
	policy := allowlist.Resolved{Name: "policy", Definition: "d", Time: time.Unix(1, 0)}
	bounds := allowlist.DefaultBounds()
	each := int(bounds.Provenance)/bounds.Ranges/33 - 1
	var deep *provenance.Path
	for range provenance.MaxSteps - each {
		deep = deep.Then("\\")
	}
	for n := range bounds.Ranges { // steps of one character, which take most space beside their text
		path := deep.Then(fmt.Sprint(n))
		for range each - 1 {
			path = path.Then("\\")
		}
		policy.Ranges.Add(allowlist.Range{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2a, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}), 128), Path: path})
	}
	var meter provenance.Meter
	for r := range policy.Ranges.All() {
		meter.Add(r.Path)
	}
	if meter.Bytes > bounds.Provenance {
		t.Fatalf("the paths take %d bytes, more than a source may have", meter.Bytes)
	}
	text := encodedText(t, New(time.Time{}, append(all, policy)))
	s, err := Decode(bytes.NewReader(text), "s.json")
	if err != nil {
		t.Fatal(err)
	}
	for i, src := range s.Sources {
		if want := append(all, policy)[i].Ranges.Len(); src.Ranges.Len() != want {
			t.Errorf("%s: %d ranges, want %d", src.Name, src.Ranges.Len(), want)
		}
	}
	for i := range s.Sources {
		one := encodedText(t, &Snapshot{Sources: s.Sources[i : i+1]})
		if t.Logf("%s: %d bytes", s.Sources[i].Name, len(one)); len(one) > maxSourceBytes*3/4 {
			t.Errorf("%s takes %d of %d bytes", s.Sources[i].Name, len(one), maxSourceBytes)
		}
	}
}
