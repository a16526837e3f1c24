package allowlist

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/document"
	"mailallow/allowlist/provenance"
)

// Web fetches the documents of URL sources. A zero field means its default.
// Requests go through the proxies of the environment (HTTPS_PROXY, HTTP_PROXY,
// NO_PROXY), except http to loopback.
type Web struct {
	RootCAs *x509.CertPool // certificate authorities; nil means the system's

	Tries    int   // including the first; zero means four
	MaxBytes int64 // of a document, decompressed; zero means 32 MiB

	// Pause waits between tries; nil waits for d or until ctx ends.
	Pause func(ctx context.Context, d time.Duration) error
}

const (
	defaultTries         = 4          // with the pauses below, about four seconds
	defaultDocumentBytes = 32 << 20   // the largest list in use, Azure's service tags, has 5 MB
	maxDocumentValues    = 1_000_000  // of JSON, nested ones included; Azure's list has about 100,000; a value takes up to 200 bytes of memory
	maxSelectSteps       = 20_000_000 // of the jq machine: about ten for each value, two seconds, and at most 400 MB of memory
)

const (
	maxRedirects       = 5
	firstPause         = 500 * time.Millisecond // doubled with each try, and varied by a half
	longestPause       = 10 * time.Second       // a Retry-After may be longer, within the timeout
	dialTimeout        = 10 * time.Second       // for TLS too; leaves time for a second try
	headerTimeout      = 20 * time.Second       // leaves time for a second try
	maxHeaderBytes     = 256 << 10
	maxValidatorLength = 512 // bytes, because the snapshot keeps it
	maxQuoted          = 500 // bytes of an error in which a server may be quoted
)

// Document holds the ranges of one document.
type Document struct {
	Ranges    Ranges
	Validator *Validator // nil if the server gave none
}

// Validator is a server's name for the state of a document. A request with it
// asks for the document only if the state has changed (RFC 9110 section 8.8).
type Validator struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// Document fetches the document of a URL source until ctx ends and reads its ranges: the results
// of Select, or without Select every address of the text. last is the last good
// state under the same definition, or nil; if it has a validator and the server
// reports no change, its ranges are the result. Errors and paths name the URL
// without user, password and query, which may be secrets.
func (w *Web) Document(ctx context.Context, src Source, last *Resolved) (Document, []Problem, error) {
	bounds := w.bounds()
	start, err := parseURL(src.URL)
	if err != nil {
		return Document{}, nil, err
	}
	if bounds.RootCAs, err = src.roots(bounds.RootCAs); err != nil {
		return Document{}, nil, fmt.Errorf("%s: %w", publicURL(start), err)
	}
	v := newVisit(bounds, start, src.Insecure)
	defer v.close()
	if last != nil && last.Validator != nil {
		v.known = last.Validator.usable()
	}
	doc, problems, err := v.document(ctx, src, last)
	if err != nil {
		return Document{}, problems, fmt.Errorf("%s: %w", publicURL(start), because(ctx, err))
	}
	return doc, problems, nil
}

// because gives the error of a fetch with the reason why ctx has ended, once, or that alone if nobody waits for the fetch any more.
func because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
		return err
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return cause
	case errors.Is(err, cause):
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// maxCABytes bounds a ca_file: that of a system with all public authorities has 220 KB.
const maxCABytes = 1 << 20

// roots gives the certificate authorities for the server of the source.
func (s Source) roots(usual *x509.CertPool) (*x509.CertPool, error) {
	if s.CAFile == "" {
		return usual, nil
	}
	text, err := bounded.File(s.CAFile, maxCABytes)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file: %s has no certificate in PEM", ascii.Line(s.CAFile))
	}
	return roots, nil
}

func (w *Web) bounds() Web {
	b := *w
	b.Tries = cmp.Or(b.Tries, defaultTries)
	b.MaxBytes = cmp.Or(b.MaxBytes, defaultDocumentBytes)
	if b.Pause == nil {
		b.Pause = pause
	}
	return b
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}

// visit fetches one document.
type visit struct {
	Web
	start *url.URL
	known Validator // zero: send no condition
	// transports has one for each scheme. An http.Client would put the query of the URL into Referer, and a Location that
	// cannot be parsed into its error.
	transports map[string]*http.Transport
}

