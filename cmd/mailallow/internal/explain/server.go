package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/live"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsq"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/terminal"
)

// serverDocument is what a mail server of this host answers an address.
type serverDocument struct {
	Server  string           `json:"server"` // postfix, sendmail
	Config  string           `json:"config"` // the file that was read
	Error   string           `json:"error"`  // why it was not asked
	Steps   []stepDocument   `json:"steps"`
	Verdict *verdictDocument `json:"verdict"` // null with error
}

// stepDocument is a restriction, an item of another list, or a lookup of a ruleset.
type stepDocument struct {
	isList bool // it asked a list in the DNS

	List    string        `json:"list"` // a list of main.cf, or a ruleset
	Item    string        `json:"item"`
	Class   string        `json:"class"`
	Asked   string        `json:"asked"`  // the key of a table, or the name in the DNS
	Answer  string        `json:"answer"` // the value of the table, or the addresses in the DNS
	Meaning string        `json:"meaning"`
	Effect  postfix.Doing `json:"effect"`
	Reply   string        `json:"reply"`
	Why     string        `json:"why"`
	Score   int           `json:"score"`
}

type verdictDocument struct {
	Outcome  string   `json:"outcome"` // accepted, refused, deferred, discarded, quarantined
	At       string   `json:"at"`      // the command, or the ruleset
	Reply    string   `json:"reply"`
	List     string   `json:"list"` // of the step that decides; empty, as item: none refuses
	Item     string   `json:"item"`
	Relays   bool     `json:"relays"`
	Foreign  string   `json:"foreign_reply"` // to a recipient of another server
	NotAsked []string `json:"not_asked"`

	Change  []string         `json:"change"`  // what would change it, each on its own
	Permits []permitDocument `json:"permits"` // where a permit would, all together
}

// servers asks the mail servers of this host about every address: Postfix where there is a postconf, Sendmail where there is a
// sendmail.cf.
func (x *explanation) servers(ctx context.Context, t *terminal.Terminal, addresses []addressDocument) [][]serverDocument {
	answers := make([][]serverDocument, len(x.subjects))
	for _, asked := range [][]serverDocument{x.postfixServer(ctx, t, addresses), x.sendmailServer(ctx, t, addresses)} {
		for i, d := range asked {
			answers[i] = append(answers[i], d)
		}
	}
	return answers
}

// postfixResolver asks the DNS as smtpd does, through the resolvers of this host and not those of the configuration.
func (x *explanation) postfixResolver(t *terminal.Terminal) (*dnsq.Client, error) {
	c := dnsq.Config{Timeout: x.settings.DNS.Timeout, Attempts: x.settings.DNS.Attempts, Resolvers: nameservers(x.postfix.ResolvConf)}
	if !slices.Equal(c.Resolvers, nameservers(resolvConf)) {
		t.Warn("smtpd runs in a chroot, where %s names the servers %s, and not those of %s", x.postfix.ResolvConf, strings.Join(c.Resolvers, ", "), resolvConf)
	}
	return dnsq.New(c)
}

// maxResolvConf bounds a resolv.conf, in bytes, and maxNameservers the servers that the C library asks (resolv.conf(5)).
const (
	resolvConf     = "/etc/resolv.conf"
	maxResolvConf  = 1 << 20
	maxNameservers = 3
)

// nameservers gives the name servers in a resolv.conf, or this host, which the C library asks without one.
func nameservers(path string) (servers []string) {
	text, _ := bounded.File(path, maxResolvConf)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" || len(servers) == maxNameservers {
			continue
		}
		if _, err := netip.ParseAddr(fields[1]); err == nil {
			servers = append(servers, fields[1])
		}
	}
	if len(servers) == 0 {
		servers = []string{"127.0.0.1"}
	}
	return servers
}

