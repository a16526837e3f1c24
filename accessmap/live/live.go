// Package live asks the installed programs for their answers about a client: makemap, Sendmail and postmap. It compares the
// answers with a plan, and changes nothing.
package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/program"
	"mailallow/accessmap/sendmail"
)

const (
	// maxDialogue bounds the output of sendmail -bt for each client, in bytes: answers about two dozen keys, and a trace of
	// Relay_ok.
	maxDialogue = 32 << 10
	// maxQuery bounds the output of postmap for each client, in bytes: a line.
	maxQuery = 1 << 10
)

// Answers holds the answers of one program about an installed target.
type Answers struct {
	By      string   // the command, for people
	Err     error    // why there are no answers
	Clients []Client // one for each client in the question, in their order; nil with Err
}

// Client is the answer about one client.
type Client struct {
	// Differs holds the keys whose installed value is not the planned one, in the order of lookup. For a table, the key is
	// the address.
	Differs []sendmail.KeyDifference
	// Relays is the answer of ruleset Relay_ok, which includes class R and class w; nil: the program was not asked, or did
	// not answer.
	Relays *bool
}

// Ask asks the programs of this host about an installed target: makemap and Sendmail for an access map, postmap for a table of
// Postfix. It gives nil for other targets and for those without a map. planned is the text of the plan, for an access map.
func Ask(ctx context.Context, p *plan.Plan, planned *sendmail.Text, clients []sendmail.Client) []Answers {
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

// askMakemap compares the plan with a dump of the map on disk.
func askMakemap(ctx context.Context, p *plan.Plan, planned *sendmail.Text, clients []sendmail.Client) Answers {
	mapType := p.MapType
	switch { // the plan has no type if the target is left alone
	case mapType == "" && p.CF() != nil:
		mapType = p.CF().AccessClass
	case mapType == "":
		mapType = makemap.DefaultType
	}
	answers := Answers{By: fmt.Sprintf("makemap -u %s %s", mapType, p.Path)}
	values, err := dumpInstalled(ctx, p, mapType)
	if err != nil {
		answers.Err = err
		return answers
	}
	installed := sendmail.TextOf(values)
	for _, c := range clients {
		answers.Clients = append(answers.Clients, Client{Differs: planned.Compare(installed, c)})
	}
	return answers
}

// ErrNoMap begins the error about a target whose map is not there. An update makes it.
var ErrNoMap = errors.New("there is no map")

// dumpInstalled gives the keys and values of the map on disk. A map that is missing is an error.
func dumpInstalled(ctx context.Context, p *plan.Plan, mapType string) (map[string]string, error) {
	m, err := makemap.New(p.Makemap, p.SendmailCF)
	if err != nil {
		return nil, err
	}
	file, err := m.Installed(ctx, mapType, p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w of %s", ErrNoMap, p.Path)
	} else if err != nil {
		return nil, err
	}
	return m.Dump(ctx, mapType, file)
}

// askSendmail asks one sendmail -bt for every key of every client, and for the answer of Relay_ok, which includes class R and
// class w.
func askSendmail(ctx context.Context, p *plan.Plan, planned *sendmail.Text, clients []sendmail.Client) Answers {
	answers := Answers{By: fmt.Sprintf("sendmail -C %s -bt", p.CF().Path)}
	path, err := findSendmail(p.Makemap)
	if err != nil {
		answers.Err = err
		return answers
	}
	var lines []string
	for _, c := range clients {
		lines = append(lines, questions(c)...)
	}
	out, err := program.Program{
		Argv:      []string{path, "-C", p.CF().Path, "-bt"},
		Stdin:     strings.NewReader(strings.Join(lines, "\n") + "\n"),
		Limit:     sendmail.TimeLimit,
		MaxOutput: maxDialogue * len(clients),
	}.Run(ctx)
	replies := dialogue(string(out))
	if len(replies) < len(lines) { // the exit status does not decide
		if err == nil {
			err = fmt.Errorf("%s: %d answers to %d questions", path, len(replies), len(lines))
		}
		answers.Err = fmt.Errorf("%w: %w", sendmail.ErrNotAsked, err)
		return answers
	}
	for _, c := range clients {
		n := len(questions(c))
		client, err := readReplies(c, planned, replies[:n])
		if err != nil {
			return Answers{By: answers.By, Err: err}
		}
		answers.Clients = append(answers.Clients, client)
		replies = replies[n:]
	}
	return answers
}

// findSendmail finds sendmail, first beside makemap (named as for makemap.Find), which may be missing.
func findSendmail(makemapName string) (string, error) {
	beside, err := makemap.Find(makemapName)
	if err != nil {
		beside = "/usr/sbin/makemap"
	}
	return sendmail.Find(beside)
}

// questions gives the input lines of sendmail -bt about a client: its keys, then Relay_ok with the macros that it reads.
func questions(c sendmail.Client) (lines []string) {
	for _, key := range c.Lookups() {
		lines = append(lines, "/map access "+key)
	}
	addr, name, resolve := c.Macros()
	return append(lines, ".D{client_addr}"+addr, ".D{client_name}"+name, ".D{client_resolve}"+resolve, "Relay_ok x")
}

// dialogue cuts the output of sendmail -bt into the replies to each input line. Each begins after the prompt "> ".
func dialogue(out string) (replies []string) {
	for line := range strings.Lines(out) {
		for strings.HasPrefix(line, "> ") {
			line = line[len("> "):]
			replies = append(replies, "")
		}
		if n := len(replies); n > 0 {
			replies[n-1] += line
		}
	}
	return replies
}

// readReplies reads the replies to the questions about a client.
func readReplies(c sendmail.Client, planned *sendmail.Text, replies []string) (Client, error) {
	values := map[string]string{}
	for i, key := range c.Lookups() {
		answer, ok := sendmail.ReadAnswer(replies[i], key)
		switch {
		case !ok:
			return Client{}, fmt.Errorf("%w: no answer to /map access %s in %.200q", sendmail.ErrNotAsked, key, replies[i])
		case answer.Trouble != "":
			return Client{}, errors.New(answer.Trouble)
		case answer.Found:
			values[key] = answer.Value
		}
	}
	client := Client{Differs: planned.Compare(sendmail.TextOf(values), c)}
	// The trace also has lines for the rulesets that Relay_ok calls. Its own result is the last one.
	trace := replies[len(replies)-1]
	if at := strings.LastIndex(trace, "Relay_ok"); at >= 0 {
		if _, result, ok := strings.Cut(trace[at:], "returns: "); ok {
			relays := strings.HasPrefix(result, "RELAY")
			client.Relays = &relays
		}
	}
	return client, nil
}

// askPostmap compares the plan with the table on disk.
func askPostmap(ctx context.Context, p *plan.Plan, clients []sendmail.Client) Answers {
	table := "cidr:" + p.Path
	answers := Answers{By: "postmap -q ADDRESS " + table}
	postmap, err := findPostmap()
	if err != nil {
		answers.Err = err
		return answers
	}
	var addresses []string
	for _, c := range clients {
		addresses = append(addresses, c.Addr.String())
	}
	installed, err := queryTable(ctx, postmap, table, addresses)
	if err != nil {
		answers.Err = err
		return answers
	}
	text := p.Text()
	for i, c := range clients {
		var client Client
		line, _ := p.Format.FindLine(text, c.Addr)
		if value := installed[addresses[i]]; value != line.Value {
			client.Differs = []sendmail.KeyDifference{{Key: addresses[i], Planned: line.Value, Installed: value}}
		}
		answers.Clients = append(answers.Clients, client)
	}
	return answers
}
