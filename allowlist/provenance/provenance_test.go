package provenance

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// steps gives the steps, the topmost first, without lines.
func steps(p *Path) (all []string) {
	for _, node := range p.Nodes() {
		all = append(all, node.Step())
	}
	return all
}

func TestPath(t *testing.T) {
	for _, row := range []struct {
		path   *Path
		text   string
		length int
	}{
		{nil, "", 0},
		{Of("a.example"), "a.example", 1},
		{Of("a.example", "include:b.example", "ip4:192.0.2.7"), "a.example > include:b.example > ip4:192.0.2.7", 3},
		{Of("offices.cidr").AtLine(12), "offices.cidr:12", 1},
	} {
		if row.path.String() != row.text || len(steps(row.path)) != row.length {
			t.Errorf("%s, %q, %d steps; want %s, %d", row.path, steps(row.path), len(steps(row.path)), row.text, row.length)
		}
	}
}

// TestCompare compares paths that share steps with equal paths that share none.
func TestCompare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []*Path{nil}
		for range 8 {
			above := rapid.SampledFrom(all).Draw(t, "above")
			all = append(all, above.Then(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "step")))
		}
		p, q := rapid.SampledFrom(all).Draw(t, "p"), rapid.SampledFrom(all).Draw(t, "q")
		want := slices.Compare(steps(p), steps(q))
		if got, apart := p.Compare(q), p.Compare(Of(steps(q)...)); got != want || apart != want {
			t.Fatalf("%q, %q: %d, and %d if they share no step, want %d", p, q, got, apart, want)
		}
	})
	list := Of("list")
	ordered := []*Path{nil, list, list.AtLine(2), list.AtLine(10), list.Then("a"), Of("list:1")}
	for i := range ordered[1:] {
		if ordered[i].Compare(ordered[i+1]) >= 0 || ordered[i+1].Compare(ordered[i]) <= 0 {
			t.Errorf("%q is not before %q", ordered[i], ordered[i+1])
		}
	}
}

func TestMeter(t *testing.T) {
	above := Of("12345678").Then("1234")
	var m Meter
	for _, p := range []*Path{above.Then("1"), above.Then("12"), above, above.Then("123"), Of("1")} {
		m.Add(p)
	}
	if want := int64(8 + 4 + 1 + 2 + 3 + 1 + 6*nodeBytes); m.Bytes != want {
		t.Errorf("%d bytes, want %d", m.Bytes, want)
	}
	var lines Meter
	for i := range uint32(3) {
		lines.Add(above.AtLine(i + 1))
	}
	if want := int64(8 + 4 + 2*nodeBytes); lines.Bytes != want {
		t.Errorf("%d bytes for lines, want %d", lines.Bytes, want)
	}
}
