package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"

	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Embedded is the word for the snapshot in the program, in place of a file; stdin is the word for stdin.
const (
	Embedded = "embedded"
	stdin    = "-"
)

// maxSnapshotBytes bounds the snapshot that a run is given. It is read whole, because a signature is checked before a byte of
// the text is parsed. A hundred thousand networks take some ten megabytes.
const maxSnapshotBytes = 256 << 20

// SignatureSuffix is behind the name of a snapshot in that of its signature, as minisign has it.
const SignatureSuffix = ".minisig"

// pair is a snapshot with its signature, as they came.
type pair struct {
	text      []byte
	signature []byte // nil: there is none, and none is wanted
}

// unreachedError is of a snapshot that cannot be had now, so that its sources are stale. Every other error ends the run.
type unreachedError struct{ error }

func (e unreachedError) Unwrap() error { return e.error }

// snapshotName names the snapshot that the run takes in place of fetching; empty: it fetches.
func (r *Request) snapshotName() string {
	if r.options.Snapshot != "" || r.options.Installed {
		return r.options.Snapshot
	}
	return r.Settings.Snapshot.URL
}

// Fetches reports whether the run asks the network for its sources.
func (r *Request) Fetches() bool { return r.snapshotName() == "" }

// shownName is the name for messages: a URL may hold secrets.
func (r *Request) shownName() string { return allowlist.PublicURL(r.snapshotName()) }

// checkCarrier compares the flags of the snapshot with the settings.
func (r *Request) checkCarrier() error {
	name, keys := r.snapshotName(), r.Settings.Snapshot.Keys
	switch {
	case config.IsURL(name) && allowlist.CheckSecure(name) != nil:
		return exit.Usagef("--snapshot: %w", allowlist.CheckSecure(name))
	case r.options.Signature == "" && name == stdin && len(keys) > 0:
		return exit.Usagef("--snapshot -: %s: [snapshot] keys wants a signature: name its file with --signature FILE", r.Settings.Path)
	case r.options.Signature == "":
		return nil
	case name == "" || name == Embedded || config.IsURL(name):
		return exit.Usagef("--signature belongs to a --snapshot that is a file or -")
	case len(keys) == 0:
		return exit.Usagef("--signature: %s has no [snapshot] keys to check it with", r.Settings.Path)
	}
	return nil
}

// waits reports whether the snapshot comes from somewhere that lets the run wait.
func (r *Request) waits() bool {
	name := r.snapshotName()
	return name == stdin || config.IsURL(name)
}

// get gets the snapshot and its signature.
func (r *Request) get(ctx context.Context, t *terminal.Terminal) (pair, error) {
	name := r.snapshotName()
	switch {
	case config.IsURL(name):
		return r.download(ctx, t, name)
	case name == stdin:
		wait := t.WaitingFor("reading the snapshot from stdin")
		text, err := readAll(ctx, t.Stdin)
		wait.End()
		if err != nil {
			return pair{}, err
		}
		return r.withSignature(pair{text: text}, r.options.Signature)
	}
	text, err := bounded.File(name, maxSnapshotBytes)
	if errors.Is(err, fs.ErrNotExist) && r.Settings.Snapshot.URL != "" {
		return pair{}, unreachedError{err}
	}
	if err != nil {
		return pair{}, err
	}
	signature := name + SignatureSuffix
	if r.options.Signature != "" {
		signature = r.options.Signature
	}
	return r.withSignature(pair{text: text}, signature)
}

// withSignature reads the signature from a file, where keys want one.
func (r *Request) withSignature(p pair, path string) (_ pair, err error) {
	if len(r.Settings.Snapshot.Keys) == 0 {
		return p, nil
	}
	p.signature, err = bounded.File(path, snapshot.MaxSignatureBytes)
	if err != nil {
		err = fmt.Errorf("snapshot %s: [snapshot] keys wants a signature: %s: %w", r.shownName(), path, exit.Reason(err))
	}
	return p, err
}