func newVisit(bounds Web, start *url.URL, insecure bool) *visit {
	anywhere := net.Dialer{Timeout: dialTimeout}
	secure := &http.Transport{
		Proxy:                  proxyOfEnvironment,
		OnProxyConnectResponse: checkTunnel,
		DialContext:            anywhere.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: bounds.RootCAs},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// A connection that is kept is read on, and package log writes to stderr what a server sends behind its answer.
		DisableKeepAlives: true,
	}
	plain := secure.Clone()
	if !insecure {
		// A proxy would choose the address that it dials, and onlyLoopback could not check it.
		plain.Proxy = nil
		near := net.Dialer{Timeout: dialTimeout, Control: onlyLoopback}
		plain.DialContext = near.DialContext
	}
	return &visit{Web: bounds, start: start, transports: map[string]*http.Transport{"https": secure, "http": plain}}
}

func (v *visit) close() {
	for _, transport := range v.transports {
		transport.CloseIdleConnections()
	}
}

// proxyOfEnvironment replaces the error of net/http, which may show the password
// of a proxy.
func proxyOfEnvironment(r *http.Request) (*url.URL, error) {
	if proxy, err := http.ProxyFromEnvironment(r); err == nil {
		return proxy, nil
	}
	return nil, errors.New("the proxy in HTTPS_PROXY or HTTP_PROXY cannot be read as a URL")
}

// checkTunnel names the proxy that refuses to connect to a server: net/http returns its reply as if the server had sent it.
func checkTunnel(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy %s answers %s", ascii.Excerpt(proxy.Host), ascii.Excerpt(resp.Status))
}

var (
	// ErrClear is an http URL of a host that is not this one.
	ErrClear = errors.New("http is for loopback alone: use https")
	// ErrClearSource is one of a source, which may be told to use it.
	ErrClearSource = fmt.Errorf("%w, or set insecure = true for a source", ErrClear)
)

// onlyLoopback checks the address and not the name, because a name may have any
// address.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().Unmap().IsLoopback() {
		return ErrClearSource
	}
	return nil
}

// reply is a 200 with its body, or a 304.
type reply struct {
	notModified bool
	body        []byte
	contentType string
	validator   *Validator
}

func (v *visit) document(ctx context.Context, src Source, last *Resolved) (Document, []Problem, error) {
	got, err := v.get(ctx)
	if err != nil {
		return Document{}, nil, err
	}
	if got.notModified {
		return Document{Ranges: last.Ranges, Validator: last.Validator}, nil, nil
	}
	found := newFinding(ascii.Line(publicURL(v.start)), src.bounds().Ranges)
	reader := found.reader(src, v.MaxBytes)
	if src.Select != "" {
		found.path = provenance.Of(found.name, document.Step(src.Select))
		err = reader.Selected(ctx, got.body, src.Select, maxDocumentValues, maxSelectSteps)
	} else {
		err = reader.Text(got.body, got.contentType)
	}
	return Document{Ranges: found.ranges, Validator: got.validator}, found.problems.inDocument(found.name), err
}

// transient is an error that another try may not meet.
type transient struct {
	error
	after time.Duration // the wait that the server asked for
}

func (t *transient) Unwrap() error { return t.error }

// quoting is an error of net/http, which quotes the server: a header of maxHeaderBytes, or all names in its certificate.
type quoting struct{ error }

func (q quoting) Error() string { return ascii.Shown(q.error.Error(), maxQuoted) }

func (q quoting) Unwrap() error { return q.error }

// get repeats the request until it succeeds or fails with a lasting error.
func (v *visit) get(ctx context.Context) (*reply, error) {
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: firstPause, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: longestPause,
	}
	for try := 1; ; try++ {
		got, err := v.follow(ctx)
		failed, retry := errors.AsType[*transient](err)
		if !retry || ctx.Err() != nil {
			return got, err
		}
		if try >= v.Tries {
			return nil, fmt.Errorf("%w (try %d of %d)", err, try, v.Tries)
		}
		wait := max(pauses.NextBackOff(), failed.after)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return nil, fmt.Errorf("%w (try %d of %d; the next, in %s, is past the time limit)",
				err, try, v.Tries, wait.Round(time.Second))
		}
		if v.Pause(ctx, wait) != nil {
			return nil, err
		}
	}
}

