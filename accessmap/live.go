package accessmap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	// maxDialogue bounds what is read of sendmail -bt for each client: two dozen keys, and a trace of Relay_ok.
	maxDialogue = 32 << 10
	// maxQuery bounds what is read of postmap for each client: a line.
	maxQuery = 1 << 10
)

// Live is what one program says of what is installed.
type Live struct {
	By      string // the command, for people
	Err     error  // why it says nothing
	Clients []LiveClient
}

// LiveClient is what it says of one client.
type LiveClient struct {
	// Differs are the keys, in the order in which they are asked, of which what is installed says something else than the
	// plan. For a table it is the address alone.
	Differs []KeyDifference
	// Relays tells what ruleset Relay_ok answers for the client, class R and class w included; nil: it was not asked.
	Relays *bool
}

// KeyDifference is a key with two values; an empty one is none.
type KeyDifference struct {
	Key       string `json:"key"`
	Planned   string `json:"planned"`
	Installed string `json:"installed"`
}

// Compare gives the keys that a lookup of the client may come to, in its order, where two maps differ.
func (a *AccessText) Compare(installed *AccessText, c Client) (differs []KeyDifference) {
	for _, key := range append(c.keys(), AddressKeys(c.Addr)...) {
		if planned, is := a.entries[key].Value, installed.entries[key].Value; planned != is {
			differs = append(differs, KeyDifference{key, planned, is})
		}
	}
	return differs
}

// AskInstalled asks the programs of this host for what is installed at a target: makemap and Sendmail for an access map,
// postmap for Postfix's tables. planned is the access text of the plan. It changes nothing.
func AskInstalled(ctx context.Context, p TargetPlan, planned *AccessText, clients []Client) []Live {
	switch {
	case p.Map == MapNone:
		return nil
	case p.Format.Map && p.CF() != nil:
		return []Live{askMakemap(ctx, p, planned, clients), askSendmail(ctx, p, planned, clients)}
	case p.Format.Map:
		return []Live{askMakemap(ctx, p, planned, clients)}
	case p.Format.Postfix:
		return []Live{askPostmap(ctx, p, clients)}
	}
	return nil
}

// askMakemap dumps the map as it is on disk.
func askMakemap(ctx context.Context, p TargetPlan, planned *AccessText, clients []Client) Live {
	mapType := p.MapType
	switch { // a target that is left alone has none
	case mapType == "" && p.CF() != nil:
		mapType = p.CF().AccessClass
	case mapType == "":
		mapType = defaultMapType
	}
	live := Live{By: fmt.Sprintf("makemap -u %s %s", mapType, p.Path)}
	held, err := dumpInstalled(ctx, p, mapType)
	if err != nil {
		live.Err = err
		return live
	}
	installed := heldAccess(held)
	for _, c := range clients {
		live.Clients = append(live.Clients, LiveClient{Differs: planned.Compare(installed, c)})
	}
	return live
}

func dumpInstalled(ctx context.Context, p TargetPlan, mapType string) (map[string]string, error) {
	path, err := MapFile(mapType, p.Path)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(path) // makemap follows none (docs/facts.md 5)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no map %s: 'mailallow update' makes it", path)
	} else if err != nil {
		return nil, err
	}
	program, err := FindMakemap(p.Makemap)
	if err != nil {
		return nil, err
	}
	m := Makemap{Program: program}
	if p.CF() != nil {
		m.CF = p.CF().Path
	}
	return m.Dump(ctx, mapType, real)
}

// askSendmail asks sendmail -bt, in one process, for every key of every client as its rulesets would find it, and
// Relay_ok, which knows what the map does not: class R, class w.
func askSendmail(ctx context.Context, p TargetPlan, planned *AccessText, clients []Client) Live {
	live := Live{By: fmt.Sprintf("sendmail -C %s -bt", p.CF().Path)}
	makemap, err := FindMakemap(p.Makemap)
	if err != nil {
		makemap = "/usr/sbin/makemap" // where to begin to look
	}
	path, err := FindSendmail(makemap)
	if err != nil {
		live.Err = err
		return live
	}
	var asked []string
	for _, c := range clients {
		asked = append(asked, questions(c)...)
	}
	out, err := program{
		argv:      []string{path, "-C", p.CF().Path, "-bt"},
		stdin:     strings.NewReader(strings.Join(asked, "\n") + "\n"),
		limit:     probeLimit,
		maxOutput: maxDialogue * len(clients),
	}.run(ctx)
	answers := dialogue(string(out))
	if len(answers) < len(asked) { // the status says nothing
		if err == nil {
			err = fmt.Errorf("%s: %d answers to %d questions", path, len(answers), len(asked))
		}
		live.Err = fmt.Errorf("%w: %w", ErrNotAsked, err)
		return live
	}
	for _, c := range clients {
		n := len(questions(c))
		client, err := readAnswers(c, planned, answers[:n])
		if err != nil {
			live.Err = err
			return live
		}
		live.Clients = append(live.Clients, client)
		answers = answers[n:]
	}
	return live
}

