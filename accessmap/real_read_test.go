package accessmap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/fixtures"
)

// The readers in this file do not use the packages under test. They do what the servers do (docs/facts.md 1 to 3, 9 and 10).

// accessMap holds the output of `makemap -u`: keys in lower case, and values.
type accessMap map[string]string

// value gives the value that the rulesets find for a client, or "" without one.
func (m accessMap) value(client netip.Addr) string { return m[m.key(client)] }

// key gives the key that decides, or "" without one: of the whole address and of the address cut at its octets or 16-bit
// groups, the longest key in the map, and the one with the tag before the one without.
func (m accessMap) key(client netip.Addr) string {
	family, separator, parts := "", ".", []string{}
	if client.Is4() {
		for _, octet := range client.As4() {
			parts = append(parts, strconv.Itoa(int(octet)))
		}
	} else {
		family, separator = "ipv6:", ":"
		for b := client.As16(); len(parts) < 8; {
			i := 2 * len(parts)
			parts = append(parts, strconv.FormatInt(int64(b[i])*256+int64(b[i+1]), 16))
		}
	}
	for n := len(parts); n >= 0; n-- {
		key := strings.TrimSuffix(family+strings.Join(parts[:n], separator), ":")
		for _, tag := range []string{"connect:", ""} {
			if _, ok := m[tag+key]; ok {
				return tag + key
			}
		}
	}
	return ""
}

// maker builds maps with the real makemap and dumps them, one after the other in the same file.
type maker struct{ makemap, base string }

func newMaker(tb testing.TB) maker {
	tb.Helper()
	// In other directories makemap warns that others can write to them. Any output of makemap is an error in these tests.
	return maker{fixtures.Makemap(tb), filepath.Join(fixtures.SafeDir(tb), "access")}
}

// mapOf builds the map of a text and gives its content.
func (m maker) mapOf(text []byte) (accessMap, error) {
	if err := os.Remove(m.base + ".db"); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	build := exec.Command(m.makemap, "-C", "/dev/null", "-c", fixtures.MapCache, "hash", m.base)
	build.Stdin = bytes.NewReader(text)
	if output, err := build.CombinedOutput(); err != nil || len(output) > 0 {
		return nil, fmt.Errorf("makemap: %v: %s", err, output)
	}
	dump, err := exec.Command(m.makemap, "-C", "/dev/null", "-u", "hash", m.base).Output()
	if err != nil {
		return nil, fmt.Errorf("makemap -u: %w", err)
	}
	stored := accessMap{}
	for line := range strings.Lines(string(dump)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			return nil, fmt.Errorf("makemap -u: %q", line)
		}
		stored[key] = value
	}
	return stored, nil
}

// cidrTable is a Postfix table of type cidr: networks in file order.
type cidrTable []cidrLine

type cidrLine struct {
	network netip.Prefix
	value   string
}

// readCIDRTable reads a table. A line that Postfix would skip is an error.
func readCIDRTable(text []byte) (table cidrTable, err error) {
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 2 {
			return nil, fmt.Errorf("%q is not a network and a value", line)
		}
		network, err := netip.ParsePrefix(fields[0])
		if err != nil || network.Masked() != network {
			return nil, fmt.Errorf("%q: host bits are set, or %w", line, err)
		}
		table = append(table, cidrLine{network, fields[1]})
	}
	return table, nil
}

// value gives the value of the first line that matches, or "" without one.
func (t cidrTable) value(client netip.Addr) string {
	for _, line := range t {
		if line.network.Contains(client) {
			return line.value
		}
	}
	return ""
}

// readNetworks reads a list of networks, one a line, as a table with the value "OK".
func readNetworks(text []byte) (table cidrTable, err error) {
	for line := range strings.Lines(string(text)) {
		network, err := netip.ParsePrefix(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		table = append(table, cidrLine{network, "OK"})
	}
	return table, nil
}

// readKeys reads quoted keys, one a line, as a table with the value "OK".
func readKeys(text []byte) (table cidrTable, err error) {
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		network, err := netip.ParsePrefix(strings.Trim(line, "\"\n"))
		if err != nil || strings.Count(line, `"`) != 2 {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		table = append(table, cidrLine{network, "OK"})
	}
	return table, nil
}

// readElements reads the elements of both sets of an nftables file as a table with the value "OK".
func readElements(text []byte) (table cidrTable, err error) {
	for _, set := range regexp.MustCompile(`add element inet mailallow allow([46]) \{([^}]*)\}`).FindAllStringSubmatch(string(text), -1) {
		for element := range strings.SplitSeq(set[2], ",") {
			network, err := netip.ParsePrefix(strings.TrimSpace(element))
			if err != nil || network.Addr().Is4() != (set[1] == "4") {
				return nil, fmt.Errorf("%q in allow%s: %w", element, set[1], err)
			}
			table = append(table, cidrLine{network, "OK"})
		}
	}
	return table, nil
}

// readDatasets reads rbldnsd's data, without the test entry, as a table with the A records as values.
func readDatasets(text []byte) (table cidrTable, err error) {
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' || line[0] == '$' || line == "127.0.0.2\t:127.0.0.99:test entry\n" {
			continue
		}
		name, value, _ := strings.Cut(line, "\t:")
		answer, _, described := strings.Cut(value, ":")
		network, err := netip.ParsePrefix(name)
		if err != nil || !described {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		table = append(table, cidrLine{network, answer})
	}
	return table, nil
}

// readDocument reads the JSON format as a table with the actions as values.
func readDocument(text []byte) (table cidrTable, err error) {
	var document struct {
		Version int
		Entries []struct{ Prefix, Action string }
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if document.Version != 1 {
		return nil, fmt.Errorf("version %d", document.Version)
	}
	for _, e := range document.Entries {
		network, err := netip.ParsePrefix(e.Prefix)
		if err != nil {
			return nil, err
		}
		table = append(table, cidrLine{network, e.Action})
	}
	return table, nil
}

// bareWords are those of a format without actions.
var bareWords = map[allowlist.Action]string{allowlist.OK: "OK", allowlist.Relay: "OK", allowlist.Reject: "OK"}

// word gives the word of the format for an address of the list. A format without actions holds what is refused only if the
// target asks for it.
func (l list) word(form string, addr netip.Addr) string {
	action := l.action(addr)
	if bare := slices.Contains([]string{"cidr", "nftables", "exim"}, form); bare && action == allowlist.Reject && l.want.Only == nil {
		return ""
	}
	return inTable[form].words[action]
}

// inTable holds, for each format that is a list of networks, its reader and its words for the actions.
var inTable = map[string]struct {
	read  func([]byte) (cidrTable, error)
	words map[allowlist.Action]string
}{
	"postfix-cidr": {readCIDRTable, map[allowlist.Action]string{
		allowlist.OK: "permit", allowlist.Relay: "permit", allowlist.Reject: "REJECT"}},
	"postscreen-cidr": {readCIDRTable, map[allowlist.Action]string{
		allowlist.OK: "permit", allowlist.Relay: "permit", allowlist.Reject: "reject"}},
	"mynetworks-cidr": {readCIDRTable, map[allowlist.Action]string{allowlist.Relay: "permit"}},
	"rbldnsd": {readDatasets, map[allowlist.Action]string{
		allowlist.OK: "127.0.0.2", allowlist.Relay: "127.0.0.3"}},
	"cidr":     {readNetworks, bareWords},
	"nftables": {readElements, bareWords},
	"exim":     {readKeys, bareWords},
	"json": {readDocument, map[allowlist.Action]string{
		allowlist.OK: "OK", allowlist.Relay: "RELAY", allowlist.Reject: "REJECT"}},
}
