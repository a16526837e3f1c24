// Package live asks the installed programs what they answer for a client: makemap, Sendmail and postmap. It compares their
// answers with a plan and changes nothing.
package live

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

	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/program"
	"mailallow/accessmap/sendmail"
)

const (
	// maxDialogue bounds what is read of sendmail -bt for each client: two dozen keys, and a trace of Relay_ok.
	maxDialogue = 32 << 10
	// maxQuery bounds what is read of postmap for each client: a line.
	maxQuery = 1 << 10
)

// Answers is what one program says of what is installed.
type Answers struct {
	By      string // the command, for people
	Err     error  // why it says nothing
	Clients []Client
}

// Client is what it says of one client.
type Client struct {
	// Differs are the keys, in the order in which they are asked, of which what is installed says something else than the
	// plan. For a table it is the address alone.
	Differs []sendmail.KeyDifference
	// Relays tells what ruleset Relay_ok answers for the client, class R and class w included; nil: it was not asked.
	Relays *bool
}

// Ask asks the programs of this host for what is installed at a target: makemap and Sendmail for an access map,
// postmap for Postfix's tables. planned is the access text of the plan. It changes nothing.
func Ask(ctx context.Context, p plan.Plan, planned *sendmail.Text, clients []sendmail.Client) []Answers {
	switch {
	case p.Map == makemap.None:
		return nil
	case p.Format.Map && p.CF() != nil:
		return []Answers{askMakemap(ctx, p, planned, clients), askSendmail(ctx, p, planned, clients)}
	case p.Format.Map:
		return []Answers{askMakemap(ctx, p, planned, clients)}
	case p.Format.Use != format.UseNone:
		return []Answers{askPostmap(ctx, p, clients)}
	}
	return nil
}

// askMakemap dumps the map as it is on disk.
func askMakemap(ctx context.Context, p plan.Plan, planned *sendmail.Text, clients []sendmail.Client) Answers {
	mapType := p.MapType
	switch { // a target that is left alone has none
	case mapType == "" && p.CF() != nil:
		mapType = p.CF().AccessClass
	case mapType == "":
		mapType = makemap.DefaultType
	}
	live := Answers{By: fmt.Sprintf("makemap -u %s %s", mapType, p.Path)}
	held, err := dumpInstalled(ctx, p, mapType)
	if err != nil {
		live.Err = err
		return live
	}
	installed := sendmail.TextOf(held)
	for _, c := range clients {
		live.Clients = append(live.Clients, Client{Differs: planned.Compare(installed, c)})
	}
	return live
}

func dumpInstalled(ctx context.Context, p plan.Plan, mapType string) (map[string]string, error) {
	path, err := makemap.UsualFile(mapType, p.Path)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(path) // makemap follows none (docs/facts.md 5)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no map %s: 'mailallow update' makes it", path)
	} else if err != nil {
		return nil, err
	}
	program, err := makemap.Find(p.Makemap)
	if err != nil {
		return nil, err
	}
	m := makemap.Program{Path: program}
	if p.CF() != nil {
		m.CF = p.CF().Path
	}
	return m.Dump(ctx, mapType, real)
}

// askSendmail asks sendmail -bt, in one process, for every key of every client as its rulesets would find it, and
// Relay_ok, which knows what the map does not: class R, class w.
func askSendmail(ctx context.Context, p plan.Plan, planned *sendmail.Text, clients []sendmail.Client) Answers {
	live := Answers{By: fmt.Sprintf("sendmail -C %s -bt", p.CF().Path)}
	makemap, err := makemap.Find(p.Makemap)
	if err != nil {
		makemap = "/usr/sbin/makemap" // where to begin to look
	}
	path, err := sendmail.Find(makemap)
	if err != nil {
		live.Err = err
		return live
	}
	var asked []string
	for _, c := range clients {
		asked = append(asked, questions(c)...)
	}
	out, err := program.Program{
		Argv:      []string{path, "-C", p.CF().Path, "-bt"},
		Stdin:     strings.NewReader(strings.Join(asked, "\n") + "\n"),
		Limit:     sendmail.TimeLimit,
		MaxOutput: maxDialogue * len(clients),
	}.Run(ctx)
	answers := dialogue(string(out))
	if len(answers) < len(asked) { // the status says nothing
		if err == nil {
			err = fmt.Errorf("%s: %d answers to %d questions", path, len(answers), len(asked))
		}
		live.Err = fmt.Errorf("%w: %w", sendmail.ErrNotAsked, err)
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
func questions(c sendmail.Client) (lines []string) {
	for _, key := range append(c.Keys(), sendmail.AddressKeys(c.Addr)...) {
		lines = append(lines, "/map access "+key)
	}
	addr := string(key.Append(nil, netip.PrefixFrom(c.Addr, c.Addr.BitLen())))
	name, resolve := c.Name, "OK"
	if name == "" || name == sendmail.UnnamedClient {
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
func readAnswers(c sendmail.Client, planned *sendmail.Text, answers []string) (Client, error) {
	held := map[string]string{}
	keys := append(c.Keys(), sendmail.AddressKeys(c.Addr)...)
	for i, key := range keys {
		answer, ok := sendmail.ReadAnswer(answers[i], key)
		switch {
		case !ok:
			return Client{}, fmt.Errorf("%w: no answer to /map access %s in %.200q", sendmail.ErrNotAsked, key, answers[i])
		case answer.Trouble != "":
			return Client{}, errors.New(answer.Trouble)
		case answer.Found:
			held[key] = answer.Value
		}
	}
	client := Client{Differs: planned.Compare(sendmail.TextOf(held), c)}
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
func askPostmap(ctx context.Context, p plan.Plan, clients []sendmail.Client) Answers {
	table := "cidr:" + p.Path
	live := Answers{By: "postmap -q ADDRESS " + table}
	postmap, err := program.Find("postmap", program.SearchPath("/usr/sbin", "/usr/local/sbin", "/opt/postfix/sbin"))
	if err != nil {
		live.Err = errors.New("no postmap in PATH or the usual places: Postfix is not installed here")
		return live
	}
	var asked bytes.Buffer
	for _, c := range clients {
		fmt.Fprintln(&asked, c.Addr)
	}
	out, err := program.Program{Argv: []string{postmap, "-q", "-", table}, Stdin: &asked,
		Limit: postfix.TimeLimit, MaxOutput: maxQuery*len(clients) + program.MaxTalk}.Run(ctx)
	var exit *exec.ExitError
	if failed := (*program.Error)(nil); errors.As(err, &failed) && failed.Said == "" && errors.As(err, &exit) && exit.ExitCode() == 1 {
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
		var client Client
		line, _ := p.Format.FindLine(p.New, c.Addr)
		if is := installed[c.Addr.String()]; is != line.Value {
			client.Differs = []sendmail.KeyDifference{{Key: c.Addr.String(), Planned: line.Value, Installed: is}}
		}
		live.Clients = append(live.Clients, client)
	}
	return live
}
