package explain

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// thenDocument is the list of the history that an explanation goes by.
type thenDocument struct {
	Time  time.Time `json:"time"`  // that was asked for
	Entry string    `json:"entry"` // the last one before it
}

// sinceDocument is when an address came into the list, and by which entry of the history.
type sinceDocument struct {
	Time    *time.Time `json:"time"` // null: it is not known
	Before  bool       `json:"before"`
	Entry   string     `json:"entry"`
	Command string     `json:"command"`
	By      string     `json:"by"`
	Reason  string     `json:"reason"`

	text string
}

// then explains each address by the list as it was: what the servers made of it is not known any more.
func (x *explanation) then(ctx context.Context, t *terminal.Terminal, o Options, subjects []subject) error {
	now := time.Now()
	at, err := config.ParseTime(o.At, now)
	switch {
	case err != nil:
		return exit.Usagef("--at %w", err)
	case at.After(now):
		return exit.Usagef("--at %s is in the future: the history knows the list until now", at.UTC().Format(time.RFC3339))
	case o.Live || o.Name+o.Run.Snapshot+o.Run.Signature != "":
		return exit.Usagef("--at explains by the history alone: leave out --live, --name, --snapshot and --signature")
	}
	log, err := run.OpenHistory(x.settings.StateDir)
	if err != nil {
		return err
	}
	state, problems := log.At(at)
	doc := &document{At: &thenDocument{at.UTC().Truncate(time.Second), state.Entry}, Addresses: []addressDocument{},
		Problems: append([]allowlist.Problem{}, problems...)}
	for _, p := range problems {
		t.Warn("%s", p.Text)
	}
	if !state.Known {
		return exit.Usagef("--at %s: the history does not know the list of then: it begins later, or that part of it is damaged", at.UTC().Format(time.RFC3339))
	}
	x.list = new(run.List)
	for _, s := range state.Sources {
		one := run.Source{Source: allowlist.Source{Name: s.Name, Action: s.Action, Life: s.Life()}}
		one.Ranges, one.Status, one.Problems = s.Ranges, s.Status, s.Problems
		x.list.Sources = append(x.list.Sources, one)
		x.statuses[s.Name] = s.Status
	}
	x.explain, doc.Sources = allowlist.NewExplainer(x.list.Labelled()), x.list.Documents()
	found, unknown := x.lookUp(ctx, t, subjects)
	for _, s := range found {
		doc.Addresses = append(doc.Addresses, x.explained(s))
	}
	for _, err := range unknown {
		doc.Problems = append(doc.Problems, allowlist.Problem{Kind: "error", Text: err.Error()})
	}
	if len(found) > 0 {
		t.Data(terminal.Faint, "the list of %s, as the entry %s left it", doc.At.Time.Format(time.RFC3339), state.Entry)
		x.tell(t, doc)
	}
	if t.JSON && len(found) > 0 {
		if err := t.Document(doc); err != nil {
			return err
		}
	}
	return errors.Join(unknown...)
}

// sinces knows when addresses came into the list.
type sinces struct {
	spans [][]history.Span // of each subject; nil: there is no history, or it cannot be read
	err   error            // why the end of the history is not known
}

func (x *explanation) openSince() (s sinces) {
	if x.request == nil {
		return s
	}
	log, err := run.OpenHistory(x.settings.StateDir)
	if err != nil || len(log.Segments) == 0 {
		return sinces{err: err}
	}
	var addrs []netip.Addr
	for _, subject := range x.subjects {
		addrs = append(addrs, subject.Addr)
	}
	spans, known, problems := log.SpansOf(addrs)
	if s.spans = spans; !known && len(problems) > 0 {
		s.err = errors.New(problems[len(problems)-1].Text)
	}
	return s
}

// of says since when an address is in the list that is installed; nil for one that is in none, and where there is no history.
func (s sinces) of(d addressDocument, number int) *sinceDocument {
	if d.Action == "" || d.Action == allowlist.Exclude.String() {
		return nil
	}
	var spans []history.Span
	if s.spans != nil {
		spans = s.spans[number]
	}
	switch in := len(spans) > 0 && spans[0].Until.IsZero(); {
	case !in && s.err != nil:
		return &sinceDocument{text: "not known: " + s.err.Error()}
	case s.spans == nil:
		return nil
	case !in:
		return &sinceDocument{text: "not yet: the next update installs it"}
	}
	began := spans[0]
	for _, span := range spans[1:] { // one that another source or prefix took over, at the same moment
		if !span.Until.Equal(began.From) {
			break
		}
		began = span
	}
	e := began.Entry
	return &sinceDocument{Time: &began.From, Before: e.Begins, Entry: e.ID, Command: e.Command, By: e.By, Reason: e.Reason, text: sinceText(began)}
}

func sinceText(s history.Span) string {
	text := fmt.Sprintf("%s (%s by %s)", s.Entry.ID, s.Entry.Command, s.Entry.By)
	if s.Entry.Begins {
		return "before " + s.Entry.ID + ", where the history begins"
	}
	if s.Entry.Reason != "" {
		text += ": " + s.Entry.Reason
	}
	return text
}
