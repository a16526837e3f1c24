package plan

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// host is a target with its file and its record, as runs leave them.
type host struct {
	t       *rapid.T
	target  Target
	record  record.Record
	sources []string
}

func newHost(t *rapid.T, dir, formatName string) *host {
	f, err := format.ByName(formatName)
	if err != nil {
		t.Fatal(err)
	}
	return &host{t: t, target: Target{Format: f, Path: filepath.Join(dir, "target"), Map: makemap.None}}
}

func (h *host) file() []byte {
	text, err := os.ReadFile(h.target.Path)
	if err != nil {
		return nil
	}
	return text
}

func (h *host) write(text []byte) {
	if err := os.WriteFile(h.target.Path, text, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) removal() Removal {
	r := Removal{Target: h.target}
	r.Installed, _ = h.target.Installed(h.record)
	return r
}

// update installs networks, as package install does.
func (h *host) update(networks []string) *Plan {
	plans, err := Planner{Installed: h.record}.All(context.Background(), []Target{h.target}, setOf(networks))
	if err != nil {
		h.t.Fatal(err)
	}
	earlier, _ := h.target.Installed(h.record)
	h.record = record.Record{Version: 1, Targets: []record.Target{plans[0].Recorded(earlier, h.sources)}}
	h.write(plans[0].Text())
	return plans[0]
}

// remove takes the list out, as package install does.
func (h *host) remove() *Plan {
	plans, err := Planner{}.Removals(context.Background(), []Removal{h.removal()})
	if err != nil {
		h.t.Fatal(err)
	}
	h.record = record.Record{Version: 1}
	if plans[0].Gone {
		if err := os.Remove(h.target.Path); err != nil {
			h.t.Fatal(err)
		}
	} else {
		h.write(plans[0].Text())
	}
	return plans[0]
}

func setOf(networks []string) *allowlist.Set {
	var ranges allowlist.Ranges
	for _, n := range networks {
		ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(n), Path: provenance.Of("cidr " + n)})
	}
	return allowlist.Merge([]allowlist.Labelled{{Source: "own", Action: allowlist.OK, Ranges: ranges}})
}

var (
	handLines = rapid.SampledFrom([]string{"", "# by hand", "Connect:10.1\tRELAY", "example.com\tREJECT", "  # indented", "\tx", "To:a@b\t550 no",
		"# 192.0.2.0/24 OK own: cidr 192.0.2.0/24", "# 203.0.113.0/24 OK mine: by hand", "#", "Connect:192.0.2\tOK", "## BEGIN mailallow"})
	endings  = rapid.SampledFrom([]string{"\n", "\r\n", "\n\n"})
	networks = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"192.0.2.0/24", "198.51.100.0/30", "10.0.0.0/14", "2001:db8::/46", "192.0.2.7/32"}), 0, 4, rapid.ID)
)

// handWritten is a file of hand-written lines with any line endings, and perhaps without a last one.
func handWritten(t *rapid.T) []byte {
	var b bytes.Buffer
	for _, line := range rapid.SliceOfN(handLines, 0, 8).Draw(t, "lines") {
		b.WriteString(line + endings.Draw(t, "ending"))
	}
	text := b.Bytes()
	for range rapid.IntRange(0, 2).Draw(t, "cut") {
		text = text[:max(len(text)-1, 0)]
	}
	return slices.Clone(text)
}

// Whatever is in an access file, and whatever the updates put into it, after remove it is byte for byte as it was. A file that
// was not there is not there again.
func TestRemoveRestores(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		h := newHost(t, dir, "sendmail-access")
		os.Remove(h.target.Path)
		before := handWritten(t)
		existed := len(before) > 0 || rapid.Bool().Draw(t, "existed")
		if existed {
			h.write(before)
		}
		for range rapid.IntRange(1, 3).Draw(t, "updates") {
			h.update(networks.Draw(t, "networks"))
		}
		p := h.remove()
		if after, err := os.ReadFile(h.target.Path); existed && (err != nil || !bytes.Equal(after, before)) || !existed && !os.IsNotExist(err) {
			t.Fatalf("%v: %q became %q", err, before, after)
		}
		if len(p.Problems) > 0 {
			t.Fatalf("%+v", p.Problems)
		}
		if h.removal().Holds() {
			t.Fatal("something of it is still there")
		}
	})
}

