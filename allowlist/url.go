package allowlist

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"mailallow/allowlist/ascii"
)

// CheckURL returns an error unless text is an http or https URL with a host. The
// error does not repeat the URL, which may hold a password.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

// CheckSecure refuses a URL with http to a host whose name or address is not that of loopback, without asking the DNS for it.
func CheckSecure(text string) error {
	u, err := parseURL(text)
	if err != nil || u.Scheme == "https" {
		return err
	}
	host := ascii.Lower(u.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil && addr.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return nil
	}
	return ErrClear
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errors.New("the url cannot be read: write https://host/path")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the url begins with %s: write https://host/path", ascii.Excerpt(u.Scheme))
	}
	return u, nil
}

// publicURL gives the parts of a URL that are not secret.
func publicURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
