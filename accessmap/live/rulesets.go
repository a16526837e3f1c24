package live

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"mailallow/accessmap/program"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsbl"
)

const (
	// sessionLimit bounds one run of sendmail -bt that asks lists in the DNS. Each that does not answer takes Sendmail's own time.
	sessionLimit = 90 * time.Second
	// maxSession bounds its output, in bytes: a trace of four rulesets with their lookups.
	maxSession = 1 << 20
)

// quickResolver shortens Sendmail's wait for a list that does not answer, from 20 seconds and more to about six. A setting that
// the sendmail.cf has comes later, and counts.
const quickResolver = "O Timeout.resolver.retrans=2s\nO Timeout.resolver.retry=3\n"

// Rulesets asks the Sendmail of this host what it answers a client. Sendmail itself asks its maps and the DNS.
type Rulesets struct {
	MapPath   string // of the access map, without its suffix; empty: there is none
	Milters   string // of the sendmail.cf
	WantsName bool   // a client without a name that leads back to it is refused: FEATURE(`require_rdns')
	sendmail  string
	cf        string // a copy of the sendmail.cf, with sendmail.SessionRules
}

// NewRulesets finds sendmail, first beside makemap (named as for makemap.Find), and copies the sendmail.cf at path. The
// caller closes it.
func NewRulesets(path, makemapName string) (*Rulesets, error) {
	found, err := findSendmail(makemapName)
	if err != nil {
		return nil, err
	}
	r := &Rulesets{sendmail: found}
	text, err := bounded.File(path, sendmail.MaxCF)
	if err != nil {
		return nil, err
	}
	copied, err := os.CreateTemp("", "mailallow-*.cf") // 0600: it may hold an account key
	if err != nil {
		return nil, err
	}
	r.cf = copied.Name()
	settings := sendmail.ParseCF(path, text)
	r.MapPath, r.WantsName, r.Milters = settings.AccessPath, settings.RequireRDNS, settings.Milters
	_, err = copied.WriteString(quickResolver + string(text) + sendmail.SessionRules)
	if closed := copied.Close(); err == nil {
		err = closed
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close removes the copy.
func (r *Rulesets) Close() { os.Remove(r.cf) }

// Session asks the rulesets about a client.
func (r *Rulesets) Session(ctx context.Context, c sendmail.Client) (sendmail.Session, error) {
	out, err := program.Program{
		Argv:      []string{r.sendmail, "-C", r.cf, "-bt"},
		Stdin:     strings.NewReader(strings.Join(sendmail.SessionQuestions(c), "\n") + "\n"),
		Limit:     sessionLimit,
		MaxOutput: maxSession,
	}.Run(ctx)
	if ctx.Err() != nil {
		return sendmail.Session{}, context.Cause(ctx)
	}
	s, ok := sendmail.ReadSession(dialogue(string(out)))
	if ok { // the exit status does not decide
		return s, nil
	}
	if err == nil {
		err = fmt.Errorf("%s: no answer in %.200q", r.sendmail, dnsbl.HideKeys(string(out)))
	}
	return sendmail.Session{}, fmt.Errorf("%w: %w", sendmail.ErrNotAsked, err)
}
