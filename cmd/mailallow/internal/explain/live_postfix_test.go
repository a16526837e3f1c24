//go:build linux

package explain

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

const (
	ownRecipient     = "someone@mail.test"
	foreignRecipient = "someone@elsewhere.example"
)

// TestExplainPostfix holds the verdicts of explain --live against a real Postfix, and tries what would change them.
func TestExplainPostfix(t *testing.T) {
	t.Parallel()
	dir := matrixTables(t)
	var many, some []host.PostfixServer
	for n, server := range postfixMatrix() {
		server.Main = strings.ReplaceAll(server.Main, "DIR", dir)
		if n%everyServer == 0 {
			some = append(some, server)
		}
		if n%everyServerOfLongRun == 0 {
			many = append(many, server)
		}
	}
	t.Run("some", func(t *testing.T) { comparePostfix(t, some) })
	fixtures.All(t)
	t.Run("many", func(t *testing.T) { comparePostfix(t, many) })
}

// TestSoakExplainPostfix makes servers of random restrictions.
func TestSoakExplainPostfix(t *testing.T) {
	t.Parallel()
	random, dir := fixtures.Random(t), matrixTables(t)
	var servers []host.PostfixServer
	for range fixtures.Rounds(4, 15) {
		main := strings.ReplaceAll(randomSmtpd(random), "DIR", dir)
		servers = append(servers, host.PostfixServer{Main: main, Bound: wantsBound(main)})
	}
	for range fixtures.Rounds(2, 5) {
		servers = append(servers, host.PostfixServer{Main: strings.ReplaceAll(randomPostscreen(random), "DIR", dir), Postscreen: true})
	}
	comparePostfix(t, servers)
}

// Of so many servers of the matrix make test and the long run ask one: the whole matrix would need most of an hour.
const (
	everyServer          = 60
	everyServerOfLongRun = 11
)

// changed is a server with the permits that would change a verdict, for one client.
type changed struct {
	host.PostfixServer
	matrixClient
}

// comparePostfix asks explain and the servers about every client, up to DATA, for a recipient of this server and for another.
func comparePostfix(t *testing.T, servers []host.PostfixServer) {
	clients := matrixClients()
	zone, silent := matrixZone(clients)
	p := host.NewPostfix(t, zone, servers)
	program := fixtures.Mailallow(t)
	var advised []changed
	sessions, verdicts := 0, map[string]int{}
	for n, server := range servers {
		silence(p.DNS, silent, n)
		asked := clients
		if strings.Contains(server.Main, "postscreen_greet_banner = wait") {
			asked = clients[:6]
		}
		answers := explainServer(t, program, p.Programs(n), "", p.Run, asked)
		for i, c := range asked {
			addr, verdict := netip.MustParseAddr(c.address), answers[c.address].Verdict
			got, foreign := p.Send(n, addr, c.name, ownRecipient), p.Send(n, addr, c.name, foreignRecipient)
			sessions += 2
			verdicts[verdict.Outcome]++
			want, said := agreement(verdict, ownRecipient), daemonSaid(got)
			wantForeign := known(verdict.Foreign, foreignRecipient)
			if said != want || foreign.Reply != wantForeign || verdict.Relays && !foreign.Accepted() {
				steps, _ := json.MarshalIndent(answers[c.address].Steps, "", " ")
				t.Errorf("%s\npostscreen %v, from %s:\n  explain %s; relays %v, %s\n  daemon  %s; relays %v, %s\n%s", server.Main, server.Postscreen, c.argument(), want, verdict.Relays, wantForeign,
					said, foreign.Accepted(), foreign.Reply, steps)
			}
			if main, ok := withPermits(server.Main, verdict.Permits, c); ok && (n+i)%5 == 0 {
				advised = append(advised, changed{host.PostfixServer{Main: main, Postscreen: server.Postscreen, Bound: server.Bound}, c})
			}
		}
	}
	t.Logf("%d configurations, %d clients, %d sessions, verdicts %v", len(servers), len(clients), sessions, verdicts)
	tryPermits(t, program, zone, silent, advised[:min(len(advised), maxAdvised)])
}

