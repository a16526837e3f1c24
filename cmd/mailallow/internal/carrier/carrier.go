// Package carrier gets the snapshot that a run takes in place of fetching: from a file, from stdin, or from a web server. It
// checks the signature before a byte of the text is parsed, and keeps a signed pair from the web for the next run. What a
// snapshot means for the sources of a host is the run's business.
package carrier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Embedded is the word for the snapshot in the program, in place of a file; Stdin is the word for stdin.
const (
	Embedded = "embedded"
	Stdin    = "-"
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
	// validator is the server's name for the state of what came from the web in this run: the next one downloads it only if
	// it has changed.
	validator *allowlist.Validator
}

// Unreached is of a snapshot that cannot be had now, so that its sources are stale. Every other error ends the run.
type Unreached struct{ Err error }

func (e Unreached) Error() string { return e.Err.Error() }

func (e Unreached) Unwrap() error { return e.Err }

// Carrier is where a snapshot comes from.
type Carrier struct {
	Name      string // a file, a URL, Stdin or Embedded
	Signature string // the file of its signature, if that is not beside it
	Settings  *config.Settings
	Keeps     bool // a pair from the web may be kept in the state directory
}

// Taken is a snapshot with its signature, as they came.
type Taken struct {
	*snapshot.Snapshot
	Text      []byte
	Signature []byte // nil: there is none, and none is wanted
	Signed    bool   // somebody whose keys the settings name has signed it, or it is in the program
	Signer    string // who, and the trusted comment; empty: nobody to name
}

// Shown is the name for messages: a URL may hold secrets.
func (c Carrier) Shown() string { return allowlist.PublicURL(c.Name) }

// Check compares the flags of the snapshot with the settings. Name is empty for a run that takes none.
func (c Carrier) Check() error {
	name, keys := c.Name, c.Settings.Snapshot.Keys
	switch {
	case config.IsURL(name) && allowlist.CheckSecure(name) != nil:
		return exit.Usagef("--snapshot: %w", allowlist.CheckSecure(name))
	case c.Signature == "" && name == Stdin && len(keys) > 0:
		return exit.Usagef("--snapshot -: %s: [snapshot] keys wants a signature: name its file with --signature FILE", c.Settings.Path)
	case c.Signature == "":
		return nil
	case name == "" || name == Embedded || config.IsURL(name):
		return exit.Usagef("--signature belongs to a --snapshot that is a file or -")
	case len(keys) == 0:
		return exit.Usagef("--signature: %s has no [snapshot] keys to check it with", c.Settings.Path)
	}
	return nil
}

// Waits reports whether the snapshot comes from somewhere that lets the run wait.
func (c Carrier) Waits() bool { return c.Name == Stdin || config.IsURL(c.Name) }

// get gets the snapshot and its signature.
func (c Carrier) get(ctx context.Context, t *terminal.Terminal) (pair, error) {
	name := c.Name
	switch {
	case config.IsURL(name):
		return c.download(ctx, t, name)
	case name == Stdin:
		wait := t.WaitingFor("reading the snapshot from stdin")
		text, err := readAll(ctx, t.Stdin)
		wait.End()
		if err != nil {
			return pair{}, err
		}
		return c.withSignature(pair{text: text}, c.Signature)
	}
	text, err := bounded.File(name, maxSnapshotBytes)
	if errors.Is(err, fs.ErrNotExist) && c.Settings.Snapshot.URL != "" {
		return pair{}, Unreached{exit.Reason(err)}
	}
	if err != nil {
		return pair{}, err
	}
	signature := name + SignatureSuffix
	if c.Signature != "" {
		signature = c.Signature
	}
	return c.withSignature(pair{text: text}, signature)
}

// withSignature reads the signature from a file, where keys want one.
func (c Carrier) withSignature(p pair, path string) (_ pair, err error) {
	if len(c.Settings.Snapshot.Keys) == 0 {
		return p, nil
	}
	p.signature, err = bounded.File(path, snapshot.MaxSignatureBytes)
	if err != nil {
		err = fmt.Errorf("snapshot %s: [snapshot] keys wants a signature: %s: %w", c.Shown(), path, exit.Reason(err))
	}
	return p, err
}

// readAll reads the snapshot from a stream until ctx ends.
func readAll(ctx context.Context, in io.Reader) ([]byte, error) {
	if in == nil {
		return nil, errors.New("snapshot -: there is no stdin")
	}
	var text []byte
	err := bounded.Until(ctx, func() (err error) {
		text, err = io.ReadAll(io.LimitReader(in, maxSnapshotBytes+1))
		if err == nil && len(text) > maxSnapshotBytes {
			err = fmt.Errorf("larger than %s bytes", ascii.Count(maxSnapshotBytes))
		}
		if err != nil {
			err = fmt.Errorf("snapshot -: %w", err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return text, nil
}

// download gets both from a web server. It asks for a document that it has kept only if that has changed.
func (c Carrier) download(ctx context.Context, t *terminal.Terminal, name string) (pair, error) {
	ctx, cancel := c.Settings.Within(ctx)
	defer cancel()
	web, caFile := &allowlist.Web{MaxBytes: maxSnapshotBytes}, c.Settings.Snapshot.CAFile
	wait := t.WaitingFor("fetching %s", c.Shown())
	defer wait.End()
	kept := c.kept()
	page, err := web.Page(ctx, name, caFile, kept.validator)
	switch {
	case err != nil:
		return pair{}, Unreached{err}
	case page.Unchanged:
		kept.validator = nil
		return kept, nil
	}
	got := pair{text: page.Body, validator: page.Validator}
	if len(c.Settings.Snapshot.Keys) > 0 {
		web.MaxBytes = snapshot.MaxSignatureBytes
		signature, err := web.Page(ctx, signatureURL(name), caFile, nil)
		if allowlist.NotThere(err) {
			return pair{}, fmt.Errorf("snapshot %s: [snapshot] keys wants a signature: %w", c.Shown(), err)
		}
		if err != nil {
			return pair{}, Unreached{err}
		}
		got.signature = signature.Body
	}
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

// Take gets the snapshot, checks it, and keeps it for the next run. t may be nil where nothing waits.
func (c Carrier) Take(ctx context.Context, t *terminal.Terminal) (Taken, error) {
	if c.Name == Embedded {
		s, err := snapshot.Embedded()
		return Taken{Snapshot: s, Signed: true}, err
	}
	p, err := c.get(ctx, t)
	if why := context.Cause(ctx); err != nil && why != nil {
		err = fmt.Errorf("nothing was changed: getting the snapshot %s: %w", c.Shown(), why)
	}
	if err != nil {
		return Taken{}, err
	}
	got, err := c.decode(p)
	if err == nil && got.Signed {
		c.keep(t, p)
	}
	return got, err
}

// decode checks the signature of a snapshot, and reads it only then.
func (c Carrier) decode(p pair) (got Taken, err error) {
	got.Text, got.Signature = p.text, p.signature
	if keys := c.Settings.Snapshot.Keys; len(keys) > 0 {
		key, comment, err := snapshot.Verify(p.text, p.signature, keys)
		if err != nil {
			return got, fault.Unchanged(fmt.Errorf("snapshot %s: its signature is refused: %w", c.Shown(), err))
		}
		got.Signed, got.Signer = true, fmt.Sprintf("signed by the key %s: %s", key, comment)
	}
	got.Snapshot, err = snapshot.DecodeBytes(p.text, c.Shown())
	return got, err
}