// postfixServer is nil on a host without Postfix.
func (x *explanation) postfixServer(ctx context.Context, t *terminal.Terminal, addresses []addressDocument) []serverDocument {
	x.readPostfix(ctx, t)
	if errors.Is(x.unread, postfix.ErrNone) {
		return nil
	}
	documents := make([]serverDocument, len(x.subjects))
	answers, err := x.postfixAnswers(t)
	if err != nil {
		for i := range documents {
			documents[i] = serverDocument{Server: "postfix", Config: "main.cf", Error: err.Error(), Steps: []stepDocument{}}
		}
		return documents
	}
	for i, s := range x.subjects {
		documents[i] = serverDocument{Server: "postfix", Config: strings.TrimSuffix(x.postfix.ConfigDirectory, "/") + "/main.cf", Steps: []stepDocument{}}
		c := postfix.Client{Addr: s.Addr, Name: s.Name, Own: isOwn(s.Addr)}
		if s.Name == sendmail.UnnamedClient {
			c.Name = postfix.Unnamed
		}
		wait := t.WaitingFor("asking Postfix about %s", s.Addr)
		walk := x.postfix.Walk(ctx, c, answers)
		wait.End()
		for _, step := range walk.Steps {
			documents[i].Steps = append(documents[i].Steps, newStepDocument(step))
		}
		documents[i].Verdict = newPostfixVerdict(walk, x.postfix.Places(ctx, c, answers), x.ownTables(), x.filters(addresses[i]), func(s postfix.Step, value string) bool {
			return x.postfix.AcceptedWith(ctx, c, answers, s, value)
		})
	}
	return documents
}

func (x *explanation) postfixAnswers(t *terminal.Terminal) (*live.PostfixAnswers, error) {
	if x.unread != nil {
		return nil, x.unread
	}
	resolver, err := x.postfixResolver(t)
	if err != nil {
		return nil, err
	}
	return live.NewPostfixAnswers(resolver)
}

// isOwn reports whether an address is one of this host.
func isOwn(addr netip.Addr) bool {
	addresses, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == addr.Unmap()
	})
}

func newStepDocument(s postfix.Step) stepDocument {
	d := stepDocument{List: s.List, Item: s.Item.String(), Class: s.Class, Asked: s.Asked, Answer: s.Answer,
		Effect: s.Does, Reply: s.Reply, Why: s.Why, Score: s.Score}
	for _, zone := range []string{s.Zone(), siteZone(s.Name)} {
		if zone != "" && strings.HasSuffix(s.Asked, "."+zone) {
			d.isList, d.Meaning = true, meaning(zone, s.Answer)
		}
	}
	return d
}

func newPostfixVerdict(w postfix.Walk, places []postfix.Place, tables map[format.Use]string, filters []filter, accepts func(s postfix.Step, value string) bool) *verdictDocument {
	v := &verdictDocument{Outcome: string(w.Outcome), At: w.At, Reply: w.Reply, Relays: w.Relays, Foreign: w.Foreign, NotAsked: []string{},
		Change: []string{}, Permits: newPermits(places)}
	for _, s := range w.NotAsked() {
		v.NotAsked = append(v.NotAsked, s.Item.String()+" in "+s.List+": "+s.Why)
	}
	if w.By != nil {
		v.List, v.Item = w.By.List, w.By.Item.String()
		v.Change = append(v.Change, postfixChanges(w, v.Permits, tables, filters, accepts)...)
	}
	return v
}

// sendmailServer is nil on a host without a sendmail.cf.
func (x *explanation) sendmailServer(ctx context.Context, t *terminal.Terminal, addresses []addressDocument) []serverDocument {
	cf, makemap, ok := x.sendmailCF()
	if !ok {
		return nil
	}
	documents := make([]serverDocument, len(x.subjects))
	rulesets, err := live.NewRulesets(cf, makemap)
	if err == nil {
		defer rulesets.Close()
	}
	for i, s := range x.subjects {
		documents[i] = serverDocument{Server: "sendmail", Config: cf, Steps: []stepDocument{}}
		var session sendmail.Session
		if err == nil {
			wait := t.WaitingFor("asking Sendmail about %s", s.Addr)
			session, err = rulesets.Session(ctx, s.Client)
			wait.End()
		}
		if err != nil {
			documents[i].Error = err.Error()
			continue
		}
		documents[i].Steps = rulesetSteps(session, s.Addr)
		documents[i].Verdict = newSendmailVerdict(session, s.Client, rulesets, mapped(addresses[i].Targets), x.filters(addresses[i]))
	}
	if err != nil {
		t.Warn("%s: the rulesets were not asked: %v", cf, err)
	}
	return documents
}