// maxAdvised bounds the servers that try advice, each of which is a process or more.
const maxAdvised = 150

// tryPermits starts a server for each piece of advice, and wants it to accept the client's mail, as explain says of it.
func tryPermits(t *testing.T, program, zone string, silent []string, advised []changed) {
	var servers []host.PostfixServer
	for _, c := range advised {
		servers = append(servers, c.PostfixServer)
	}
	p := host.NewPostfix(t, zone, servers)
	silence(p.DNS, silent, 1)
	for n, c := range advised {
		addr := netip.MustParseAddr(c.address)
		got, foreign := p.Send(n, addr, c.name, ownRecipient), p.Send(n, addr, c.name, foreignRecipient)
		verdict := explainServer(t, program, p.Programs(n), "", p.Run, []matrixClient{c.matrixClient})[c.address].Verdict
		if !got.Accepted() || verdict.Outcome != "accepted" || foreign.Accepted() != verdict.Relays {
			t.Errorf("%s\nas advised for %s: %s; relays %v\nexplain: %s", c.Main, c.argument(), daemonSaid(got), foreign.Accepted(), verdict)
		}
	}
	t.Logf("%d pieces of advice", len(advised))
}

// withPermits puts the permits into settings. ok is false if there are none, or if an item is not found as it is.
func withPermits(main string, permits []permitDocument, c matrixClient) (changed string, ok bool) {
	if len(permits) == 0 {
		return "", false
	}
	for _, p := range permits {
		entry := "check_client_access inline:{" + c.address + "=OK}, "
		if p.List == "postscreen_access_list" {
			entry = "inline:{" + c.address + "=permit}, "
		}
		setting := regexp.MustCompile(`(?m)^` + p.List + ` =.*$`)
		place := regexp.MustCompile(`^(` + p.List + ` = (?:.*?, )??)(` + regexp.QuoteMeta(p.Before) + `(?:,.*)?)$`)
		if p.Before == "" {
			place = regexp.MustCompile(`^(` + p.List + ` = ?)(.*)$`)
		}
		line := setting.FindString(main)
		parts := place.FindStringSubmatch(line)
		if p.Relays || p.Class != "" || parts == nil {
			return "", false
		}
		main = strings.Replace(main, line, parts[1]+entry+parts[2], 1)
	}
	return main, true
}

// explainServer runs explain --live for all clients where the DNS and the programs are those of a server.
func explainServer(t *testing.T, program, path, target string, run func(*exec.Cmd) error, clients []matrixClient) map[string]serverDocument {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "c.toml")
	if err := os.WriteFile(config, []byte("state_dir = \"state\"\ndns = {timeout = \"5s\", attempts = 1}\nsource = [{name = \"own\", cidr = [\"10.1.1.0/24\"], action = \"OK\"}]\n"+target), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", config, "explain", "--live", "--json"}
	for _, c := range clients {
		args = append(args, c.argument())
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "PATH="+path+string(filepath.ListSeparator)+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := run(cmd); err != nil {
		t.Fatalf("mailallow %q: %v\n%s", args, err, &stderr)
	}
	var doc document
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	answers := map[string]serverDocument{}
	for i, d := range doc.Addresses {
		if len(d.Servers) != 1 || d.Servers[0].Verdict == nil {
			t.Fatalf("%s: servers %+v\n%s", d.Argument, d.Servers, &stderr)
		}
		answers[clients[i].address] = d.Servers[0]
	}
	return answers
}

// agreement is a verdict in a form that a daemon's answer has, too: when, and with which text.
func agreement(v *verdictDocument, recipient string) string {
	if v.Outcome == "accepted" || v.Outcome == "discarded" {
		return "accepted"
	}
	return v.At + " " + known(v.Reply, recipient)
}

// known puts what the sessions have into a reply.
func known(reply, recipient string) string {
	return strings.NewReplacer("<RECIPIENT>", "<"+recipient+">", "<SENDER>", "<someone@sender.example>", "<HELO>", "<client.test>", "<NAME>", "<unknown>").Replace(reply)
}

func daemonSaid(a host.Answer) string {
	if a.Accepted() {
		return "accepted"
	}
	return a.At + " " + a.Reply
}