// readAll reads the snapshot from a stream until ctx ends.
func readAll(ctx context.Context, in io.Reader) ([]byte, error) {
	if in == nil {
		return nil, errors.New("snapshot -: there is no stdin")
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(in, maxSnapshotBytes+1))
		if err == nil && len(text) > maxSnapshotBytes {
			err = fmt.Errorf("larger than %d bytes", maxSnapshotBytes)
		}
		done <- result{text, err}
	}()
	select {
	case got := <-done:
		if got.err != nil {
			return nil, fmt.Errorf("snapshot -: %w", got.err)
		}
		return got.text, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// download gets both from a web server. It asks for a document that it has kept only if that has changed.
func (r *Request) download(ctx context.Context, t *terminal.Terminal, name string) (pair, error) {
	ctx, cancel := r.Settings.Within(ctx)
	defer cancel()
	web, caFile := &allowlist.Web{MaxBytes: maxSnapshotBytes}, r.Settings.Snapshot.CAFile
	wait := t.WaitingFor("fetching %s", r.shownName())
	defer wait.End()
	kept := r.kept()
	page, err := web.Page(ctx, name, caFile, kept.validator)
	switch {
	case err != nil:
		return pair{}, unreachedError{err}
	case page.Unchanged:
		return kept.pair, nil
	}
	got := pair{text: page.Body}
	if len(r.Settings.Snapshot.Keys) > 0 {
		web.MaxBytes = snapshot.MaxSignatureBytes
		signature, err := web.Page(ctx, signatureURL(name), caFile, nil)
		if allowlist.NotThere(err) {
			return pair{}, fmt.Errorf("snapshot %s: [snapshot] keys wants a signature: %w", r.shownName(), err)
		}
		if err != nil {
			return pair{}, unreachedError{err}
		}
		got.signature = signature.Body
	}
	r.fresh = &keptPair{pair: got, validator: page.Validator}
	return got, nil
}

// signatureURL is the URL of the signature: the suffix goes behind the path, and before a query.
func signatureURL(name string) string {
	u, err := url.Parse(name)
	if err != nil {
		return name + SignatureSuffix
	}
	u.Path, u.RawPath = u.Path+SignatureSuffix, ""
	return u.String()
}

// open takes the snapshot for the run. One that cannot be reached is no error: its sources are stale.
func (r *Request) open(ctx context.Context, t *terminal.Terminal) error {
	if r.snapshotName() == Embedded {
		s, err := snapshot.Embedded()
		r.signed = true
		return errors.Join(err, r.review(s))
	}
	_, s, err := r.take(ctx, t)
	if unreached := (unreachedError{}); errors.As(err, &unreached) {
		r.unreached = unreached.error
		return nil
	}
	return errors.Join(err, r.review(s))
}

// take gets the snapshot, checks it, and keeps it for the next run.
func (r *Request) take(ctx context.Context, t *terminal.Terminal) (pair, *snapshot.Snapshot, error) {
	p, err := r.get(ctx, t)
	if why := context.Cause(ctx); err != nil && why != nil {
		err = fmt.Errorf("nothing was changed: getting the snapshot %s: %w", r.shownName(), why)
	}
	if err != nil {
		return pair{}, nil, err
	}
	s, err := r.decode(p)
	if err == nil {
		r.keep(t)
	}
	return p, s, err
}

// decode checks the signature of a snapshot, and reads it only then.
func (r *Request) decode(p pair) (*snapshot.Snapshot, error) {
	if keys := r.Settings.Snapshot.Keys; len(keys) > 0 {
		key, comment, err := snapshot.Verify(p.text, p.signature, keys)
		if err != nil {
			return nil, fmt.Errorf("snapshot %s: its signature is refused: %w\nnothing was changed", r.shownName(), err)
		}
		r.signed, r.signer = true, fmt.Sprintf("signed by the key %s: %s", key, comment)
	}
	return snapshot.DecodeBytes(p.text, r.shownName())
}

// review compares a snapshot with the settings. It refuses one in which a source has another definition than here, because
// its reviewer has not seen this one, and an acceptance of what was held where the snapshot was made.
func (r *Request) review(s *snapshot.Snapshot) error {
	if s == nil {
		return nil
	}
	r.reviewed = s
	var problems []error
	for _, src := range r.Settings.Sources {
		there, found := s.Find(src.Name)
		if found && there.Definition != src.Definition() && !src.FromSnapshot {
			problems = append(problems, fmt.Errorf("snapshot %s: source %q has another definition in it than in %s: make a new snapshot with 'mailallow fetch'", r.shownName(), src.Name, r.Settings.Path))
		}
		if found && there.Status == guard.Held && r.accepted[src.Name].Given {
			problems = append(problems, fmt.Errorf("--accept %q: it is held in the snapshot %s, and accepted where that is made: %s", src.Name, r.shownName(), acceptThere(there.Name, there.Refused)))
		}
	}
	return errors.Join(problems...)
}

// acceptThere is the command that accepts a source where the snapshot is made.
func acceptThere(name string, refused *guard.Proposed) string {
	if refused != nil {
		name += "@" + refused.Digest
	}
	return "mailallow fetch -o FILE --accept " + quoted(name)
}

// carrierProblems says that the snapshot cannot be had, and who signed it.
func (r *Request) carrierProblems(t *terminal.Terminal) (problems []allowlist.Problem) {
	if r.unreached != nil {
		problems = append(problems, allowlist.Problem{Kind: "snapshot", Text: fmt.Sprintf("the snapshot %s cannot be had: %v", r.shownName(), exit.Reason(r.unreached))})
	}
	if text := fmt.Sprintf("snapshot %s: %s", r.shownName(), r.signer); r.signer != "" && t.Quiet {
		t.About().Record("%s", text)
	} else if r.signer != "" {
		t.Note("%s", text)
	}
	return problems
}

// Published gives the snapshot of the configuration and its signature as they came, once the signature is good and the text is a
// snapshot. A snapshot that cannot be had now is an error with the code of a stale source.
func (r *Request) Published(ctx context.Context, t *terminal.Terminal) (text, signature []byte, told string, err error) {
	p, s, err := r.take(ctx, t)
	if unreached := (unreachedError{}); errors.As(err, &unreached) {
		return nil, nil, "", exit.With(exit.Stale, fmt.Errorf("the snapshot %s cannot be had: %w", r.shownName(), exit.Reason(unreached.error)))
	}
	if err != nil {
		return nil, nil, "", err
	}
	told = fmt.Sprintf("%s: %s, written at %s", r.shownName(), terminal.Counted(uint64(len(s.Sources)), "source", "sources"), date(s.Written))
	if r.signer != "" {
		told += ", " + r.signer
	}
	return p.text, p.signature, told, nil
}