// questions are the lines to type to sendmail -bt about a client: its keys, then Relay_ok with the macros it looks at.
func questions(c Client) (lines []string) {
	for _, key := range append(c.keys(), AddressKeys(c.Addr)...) {
		lines = append(lines, "/map access "+key)
	}
	addr := string(appendKey(nil, netip.PrefixFrom(c.Addr, c.Addr.BitLen())))
	name, resolve := c.Name, "OK"
	if name == "" || name == UnnamedClient {
		name, resolve = "["+addr+"]", "FAIL"
	}
	return append(lines, ".D{client_addr}"+addr, ".D{client_name}"+name, ".D{client_resolve}"+resolve, "Relay_ok x")
}

// dialogue cuts the output of sendmail -bt into what it answers to each line: it prompts for each with "> ".
func dialogue(out string) (answers []string) {
	for line := range strings.Lines(out) {
		for strings.HasPrefix(line, "> ") {
			line = line[len("> "):]
			answers = append(answers, "")
		}
		if n := len(answers); n > 0 {
			answers[n-1] += line
		}
	}
	return answers
}

// readAnswers reads the answers to the questions about a client.
func readAnswers(c Client, planned *AccessText, answers []string) (LiveClient, error) {
	held := map[string]string{}
	keys := append(c.keys(), AddressKeys(c.Addr)...)
	for i, key := range keys {
		answer, ok := readAnswer(answers[i], key)
		switch {
		case !ok:
			return LiveClient{}, fmt.Errorf("%w: no answer to /map access %s in %.200q", ErrNotAsked, key, answers[i])
		case answer.Trouble != "":
			return LiveClient{}, errors.New(answer.Trouble)
		case answer.Found:
			held[key] = answer.Value
		}
	}
	client := LiveClient{Differs: planned.Compare(heldAccess(held), c)}
	// The last line that returns is the ruleset's own; those before it are the ones it calls.
	answer := answers[len(answers)-1]
	if at := strings.LastIndex(answer, "Relay_ok"); at >= 0 {
		if _, result, ok := strings.Cut(answer[at:], "returns: "); ok {
			relays := strings.HasPrefix(result, "RELAY")
			client.Relays = &relays
		}
	}
	return client, nil
}

// askPostmap has Postfix's own matcher read the table as it is on disk. A daemon that runs has read it when it was
// started or reloaded (docs/facts.md 11).
func askPostmap(ctx context.Context, p TargetPlan, clients []Client) Live {
	table := "cidr:" + p.Path
	live := Live{By: "postmap -q ADDRESS " + table}
	postmap, err := findProgram("postmap", searchPath("/usr/sbin", "/usr/local/sbin", "/opt/postfix/sbin"))
	if err != nil {
		live.Err = errors.New("no postmap in PATH or the usual places: Postfix is not installed here")
		return live
	}
	var asked bytes.Buffer
	for _, c := range clients {
		fmt.Fprintln(&asked, c.Addr)
	}
	out, err := program{argv: []string{postmap, "-q", "-", table}, stdin: &asked,
		limit: postconfLimit, maxOutput: maxQuery*len(clients) + maxTalk}.run(ctx)
	var exit *exec.ExitError
	if failed := (*programError)(nil); errors.As(err, &failed) && failed.said == "" && errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil // nothing matches
	}
	if err != nil {
		live.Err = err
		return live
	}
	installed := map[string]string{}
	for scan := bufio.NewScanner(bytes.NewReader(out)); scan.Scan(); {
		key, value, _ := strings.Cut(scan.Text(), "\t")
		installed[key] = value
	}
	for _, c := range clients {
		var client LiveClient
		line, _ := p.Format.FindLine(p.New, c.Addr)
		if is := installed[c.Addr.String()]; is != line.Value {
			client.Differs = []KeyDifference{{c.Addr.String(), line.Value, is}}
		}
		live.Clients = append(live.Clients, client)
	}
	return live
}