// follow makes one request and follows its redirects.
func (v *visit) follow(ctx context.Context) (*reply, error) {
	at := v.start
	for hops := 0; ; hops++ {
		resp, err := v.ask(ctx, at)
		if err != nil {
			return nil, err
		}
		next, err := redirect(at, resp)
		if next == nil && err == nil {
			return v.receive(resp)
		}
		resp.Body.Close()
		if err == nil && hops == maxRedirects {
			err = fmt.Errorf("more than %d redirects, the last to %s", maxRedirects, ascii.Excerpt(publicURL(next)))
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
}

func (v *visit) ask(ctx context.Context, at *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, errors.New("the url cannot be requested")
	}
	req.Header.Set("User-Agent", "mailallow") // some servers refuse a request without one
	if at.User != nil {
		password, _ := at.User.Password()
		req.SetBasicAuth(at.User.Username(), password)
	}
	if v.known.ETag != "" {
		req.Header.Set("If-None-Match", v.known.ETag)
	}
	if v.known.LastModified != "" {
		req.Header.Set("If-Modified-Since", v.known.LastModified)
	}
	resp, err := v.transports[at.Scheme].RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	err = quoting{err}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		err = fmt.Errorf("%w: %s", err, v.whoSigns())
	}
	if at != v.start {
		err = fmt.Errorf("redirected to %s: %w", ascii.Excerpt(publicURL(at)), err)
	}
	if lasting(err) {
		return nil, err
	}
	return nil, &transient{error: err}
}

// whoSigns says what to do about a certificate of an authority that is not known.
func (v *visit) whoSigns() string {
	if v.RootCAs != nil {
		return "its authority is not in ca_file"
	}
	return "install ca-certificates, or name its authority in ca_file"
}

// lasting reports whether another try would meet the same error.
func lasting(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	return certificate || noTLS || errors.Is(err, ErrClearSource)
}

// redirect gives the target of a redirect, or nil for another response. A redirect
// from https to http is an error; onlyLoopback checks those from http to http.
func redirect(at *url.URL, resp *http.Response) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	next, err := at.Parse(resp.Header.Get("Location"))
	switch {
	case err != nil || resp.Header.Get("Location") == "" || next.Hostname() == "":
		return nil, fmt.Errorf("%s without a readable Location", ascii.Excerpt(resp.Status))
	case next.Scheme != "https" && next.Scheme != "http", next.Scheme == "http" && at.Scheme == "https":
		return nil, fmt.Errorf("redirected from %s to %s, which is not followed", at.Scheme, ascii.Excerpt(publicURL(next)))
	}
	return next, nil
}

// receive reads a response that is not a redirect.
func (v *visit) receive(resp *http.Response) (*reply, error) {
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
	case code == http.StatusNotModified && v.known != Validator{}:
		return &reply{notModified: true}, nil
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		return nil, &transient{error: errors.New(ascii.Excerpt(resp.Status)), after: retryAfter(resp.Header)}
	default:
		return nil, &StatusError{resp.StatusCode, resp.Status}
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, fmt.Errorf("the content-encoding %s was not asked for", ascii.Excerpt(coding)) // gzip is undone by net/http
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, v.MaxBytes+1))
	if int64(len(body)) > v.MaxBytes {
		return nil, fmt.Errorf("larger than %s bytes", ascii.Count(v.MaxBytes))
	}
	if err != nil {
		return nil, &transient{error: fmt.Errorf("after %d bytes: %w", len(body), quoting{err})}
	}
	return &reply{body: body, contentType: resp.Header.Get("Content-Type"), validator: validatorOf(resp.Header)}, nil
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3), and gives zero for
// anything else.
func retryAfter(h http.Header) time.Duration {
	const most = 1_000_000 // seconds: longer than every timeout, without an overflow
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, most)) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}

// validatorOf leaves out a time of the last second: the document may change once more in it and keep the time (RFC 9110 section
// 8.8.2.2).
func validatorOf(h http.Header) *Validator {
	v := Validator{ETag: h.Get("ETag"), LastModified: h.Get("Last-Modified")}.usable()
	modified, _ := http.ParseTime(v.LastModified)
	if sent, err := http.ParseTime(h.Get("Date")); err != nil || sent.Sub(modified) < time.Second {
		v.LastModified = ""
	}
	if v == (Validator{}) {
		return nil
	}
	return &v
}

// usable drops values that cannot be sent back. It checks those of a server, and
// those of a snapshot, which a person may have edited.
func (v Validator) usable() Validator {
	unprintable := func(c rune) bool { return c < ' ' || c > '~' }
	if len(v.ETag) > maxValidatorLength || strings.ContainsFunc(v.ETag, unprintable) {
		v.ETag = ""
	}
	if _, err := http.ParseTime(v.LastModified); err != nil {
		v.LastModified = ""
	}
	return v
}