// Lines that people write into the file stay, those around the block where they are and those within it in the place of the
// block, and exactly the latter are named.
func TestRemoveKeepsEdits(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		h := newHost(t, dir, "sendmail-access")
		h.write(handWritten(t))
		h.update(networks.Draw(t, "networks"))
		file, err := block.Extract(h.file())
		if err != nil {
			t.Fatal(err)
		}
		ours := strings.SplitAfter(string(file.Inside), "\n")
		known := map[string]bool{}
		for line := range bytes.Lines(file.Inside) {
			known[string(line)] = true
			known[string(bytes.TrimSuffix(line, []byte("\n")))+"\r\n"] = true // an editor turns the ends of lines
		}
		var inside, foreign bytes.Buffer
		named := 0
		for _, line := range ours { // a line may be inserted before each, and each may be taken out
			if mine := handLines.Draw(t, "inside") + endings.Draw(t, "ending"); rapid.Bool().Draw(t, "insert") {
				inside.WriteString(mine)
				for line := range strings.Lines(mine) {
					if !known[line] {
						foreign.WriteString(line)
						named++
					}
				}
			}
			if rapid.Bool().Draw(t, "keep") {
				inside.WriteString(line)
			}
		}
		above, below := handLines.Draw(t, "above")+"\n", handWritten(t)
		text := slices.Concat([]byte(above), file.Before, []byte(block.Begin+"\n"), inside.Bytes(), []byte(block.End+"\n"), below)
		h.write(text)
		p := h.remove()
		want := slices.Concat([]byte(above), file.Before, foreign.Bytes(), below)
		if len(foreign.Bytes())+len(below) == 0 {
			want = bytes.TrimSuffix(want, []byte("\n"))
			want = want[:max(len(want), len(h.file()))] // the newline goes only if the first update has added it
		}
		if after := h.file(); !bytes.Equal(bytes.TrimSuffix(after, []byte("\n")), bytes.TrimSuffix(want, []byte("\n"))) {
			t.Fatalf("%q became\n%q, want\n%q", text, after, want)
		}
		named = min(named, maxNotOurs+1) // the last one stands for all others
		for _, problem := range p.Problems {
			if problem.Kind == "foreign" { // one of our lines is there twice, or its end is turned
				continue
			}
			named--
			if line := string(bytes.SplitAfter(text, []byte("\n"))[problem.Line-1]); problem.Kind != "not-ours" || known[line] {
				t.Fatalf("line %d, %q, is named", problem.Line, line)
			}
		}
		if named != 0 {
			t.Fatalf("%d lines are not named: %+v", named, p.Problems)
		}
	})
}

// Another update finds the same lines and names them, and the networks in them are nobody's but their writer's.
func TestNotOurs(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		h := newHost(t, dir, "sendmail-access")
		h.write([]byte("a.example OK\n"))
		h.update([]string{"198.51.100.0/30"})
		text := strings.Replace(string(h.file()), block.End, "Connect:203.0.113\tRELAY\n# a note\n"+block.End, 1)
		h.write([]byte(text))
		p := h.update([]string{"198.51.100.0/30", "192.0.2.0/24"})
		line := strings.Count(text[:strings.Index(text, "Connect:203.0.113")], "\n") + 1
		if len(p.Problems) != 2 || p.Problems[0].Line != line || p.Problems[1].Line != line+1 || p.Problems[0].Kind != "not-ours" {
			t.Fatalf("%+v", p.Problems)
		}
		difference := p.Difference()
		last := difference[len(difference)-1]
		if _, removed := difference.Lines(); !slices.Equal(removed, []string{"203.0.113.0/24 RELAY"}) || last.Source != NotOurs || last.Removed.Len() != 1 {
			t.Fatalf("%q, %+v", removed, difference)
		}
	})
}

// A file that holds nothing but the list goes, unless a server may read it. One whose readers are not known here becomes an
// empty list.
func TestRemoveWhole(t *testing.T) {
	for _, f := range format.All() {
		for _, stays := range []string{"", "main.cf names it"} {
			rapid.Check(t, func(rt *rapid.T) {
				h := newHost(rt, t.TempDir(), f.Name)
				h.target.WholeFile = true
				h.update([]string{"192.0.2.0/24", "2001:db8::/46"})
				r := h.removal()
				r.Stays = stays
				plans, err := Planner{}.Removals(context.Background(), []Removal{r})
				if err != nil {
					rt.Fatal(err)
				}
				p := plans[0]
				var empty bytes.Buffer
				if _, err := f.Write(&empty, slices.Values([]allowlist.Span(nil)), format.Selection{}); err != nil {
					rt.Fatal(err)
				}
				switch known := f.Map || f.Use != format.UseNone; {
				case known && p.Gone != (stays == ""), known && len(p.New) > 0, !known && (p.Gone || string(p.New) != empty.String()):
					rt.Errorf("%s, stays %q: gone %v, %q", f.Name, stays, p.Gone, p.New)
				}
				if _, removed := p.Difference().Len(); removed == 0 && f.Name != "mynetworks-cidr" {
					rt.Errorf("%s: nothing is said to be taken out", f.Name)
				}
			})
		}
	}
}
