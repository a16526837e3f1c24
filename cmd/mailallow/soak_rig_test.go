package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go4.org/netipx"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/exit"
	pipeline "mailallow/cmd/mailallow/internal/run"
	"mailallow/fixtures"
)

// soakHost runs `mailallow update`, as it is released and with the real makemap, over and over. The test knows the state of each
// source by other means than the program.
type soakHost struct {
	t       *testing.T
	dir     string
	program string
	sources []*known
}

// known is a source: an SPF policy at its name.
type known struct {
	name  string
	good  *netipx.IPSet // the set that was last fetched and believed; nil: none yet
	day   int           // of that fetch
	since int           // the day on which another set became good
	past  []replaced    // the sets before, since the first fetch or the last acceptance
}

// replaced is a set that was good until a day.
type replaced struct {
	set   *netipx.IPSet
	until int
}

// believes takes a set for the good one. accepted: a person has accepted it, and no earlier set counts any more.
func (k *known) believes(set *netipx.IPSet, day int, accepted bool) {
	switch {
	case k.good == nil, accepted:
		k.past, k.since = nil, day
	case !k.good.Equal(set):
		if len(k.past) == 0 || k.since < day { // at most one a day is kept
			k.past = append(k.past, replaced{k.good, day})
		}
		k.since = day
	}
	k.good, k.day = set, day
}

// ran is the report of one run.
type ran struct {
	code   int
	doc    pipeline.Document
	said   string
	memory int64 // the largest resident set, in KiB
	before *netipx.IPSet
	after  *netipx.IPSet
}

func newHost(t *testing.T, names ...string) *soakHost {
	h := &soakHost{t: t, dir: fixtures.MemoryDir(t), program: fixtures.Mailallow(t)}
	for _, name := range names {
		h.sources = append(h.sources, &known{name: name})
	}
	h.write("mailallow.cidr", "")
	fixtures.MakeAccess(t, filepath.Join(h.dir, "access"), "Connect:localhost\tRELAY")
	return h
}

func (h *soakHost) write(name, text string) {
	h.t.Helper()
	fixtures.WriteFile(h.t, filepath.Join(h.dir, name), text)
}

// configure writes the configuration, with these keys of [dns].
func (h *soakHost) configure(dns string) {
	text := fmt.Sprintf("state_dir = \"state\"\naction = \"OK\"\n[dns]\n%s\n", dns)
	for _, src := range h.sources {
		text += fmt.Sprintf("[[source]]\nname = %q\nspf = [%[1]q]\n", src.name)
	}
	h.write("c.toml", text+fmt.Sprintf(`
[[target]]
format = "sendmail-access"
path = "access"
makemap = %q
[[target]]
format = "postfix-cidr"
path = "mailallow.cidr"
`, fixtures.Makemap(h.t)))
}

// update runs `mailallow update --json`.
func (h *soakHost) update(args ...string) (r ran) {
	h.t.Helper()
	texts := h.texts()
	r.before = h.installed()
	f := timed(h.t, h.program, append([]string{"-c", filepath.Join(h.dir, "c.toml"), "--json", "update"}, args...)...)
	r.code, r.said, r.memory = f.Exit, f.said, f.Memory>>10
	if err := json.Unmarshal(f.doc, &r.doc); err != nil {
		h.t.Fatalf("%v in %s", err, f.doc)
	}
	r.after = h.installed()
	if changed := texts != h.texts(); r.doc.Changed != changed {
		h.t.Errorf("changed is %v in the document, and the files say %v", r.doc.Changed, changed)
	}
	return r
}

func (h *soakHost) texts() string {
	return string(h.read("access")) + string(h.read("mailallow.cidr"))
}

func (h *soakHost) read(name string) []byte {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// installed gives the list in the table, which must be the one in the access file and in its map.
func (h *soakHost) installed() *netipx.IPSet {
	h.t.Helper()
	var table netipx.IPSetBuilder
	for line := range strings.Lines(string(h.read("mailallow.cidr"))) {
		if words := strings.Fields(line); len(words) == 2 && words[1] == "permit" {
			table.AddPrefix(netip.MustParsePrefix(words[0]))
		} else if len(words) > 0 && line[0] != '#' {
			h.t.Fatalf("mailallow.cidr: %q", line)
		}
	}
	dump, err := exec.Command(fixtures.Makemap(h.t), "-C", "/dev/null", "-u", "hash", filepath.Join(h.dir, "access")).Output()
	if err != nil {
		h.t.Fatal(err)
	}
	set := built(h.t, &table)
	for name, text := range map[string]string{"access": string(h.read("access")), "access.db": string(dump)} {
		if keys := keysOf(h.t, text); !keys.Equal(set) {
			h.t.Fatalf("%s and mailallow.cidr do not say the same:\n%v\n%v", name, keys.Prefixes(), set.Prefixes())
		}
	}
	return set
}

// keysOf reads the addresses of the keys of an access file or of its map (docs/facts.md 1 and 2).
func keysOf(t *testing.T, text string) *netipx.IPSet {
	t.Helper()
	var b netipx.IPSetBuilder
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		key, ours := strings.CutPrefix(strings.ToLower(key), "connect:")
		if !ours || key == "localhost" {
			continue
		}
		if value != "OK" {
			t.Fatalf("%q is no entry for OK", line)
		}
		separator, rest, groups, bits := ".", ".0", 4, 8
		if six, is := strings.CutPrefix(key, "ipv6:"); is {
			key, separator, rest, groups, bits = six, ":", ":0", 8, 16
		}
		n := strings.Count(key, separator) + 1
		b.AddPrefix(netip.PrefixFrom(netip.MustParseAddr(key+strings.Repeat(rest, groups-n)), n*bits))
	}
	return built(t, &b)
}