// mapped are the targets with an access map.
func mapped(targets []targetDocument) (found []targetDocument) {
	for _, d := range targets {
		if d.Sendmail != nil {
			found = append(found, d)
		}
	}
	return found
}

// sendmailCF is the sendmail.cf of the first target with a map. Without one it is the usual one, if that is there and not left
// over on a host with Postfix.
func (x *explanation) sendmailCF() (path, makemap string, ok bool) {
	for _, target := range x.settings.Targets {
		if target.Format.Map {
			path, makemap = target.SendmailCF, target.Makemap
			break
		}
	}
	if path == "" && x.postfix != nil {
		return "", "", false
	}
	path = cmp.Or(path, config.DefaultSendmailCF)
	_, err := os.Stat(path)
	return path, makemap, !errors.Is(err, fs.ErrNotExist)
}

// The effects of steps of Sendmail that Postfix does not have.
const (
	lookedUp    postfix.Doing = "looked-up" // what follows is that of the ruleset's end
	quarantines postfix.Doing = "quarantines"
)

// rulesetSteps are the lookups of the rulesets that say something: keys that the map has, lists in the DNS, and what failed. Each
// ruleset ends with what it says.
func rulesetSteps(s sendmail.Session, addr netip.Addr) []stepDocument {
	steps := []stepDocument{}
	for _, run := range s.Runs {
		missing := 0
		for _, l := range run.Lookups {
			zone := l.Zone(addr)
			d := stepDocument{isList: zone != "", List: run.Ruleset, Item: strings.TrimSpace(l.Map + " " + zone), Asked: l.Key, Answer: l.Value, Effect: lookedUp}
			switch {
			case l.Failed:
				d.Why = "no answer"
			case zone != "":
				d.Meaning = meaning(zone, l.Value)
			case l.Map == "access" && !l.Found:
				missing++
			}
			if zone != "" || l.Map == "access" && (l.Found || l.Failed) {
				steps = append(steps, d)
			}
		}
		end := stepDocument{List: run.Ruleset, Effect: outcomeEffects()[run.Outcome], Reply: run.Reply}
		if missing > 0 {
			end.Why = fmt.Sprintf("%s that the map does not have", terminal.Counted(uint64(missing), "key", "keys"))
		}
		steps = append(steps, end)
	}
	return steps
}

// outcomeEffects gives the effect of a ruleset by its outcome.
func outcomeEffects() map[sendmail.Outcome]postfix.Doing {
	return map[sendmail.Outcome]postfix.Doing{sendmail.Undecided: postfix.GoesOn, sendmail.Refused: postfix.Refuses,
		sendmail.Discarded: postfix.Discards, sendmail.Quarantined: quarantines}
}

func newSendmailVerdict(s sendmail.Session, c sendmail.Client, rulesets *live.Rulesets, mapped []targetDocument, filters []filter) *verdictDocument {
	v := &verdictDocument{Outcome: string(s.Outcome), At: s.At, Reply: s.Reply, Relays: s.Relays, Foreign: s.Foreign, NotAsked: []string{},
		Change: []string{}, Permits: []permitDocument{}}
	if s.Outcome == sendmail.Refused && strings.HasPrefix(s.Reply, "4") {
		v.Outcome = string(postfix.Deferred)
	}
	if s.Outcome != sendmail.Accepted {
		by := s.Last()
		v.List, v.Item = s.At, by.Map+" "+by.Key
		if zone := by.Zone(c.Addr); zone != "" {
			v.Item = by.Map + " " + zone
		}
		v.Change, v.Permits = sendmailChanges(by, c, rulesets.MapPath, filters)
	}
	hasNames := len(mapped) == 0 || slices.ContainsFunc(mapped, func(d targetDocument) bool { return len(d.NameKeys) > 0 })
	if c.Name == "" && (rulesets.MapPath != "" && hasNames || rulesets.WantsName) {
		v.NotAsked = append(v.NotAsked, "the client's name is not known, and may decide: --name gives it")
	}
	if s.Outcome == sendmail.Accepted && rulesets.Milters != "" {
		v.NotAsked = append(v.NotAsked, "a milter may refuse: "+rulesets.Milters)
	}
	return v
}
