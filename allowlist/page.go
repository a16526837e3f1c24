package allowlist

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"mailallow/allowlist/ascii"
)

// Page is a document that is not a source: a snapshot, or its signature.
type Page struct {
	Body      []byte
	Validator *Validator // nil if the server gave none
	// Unchanged: the server reports that the document is still the one that the caller's validator names. There is no Body.
	Unchanged bool
}

// StatusError is the answer of a server that gives no document.
type StatusError struct {
	Code   int
	Status string
}

func (e *StatusError) Error() string { return ascii.Excerpt(e.Status) }

// NotThere reports whether a server says that it has no such document, and not that it cannot give it now.
func NotThere(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && (status.Code == http.StatusNotFound || status.Code == http.StatusGone)
}

// Page fetches a document until ctx ends, in the way of the documents of URL sources: https, or http to loopback; no redirect
// from https to http. caFile has the certificate authorities of the server, in place of the system's; empty: these. known is
// the validator of the document that the caller has, or nil. Errors name the URL without user, password and query.
func (w *Web) Page(ctx context.Context, url, caFile string, known *Validator) (Page, error) {
	bounds := w.bounds()
	start, err := parseURL(url)
	if err != nil {
		return Page{}, err
	}
	if bounds.RootCAs, err = (Source{CAFile: caFile}).roots(bounds.RootCAs); err != nil {
		return Page{}, fmt.Errorf("%s: %w", publicURL(start), err)
	}
	v := newVisit(bounds, start, false)
	defer v.close()
	if known != nil {
		v.known = known.usable()
	}
	got, err := v.get(ctx)
	if err != nil {
		return Page{}, fmt.Errorf("%s: %w", publicURL(start), because(ctx, err))
	}
	return Page{Body: got.body, Validator: got.validator, Unchanged: got.notModified}, nil
}

// PublicURL gives the parts of a URL that are not secret. It gives text that is no URL as it is.
func PublicURL(text string) string {
	u, err := parseURL(text)
	if err != nil {
		return text
	}
	return publicURL(u)
}
