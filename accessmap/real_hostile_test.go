package accessmap_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// smuggled are names that would add a key or break a line if they were written unchanged (docs/facts.md 5).
var smuggled = []string{
	"google",
	"",
	"a\nConnect:8\tRELAY\n",
	"a\rConnect:8\tRELAY",
	"a\x00\nConnect:8\tRELAY",
	strings.Repeat("x", 900) + "\nConnect:8\tRELAY",
	strings.Repeat("x", 1021) + "Connect:8\tRELAY",
	strings.Repeat("\xff", 300) + strings.Repeat("y", 200) + "Connect:8\tRELAY",
	"\n# END mailallow\nConnect:8\tRELAY\n# BEGIN mailallow\n",
	"\u2028Connect:8\tRELAY\u2029",
	"\u202eYALER\t8:tcennoC\u2066",
	"\xc3\x28\xf0\x28\x8c\x28",
	"\x1b]0;title\x07\x1b[2J",
	`"`, `\`, `": "`, "a: b > c; d: e",
	strings.Repeat(`\"`, 400),
}

// hostile draws a name, or a step of a path, that an attacker chose.
func hostile() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom(smuggled),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.IntRange(0, 1100), func(n int) string { return strings.Repeat("z", n) }),
	)
	return rapid.Map(rapid.SliceOfN(piece, 1, 4), func(pieces []string) string { return strings.Join(pieces, "") })
}

// hostileSources makes a list of sources that overlap, so that one line may name several.
func hostileSources(names, steps []string) *allowlist.Set {
	var sources []allowlist.Labelled
	for i, name := range names {
		src := allowlist.Labelled{Source: fmt.Sprint(i, name), Action: allowlist.OK}
		for j, p := range []string{"192.0.2.0/24", fmt.Sprintf("198.51.%d.0/23", 100+2*i), "2001:db8::/46"} {
			src.Ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of(name, steps[(i+j)%len(steps)])})
		}
		sources = append(sources, src)
	}
	return allowlist.Merge(sources)
}

// harmless is an error if a line of the text is too long, has no LF, or has bytes other than printable ASCII and tabs.
func harmless(text []byte) error {
	const longest = 500
	for line := range bytes.Lines(text) {
		if len(line) > longest {
			return fmt.Errorf("a line of %d bytes: %q", len(line), line)
		}
		if line[len(line)-1] != '\n' {
			return fmt.Errorf("no LF at the end: %q", line)
		}
		for _, c := range line[:len(line)-1] {
			if (c < ' ' || c > '~') && c != '\t' {
				return fmt.Errorf("byte %#x: %q", c, line)
			}
		}
	}
	return nil
}

// checkHostile writes a list with hostile names in every format. Its map must be that of the same list with plain names.
func checkHostile(maker maker, l list, want accessMap) error {
	for _, f := range format.All() {
		text, _, err := l.write(f.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if err := harmless(text); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if _, err := f.Read(text); err != nil {
			return fmt.Errorf("%s cannot be read back: %w", f.Name, err)
		}
		if table, ok := inTable[f.Name]; ok {
			table, err := table.read(text)
			if err != nil {
				return err
			}
			for _, addr := range l.boundaries() {
				if table.value(addr) != l.word(f.Name, addr) {
					return fmt.Errorf("%s: %q", addr, table.value(addr))
				}
			}
		}
	}
	text, _, _ := l.write("sendmail-access")
	stored, err := maker.mapOf(text)
	if err != nil {
		return err
	}
	if !maps.Equal(stored, want) {
		return fmt.Errorf("%d keys in the map instead of %d", len(stored), len(want))
	}
	return nil
}

// plainMap gives the map of the list with plain names.
func plainMap(tb testing.TB, maker maker) accessMap {
	tb.Helper()
	text, _, err := list{set: hostileSources([]string{"a", "b"}, []string{"c"})}.write("sendmail-access")
	if err != nil {
		tb.Fatal(err)
	}
	stored, err := maker.mapOf(text)
	if err != nil {
		tb.Fatal(err)
	}
	return stored
}

// TestHostileNames checks lists with random hostile names and paths.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	maker := newMaker(t)
	want := plainMap(t, maker)
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(hostile(), 2, 2).Draw(t, "names")
		steps := rapid.SliceOfN(hostile(), 3, 3).Draw(t, "steps")
		l := list{set: hostileSources(names, steps)}
		if err := checkHostile(maker, l, want); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzHostileNames checks lists with any two names and paths.
func FuzzHostileNames(f *testing.F) {
	for _, s := range smuggled {
		f.Add(s, s)
	}
	maker := newMaker(f)
	want := plainMap(f, maker)
	f.Fuzz(func(t *testing.T, name, step string) {
		l := list{set: hostileSources([]string{name, step}, []string{step, name})}
		if err := checkHostile(maker, l, want); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHostileNamesInABlock plans a block with such names twice: the second plan must read the block as mailallow's own and
// change nothing.
func TestHostileNamesInABlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access")
	byHand := "# by hand\nConnect:203.0.113.9\tREJECT\n"
	if err := os.WriteFile(path, []byte(byHand), 0o644); err != nil {
		t.Fatal(err)
	}
	format, err := format.ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	target := plan.Target{Format: format, Path: path, Map: makemap.None}
	set := hostileSources(smuggled, smuggled)
	for _, changes := range []bool{true, false} {
		plans, err := plan.Planner{}.All(t.Context(), []plan.Target{target}, set)
		if err != nil {
			t.Fatal(err)
		}
		p := plans[0]
		if p.TextChanged() != changes || len(p.Problems) != 0 || !bytes.HasPrefix(p.New, []byte(byHand)) {
			t.Errorf("changed %v, want %v; problems %v", p.TextChanged(), changes, p.Problems)
		}
		if err := harmless(p.New); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(path, p.New, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