func built(t *testing.T, b *netipx.IPSetBuilder) *netipx.IPSet {
	t.Helper()
	set, err := b.IPSet()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func setOf(t *testing.T, prefixes ...netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range prefixes {
		b.AddPrefix(p)
	}
	return built(t, &b)
}

// consistent compares a run with the known states: the list is that of the last good states, and the report is true.
func (h *soakHost) consistent(r ran, today int) {
	h.t.Helper()
	var all netipx.IPSetBuilder
	statuses := map[guard.Status]bool{}
	for i, src := range h.sources {
		told := r.doc.Sources[i]
		statuses[told.Status] = true
		set := setOf(h.t)
		if src.good != nil {
			set = src.good
			if age := time.Duration(*told.AgeSeconds) * time.Second; age.Round(24*time.Hour) != time.Duration(today-src.day)*24*time.Hour {
				h.t.Errorf("%s is %v old, want %d days", src.name, age, today-src.day)
			}
		} else if told.AgeSeconds != nil {
			h.t.Errorf("%s has ranges of %d s", src.name, *told.AgeSeconds)
		}
		all.AddSet(set)
		if count := allowlist.CountAddresses(slices.Values(set.Prefixes())); told.Ranges != len(set.Prefixes()) || told.IPv4Addresses != count.IPv4 {
			h.t.Errorf("%s: %d ranges, %d IPv4 addresses; want %d, %d", src.name, told.Ranges, told.IPv4Addresses, len(set.Prefixes()), count.IPv4)
		}
		said := strings.Contains(r.said, fmt.Sprintf("source %q is %s: ", src.name, told.Status)) ||
			regexp.MustCompile(fmt.Sprintf(`\d+ sources are %s: .*\b%s\b`, told.Status, regexp.QuoteMeta(src.name))).MatchString(r.said)
		if bad := told.Status != guard.Fresh; bad != said || bad && len(told.Problems) == 0 {
			h.t.Errorf("%s is %s: the document says %v\n%s", src.name, told.Status, told.Problems, r.said)
		}
	}
	if want := built(h.t, &all); !r.after.Equal(want) {
		h.t.Errorf("installed:\n%v\nwant:\n%v", r.after.Prefixes(), want.Prefixes())
	}
	code := exit.Done
	switch {
	case statuses[guard.Held]:
		code = exit.Held
	case statuses[guard.Stale], statuses[guard.Missing]:
		code = exit.Stale
	}
	if r.code != code {
		h.t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, target := range r.doc.Targets {
		added, removed := networksOf(h.t, target.Added), networksOf(h.t, target.Removed)
		var b netipx.IPSetBuilder
		b.AddSet(r.before)
		b.RemoveSet(removed)
		b.AddSet(added)
		if !built(h.t, &b).Equal(r.after) {
			h.t.Errorf("%s: added %v and removed %v do not make of the old list the new one", target.Format, target.Added, target.Removed)
		}
	}
	if h.t.Failed() {
		h.t.Fatalf("exit code %d, %+v\n%s", r.code, r.doc, r.said)
	}
}

// networksOf reads networks as "CIDR ACTION".
func networksOf(t *testing.T, listed []string) *netipx.IPSet {
	var prefixes []netip.Prefix
	for _, text := range listed {
		network, action, _ := strings.Cut(text, " ")
		if action != "OK" {
			t.Errorf("%q is not of OK", text)
		}
		prefixes = append(prefixes, netip.MustParsePrefix(network))
	}
	return setOf(t, prefixes...)
}

// files gives the files of the host and of its state, with their sizes.
func (h *soakHost) files() (names []string, size int64) {
	h.t.Helper()
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == h.dir {
			return err
		}
		info, err := d.Info()
		if err == nil && !d.IsDir() && filepath.Base(filepath.Dir(path)) != "history" { // it has a bound of its own
			size += info.Size()
		}
		name, _ := filepath.Rel(h.dir, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Sort(names)
	return names, size
}

// policyRecord writes the terms of a policy into records that are small enough for a line of a zone.
func policyRecord(name, terms string) string {
	return txt(name, "v=spf1 "+strings.TrimSpace(terms)+" -all")
}

// policyZone is a policy that passes networks, in several records as providers write them: networks in includes, single
// addresses in hosts. The record of a network depends on the network alone, so that policies that differ in one network
// differ in one answer.
func policyZone(name string, networks []netip.Prefix) string {
	var includes [policyRecords]string
	hosts, zone, root := "", "", ""
	for _, p := range networks {
		family, kind := "ip4", "A"
		if p.Addr().Is6() {
			family, kind = "ip6", "AAAA"
		}
		if at := placeOf(p); at < 0 {
			hosts += "out." + name + " " + kind + " " + p.Addr().String() + "\n"
		} else {
			includes[at] += " " + family + ":" + p.String()
		}
	}
	for i, terms := range includes {
		at := "n" + strconv.Itoa(i) + "." + name
		zone += policyRecord(at, terms)
		root += " include:" + at
	}
	return zone + policyRecord(name, root+" a:out."+name) + hosts
}

// policyRecords is the number of records for the networks of a policyZone, besides the hosts.
const policyRecords = 3

// placeOf gives the record of a network; negative for the addresses of hosts, one number for each family.
func placeOf(p netip.Prefix) int {
	octets := p.Addr().AsSlice()
	n := int(octets[len(octets)-1]) + int(octets[2]) + int(octets[3])
	if p.IsSingleIP() && n%2 == 0 {
		return -len(octets)
	}
	return n % policyRecords
}

// snapshot is the path of the last good state.
func (h *soakHost) snapshot() string { return filepath.Join(h.dir, "state", "snapshot.json") }

func readSnapshot(path string) (*snapshot.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return snapshot.Decode(f, path)
}

// kept gives the state of a source in the state directory.
func (h *soakHost) kept(name string) *netipx.IPSet {
	h.t.Helper()
	snapshot, err := readSnapshot(h.snapshot())
	if err != nil {
		h.t.Fatal(err)
	}
	var prefixes []netip.Prefix
	there, _ := snapshot.Find(name)
	for r := range there.Ranges.All() {
		prefixes = append(prefixes, r.Prefix)
	}
	return setOf(h.t, prefixes...)
}

// beyond gives the first reason for which the guard should hold a fetched set, by the default limits; empty: there is none.
func (k *known) beyond(t *testing.T, fetched *netipx.IPSet, day int) string {
	for _, p := range fetched.Prefixes() {
		if p.Addr().Is4() && p.Bits() < 12 || p.Addr().Is6() && p.Bits() < 28 {
			return "wide"
		}
	}
	if addressesOf(fetched, false) > 1<<21 || addressesOf(fetched, true) > math.Ldexp(1, 100) {
		return "total"
	}
	if len(fetched.Prefixes()) == 0 {
		return "empty"
	}
	if k.good == nil || k.good.Equal(fetched) {
		return ""
	}
	states := []*netipx.IPSet{k.good}
	for _, p := range k.past {
		if day-p.until < 30 { // a run is a moment after its day began
			states = append(states, p.set)
		}
	}
	for _, six := range []bool{false, true} {
		missing := setOf(t)
		shrinks, grows := false, false
		for _, state := range states {
			had := addressesOf(state, six)
			if had == 0 {
				continue
			}
			gone := without(t, state, fetched)
			missing = with(t, missing, gone)
			lost := gone
			if six { // a network that became narrower is not lost
				lost = untouched(t, state, fetched)
			}
			shrinks = shrinks || addressesOf(lost, six) > 0.3*had
			grows = grows || addressesOf(without(t, fetched, state), six) > 2*had
		}
		if hosts := hostsOf(missing, six); shrinks && (len(hosts) > 1 || addressesOf(fetched, six) == 0) {
			return "shrink"
		}
		if grows {
			return "grow"
		}
	}
	return ""
}

func with(t *testing.T, set, other *netipx.IPSet) *netipx.IPSet {
	var b netipx.IPSetBuilder
	b.AddSet(set)
	b.AddSet(other)
	return built(t, &b)
}

func without(t *testing.T, set, other *netipx.IPSet) *netipx.IPSet {
	var b netipx.IPSetBuilder
	b.AddSet(set)
	b.RemoveSet(other)
	return built(t, &b)
}

// untouched is the networks of a set that share no address with another set.
func untouched(t *testing.T, set, other *netipx.IPSet) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range set.Prefixes() {
		if !other.OverlapsPrefix(p) {
			b.AddPrefix(p)
		}
	}
	return built(t, &b)
}

// hostsOf is the addresses, of IPv6 the /64s, of a set; two of them stand for any larger number.
func hostsOf(set *netipx.IPSet, six bool) map[netip.Prefix]bool {
	bits := 32
	if six {
		bits = 64
	}
	hosts := map[netip.Prefix]bool{}
	for _, p := range set.Prefixes() {
		if p.Addr().Is6() != six {
			continue
		}
		for _, addr := range []netip.Addr{netipx.RangeOfPrefix(p).From(), netipx.RangeOfPrefix(p).To()} {
			hosts[netip.PrefixFrom(addr, bits).Masked()] = true
		}
	}
	return hosts
}

// addressesOf counts the addresses of a family. The counts are sums of few powers of two, or far from any limit.
func addressesOf(set *netipx.IPSet, six bool) (n float64) {
	for _, p := range set.Prefixes() {
		if p.Addr().Is6() == six {
			n += math.Ldexp(1, p.Addr().BitLen()-p.Bits())
		}
	}
	return n
}
