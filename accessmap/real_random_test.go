package accessmap_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// maxRandomKeys keeps the maps of random lists small: one small hole in an IPv6 range can take 65,535 keys.
const maxRandomKeys = 3000

// drawList draws a few sources of any action, in both families. Their networks are inside and beside each other, because
// they have few different octets and groups, and lengths near the boundaries of keys.
func drawList(t *rapid.T) list {
	var sources []allowlist.Labelled
	network := drawNetwork
	if rapid.IntRange(0, 2).Draw(t, "halves") == 2 {
		// Halves of one network, for which either value may need the same number of keys.
		sources = append(sources, networks("all", allowlist.OK, "10.0.0.0/8"))
		network = drawHalf
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "sources") {
		// EXCLUDE is last, because rapid prefers the first values when it shrinks a failure.
		action := rapid.SampledFrom([]allowlist.Action{
			allowlist.OK, allowlist.Relay, allowlist.Reject, allowlist.OK, allowlist.Relay, allowlist.Reject, allowlist.Exclude,
		}).Draw(t, "action")
		src := allowlist.Labelled{Source: fmt.Sprintf("s%d", i), Action: action}
		for range rapid.IntRange(1, 4).Draw(t, "networks") {
			p := network(t)
			src.Ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of(p.String())})
		}
		sources = append(sources, src)
	}
	l := list{set: allowlist.Merge(sources), want: format.Selection{MaxKeys: maxRandomKeys}}
	switch rapid.IntRange(0, 9).Draw(t, "selection") {
	case 7:
		l.want.Only = []allowlist.Action{allowlist.OK, allowlist.Reject}
	case 8:
		l.want.NoIPv6 = true
	case 9:
		l.want.Only, l.want.NoIPv4 = []allowlist.Action{allowlist.Relay}, true
	}
	return l
}

// drawNetwork draws a network near others, with a length near the boundary of a key.
func drawNetwork(t *rapid.T) netip.Prefix {
	if rapid.IntRange(0, 2).Draw(t, "family") == 2 {
		return drawIPv6(t)
	}
	octet := rapid.OneOf(rapid.SampledFrom([]byte{0, 1, 127, 128, 255}), rapid.Byte())
	b := [4]byte{rapid.SampledFrom([]byte{10, 11, 0, 255}).Draw(t, "octet"), octet.Draw(t, "octet"), octet.Draw(t, "octet"), octet.Draw(t, "octet")}
	bits := rapid.OneOf(rapid.SampledFrom([]int{8, 9, 15, 16, 17, 23, 24, 25, 32}), rapid.IntRange(7, 32)).Draw(t, "bits")
	return netip.PrefixFrom(netip.AddrFrom4(b), bits).Masked()
}

// drawHalf draws a network that is one half of a node of the tree of keys, or a whole node.
func drawHalf(t *rapid.T) netip.Prefix {
	half := rapid.SampledFrom([]byte{0, 128})
	b := [4]byte{10, half.Draw(t, "octet"), half.Draw(t, "octet"), half.Draw(t, "octet")}
	return netip.PrefixFrom(netip.AddrFrom4(b), rapid.SampledFrom([]int{9, 16, 17, 24, 25}).Draw(t, "bits")).Masked()
}

// drawIPv6 draws lengths near the boundaries of groups, because others take too many keys.
func drawIPv6(t *rapid.T) netip.Prefix {
	group := rapid.SampledFrom([]uint16{0, 1, 0x8000, 0xffff, 0x20})
	var b [16]byte
	binary.BigEndian.PutUint16(b[:], 0x2001)
	for i := 2; i < len(b); i += 2 {
		binary.BigEndian.PutUint16(b[i:], group.Draw(t, "group"))
	}
	near := rapid.SampledFrom([]int{0, 0, -1, -2, -7}).Draw(t, "near")
	return netip.PrefixFrom(netip.AddrFrom16(b), 16*rapid.IntRange(2, 8).Draw(t, "groups")+near).Masked()
}

