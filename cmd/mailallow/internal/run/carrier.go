package run

import (
	"context"
	"errors"
	"fmt"

	"mailallow/accessmap/program"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/carrier"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// carrier is where the snapshot comes from that the run takes in place of fetching; without a name, it fetches.
func (r *Request) carrier() carrier.Carrier {
	c := carrier.Carrier{Name: r.options.Snapshot, Signature: r.options.Signature, Settings: r.Settings, Keeps: r.options.WritesState}
	if c.Name == "" && !r.options.Installed {
		c.Name = r.Settings.Snapshot.URL
	}
	return c
}

// Fetches reports whether the run asks the network for its sources.
func (r *Request) Fetches() bool { return r.carrier().Name == "" }

// given is the snapshot that the run takes in place of fetching.
type given struct {
	*snapshot.Snapshot        // nil: there is none
	unreached          error  // why it cannot be had
	signed             bool   // somebody whose keys the settings name has signed it
	signer             string // who, and the trusted comment
}

// open gets the snapshot for the run. One that cannot be reached is no error: its sources are stale.
func (r *Request) open(ctx context.Context, t *terminal.Terminal) (given, error) {
	got, err := r.carrier().Take(ctx, t)
	if unreached := (carrier.Unreached{}); errors.As(err, &unreached) {
		return given{unreached: unreached.Err}, nil
	}
	return given{Snapshot: got.Snapshot, signed: got.Signed, signer: got.Signer}, errors.Join(err, r.review(got.Snapshot))
}

// review compares a snapshot with the settings. It refuses one in which a source has another definition than here, because
// its reviewer has not seen this one, and an acceptance of what was held where the snapshot was made.
func (r *Request) review(s *snapshot.Snapshot) error {
	if s == nil {
		return nil
	}
	var problems []error
	for _, src := range r.Settings.Sources {
		there, found := s.Find(src.Name)
		if found && there.Definition != src.Definition() && !src.FromSnapshot {
			problems = append(problems, fmt.Errorf("snapshot %s: source %q has another definition in it than in %s: make a new snapshot with 'mailallow fetch -o FILE'", r.carrier().Shown(), src.Name, r.Settings.Path))
		}
		if found && there.Status == guard.Held && r.accepted[src.Name].Given {
			problems = append(problems, exit.Usagef("--accept %q: it is held in the snapshot %s, and accepted where that is made: %s", src.Name, r.carrier().Shown(), acceptThere(there.Name, there.Refused)))
		}
	}
	return errors.Join(problems...)
}

// acceptThere is the command that accepts a source where the snapshot is made.
func acceptThere(name string, refused *guard.Proposed) string {
	if refused != nil {
		name += "@" + refused.Digest
	}
	return "mailallow fetch -o FILE --accept " + program.Quoted(name)
}

// carrierProblems says that the snapshot cannot be had, and who signed it.
func (r *Request) carrierProblems(t *terminal.Terminal, g given) (problems []allowlist.Problem) {
	if g.unreached != nil {
		problems = append(problems, allowlist.Problem{Kind: "snapshot", Text: fmt.Sprintf("the snapshot %s cannot be had: %v", r.carrier().Shown(), g.unreached)})
	}
	if text := fmt.Sprintf("snapshot %s: %s", r.carrier().Shown(), g.signer); g.signer != "" && t.Quiet {
		t.About().Record("%s", text)
	} else if g.signer != "" {
		t.Note("%s", text)
	}
	return problems
}

// Published gives the snapshot of the configuration as it came, once its signature is good and the text is a snapshot, and what to
// say of it. A snapshot that cannot be had now is an error with the code of a stale source.
func (r *Request) Published(ctx context.Context, t *terminal.Terminal) (got carrier.Taken, told string, err error) {
	c := r.carrier()
	got, err = c.Take(ctx, t)
	if unreached := (carrier.Unreached{}); errors.As(err, &unreached) {
		return got, "", exit.With(exit.Stale, fmt.Errorf("the snapshot %s cannot be had: %w", c.Shown(), unreached.Err))
	}
	if err != nil {
		return got, "", err
	}
	told = fmt.Sprintf("%s: %s, written at %s", c.Shown(), terminal.Counted(uint64(len(got.Sources)), "source", "sources"), date(got.Written))
	if got.Signer != "" {
		told += ", " + got.Signer
	}
	return got, told, nil
}
