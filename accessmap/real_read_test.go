package accessmap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/fixtures"
)

// The readers here know nothing of the package under test: they do what the servers do, by docs/facts.md 1 to 3, 9 and 10.

// accessMap is what `makemap -u` prints: keys, folded to lower case, and values.
type accessMap map[string]string

// value is what the rulesets find for a client; the empty value is none.
func (m accessMap) value(client netip.Addr) string { return m[m.key(client)] }

// key is the one that decides: of the address whole, then cut at its octets or 16-bit groups, the longest there is, and
// the tagged one before the other. The empty key is none.
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

// maker builds maps with the real makemap and dumps them again, each in the place of the last.
type maker struct{ makemap, base string }

func newMaker(tb testing.TB) maker {
	tb.Helper()
	// Elsewhere makemap warns of directories that others can write to, and here any word of its is an error.
	return maker{fixtures.Makemap(tb), filepath.Join(fixtures.SafeDir(tb), "access")}
}

func (m maker) mapOf(text []byte) (accessMap, error) {
	if err := os.Remove(m.base + ".db"); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	build := exec.Command(m.makemap, "-C", "/dev/null", "hash", m.base)
	build.Stdin = bytes.NewReader(text)
	if said, err := build.CombinedOutput(); err != nil || len(said) > 0 {
		return nil, fmt.Errorf("makemap: %v: %s", err, said)
	}
	dump, err := exec.Command(m.makemap, "-C", "/dev/null", "-u", "hash", m.base).Output()
	if err != nil {
		return nil, fmt.Errorf("makemap -u: %w", err)
	}
	held := accessMap{}
	for line := range strings.Lines(string(dump)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			return nil, fmt.Errorf("makemap -u: %q", line)
		}
		held[key] = value
	}
	return held, nil
}

// cidrTable is a Postfix table of type cidr: networks in file order.
type cidrTable []cidrLine

type cidrLine struct {
	network netip.Prefix
	value   string
}

// readCIDRTable takes no line that Postfix would skip with a warning.
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

// value is that of the first line that matches.
func (t cidrTable) value(client netip.Addr) string {
	for _, line := range t {
		if line.network.Contains(client) {
			return line.value
		}
	}
	return ""
}

// readNetworks reads a list of networks, one a line and nothing else, as a table where each means "OK".
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

// readDatasets reads rbldnsd's data as a table with the A records as values, the test entry left out.
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

// readDocument reads the json format as a table with the actions as values.
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

// inTable is how each format that is a list of networks says an action, and who reads it.
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
	"cidr": {readNetworks, map[allowlist.Action]string{
		allowlist.OK: "OK", allowlist.Relay: "OK", allowlist.Reject: "OK"}},
	"json": {readDocument, map[allowlist.Action]string{
		allowlist.OK: "OK", allowlist.Relay: "RELAY", allowlist.Reject: "REJECT"}},
}