// samples gives the boundaries of the list and random addresses near them.
func (l list) samples() []netip.Addr {
	addrs := l.boundaries()
	random := rand.New(rand.NewPCG(1, uint64(len(addrs))))
	for _, addr := range addrs {
		b := addr.AsSlice()
		for i := 1 + random.IntN(len(b)-1); i < len(b); i++ {
			b[i] = byte(random.Uint32())
		}
		other, _ := netip.AddrFromSlice(b) // b has the length of an address
		addrs = append(addrs, other)
	}
	return addrs
}

// TestMapSaysTheList writes a list, builds its map and dumps it, and looks addresses up as the server does: the answers are
// those of the list, and the keys are the fewest. A list is refused if, and only if, it needs more keys than it may have.
func TestMapSaysTheList(t *testing.T) {
	t.Parallel()
	maker := newMaker(t)
	check := func(l list) error {
		text, written, err := l.write("sendmail-access")
		if fewest := l.fewestKeys(); fewest > int64(l.want.MaxKeys) {
			if err == nil || !strings.Contains(err.Error(), "max_keys") || len(text) > 0 {
				return fmt.Errorf("%d keys at least, and %d written: error %v", fewest, written.Entries, err)
			}
			return nil
		} else if err != nil || int64(written.Entries) != fewest {
			return fmt.Errorf("%d keys are written, and %d are enough: error %v", written.Entries, fewest, err)
		}
		stored, err := maker.mapOf(text)
		if err != nil {
			return err
		}
		if len(stored) != written.Entries {
			return fmt.Errorf("%d keys in the map, %d written", len(stored), written.Entries)
		}
		for _, addr := range l.samples() {
			if got, want := stored.value(addr), l.action(addr).String(); got != want {
				return fmt.Errorf("%s: the map says %q, the list %q", addr, got, want)
			}
		}
		return nil
	}
	onLists(t, check)
}

// TestTablesSayTheList does the same for the formats that are lists of networks.
func TestTablesSayTheList(t *testing.T) {
	t.Parallel()
	check := func(l list) error {
		for format, f := range inTable {
			text, written, err := l.write(format)
			if err != nil {
				return fmt.Errorf("%s: %w", format, err)
			}
			table, err := f.read(text)
			if err != nil || len(table) != written.Entries {
				return fmt.Errorf("%s: %d lines, and %d written: %w", format, len(table), written.Entries, err)
			}
			for _, addr := range l.samples() {
				if got, want := table.value(addr), l.word(format, addr); got != want {
					return fmt.Errorf("%s: %s: the table says %q, the list %q", format, addr, got, want)
				}
			}
		}
		return nil
	}
	onLists(t, check)
}

// onLists checks the real lists and then random ones.
func onLists(t *testing.T, check func(list) error) {
	t.Helper()
	everything := list{name: "every address", set: allowlist.Merge([]allowlist.Labelled{
		networks("all", allowlist.OK, "0.0.0.0/0", "::/0"), networks("half", allowlist.Reject, "0.0.0.0/1"),
	})}
	// 10.1.5 can have either value, and so decides which value needs fewer keys for 10.1.
	tie := list{name: "a tie below", set: allowlist.Merge([]allowlist.Labelled{
		networks("ok", allowlist.OK, "10.1.0.0/17"), networks("relay", allowlist.Relay, "10.1.128.0/17", "10.1.5.128/25"),
	})}
	for _, l := range append(realLists(t), everything, tie) {
		t.Run(l.name, func(t *testing.T) {
			l.want.MaxKeys = format.DefaultMaxKeys
			if err := check(l); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("random", rapid.MakeCheck(func(t *rapid.T) {
		l := drawList(t)
		if err := check(l); err != nil {
			t.Fatalf("%v\n%s", err, l)
		}
	}))
}

// String gives the list for the message of a failed test.
func (l list) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", l.want)
	for s := range l.set.Spans() {
		fmt.Fprintf(&b, "%s-%s %s\n", s.From, s.To, s.Action())
	}
	return b.String()
}
