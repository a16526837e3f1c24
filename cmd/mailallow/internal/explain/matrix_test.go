package explain

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/dnsbl"
	"mailallow/fixtures"
)

// matrixClient is a client of the matrix of servers.
type matrixClient struct {
	address, name string            // name is empty for a client without a verified one
	codes         map[string]string // by zone: addresses in the DNS, or "silent"
}

// matrixClients are the clients: by the lists that have them, and by the tables of matrixTables.
func matrixClients() []matrixClient {
	const listed, refusal, silent = "127.0.0.2", "127.255.255.254", "silent"
	return []matrixClient{
		{"192.0.2.1", "", map[string]string{"list.test": listed}},
		{"192.0.2.2", "", nil},
		{"192.0.2.3", "", map[string]string{"list.test": silent}},
		{"192.0.2.17", "", nil},
		{"192.0.2.18", "", map[string]string{"list.test": listed}},
		{"198.51.100.4", "", map[string]string{"list.test": listed}},
		{"198.51.100.5", "", nil},
		{"198.51.100.6", "", map[string]string{"list.test": refusal}},
		{"198.51.100.7", "", map[string]string{"list.test": silent}},
		{"203.0.113.8", "", map[string]string{"list.test": listed}},
		{"198.51.100.9", "", map[string]string{"list.test": listed, "white.test": "127.0.5.1"}},
		{"198.51.100.10", "", map[string]string{"list.test": listed, "white.test": silent}},
		{"198.51.100.11", "", map[string]string{"other.test": "127.0.0.4 127.0.0.10"}},
		{"198.51.100.15", "mail.good.example", map[string]string{"list.test": listed}},
		{"198.51.100.16", "mail.bad.example", nil},
		{"2001:db8:1::1", "", map[string]string{"list.test": listed}},
		{"2001:db8:2::1", "", map[string]string{"list.test": listed}},
		{"2001:db8:3::1", "", nil},
	}
}

// argument is the client as Postfix's log has it.
func (c matrixClient) argument() string {
	if c.name == "" {
		return "unknown[" + c.address + "]"
	}
	return c.name + "[" + c.address + "]"
}

// matrixZone is the zone of the DNS server, and silences it about names.
func matrixZone(clients []matrixClient) (zone string, silent []string) {
	zone = "sender.example. 60 IN A 192.0.2.1\n"
	for _, c := range clients {
		reversed := dnsbl.Reverse(netip.MustParseAddr(c.address))
		if c.name != "" {
			zone += reversed + ".in-addr.arpa. 60 IN PTR " + c.name + ".\n" + c.name + ". 60 IN A " + c.address + "\n"
		}
		for list, codes := range c.codes {
			name := reversed + "." + list
			if codes == "silent" {
				silent = append(silent, name)
				continue
			}
			for _, code := range strings.Fields(codes) {
				zone += name + ". 60 IN A " + code + "\n"
			}
			zone += name + ". 60 IN TXT \"listed in " + list + "\"\n"
		}
	}
	return zone, silent
}

// matrixTables writes the tables that the servers name, and gives their folder.
func matrixTables(t *testing.T) string {
	t.Helper()
	dir := fixtures.SafeDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour)
	for name, text := range map[string]string{
		"good.cidr":   "192.0.2.0/28 permit\n192.0.2.16/28 REJECT\n2001:db8:1::/48 permit\n",
		"words.cidr":  "192.0.2.1 OK\n192.0.2.2 550 5.7.0 no thanks\n192.0.2.3 DEFER_IF_REJECT\n192.0.2.17 451 later\n192.0.2.18 defer_if_permit not now\n198.51.100.4 DISCARD\n198.51.100.5 reject_rbl_client list.test, permit\n198.51.100.6 4\n198.51.100.7 HOLD me\n203.0.113.8 DUNNO\n198.51.100.9 REJECT 5.1.1 your list\n198.51.100.10 nosuch\n198.51.100.11 hash:/etc/x\n2001:db8:1::1 DEFER\n2001:db8:2::1 warn_if_reject reject\n2001:db8:3::1 permit_mynetworks, reject\n",
		"names":       "good.example OK\nmail.bad.example REJECT go away\n192.0.2 OK\n2001:db8:2: OK\n198.51.100.5 REJECT\nunknown DUNNO\n",
		"noname":      "unknown REJECT no name\n",
		"screen.cidr": "192.0.2.0/28 permit\n192.0.2.16/28 reject\n198.51.100.4 dunno\n198.51.100.5 OK\n2001:db8:1::/48 permit\n",
		"networks":    "# mine\n203.0.113.0/29, !192.0.2.1\n203.0.113.8 192.0.2.0/24\n",
		"replies":     "list.test $rbl_code go to $rbl_domain${rbl_reason? because $rbl_reason}, $rbl_what\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// silenceEvery is the number of servers for one that asks a list which does not answer at all about a client: its host waits for
// it, for seconds. For the others the lists answer SERVFAIL, which is as good as no answer.
const silenceEvery = 16

// silence has lists not answer.
func silence(server *fixtures.DNSServer, names []string, n int) {
	for i, name := range names {
		fault := fixtures.ServFail
		if n%silenceEvery == silenceEvery-1 && n/silenceEvery%len(names) == i {
			fault = fixtures.Drop
		}
		server.Fault(name, "", fault)
	}
}
