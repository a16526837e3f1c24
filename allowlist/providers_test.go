package allowlist

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func catalogueOf(t *testing.T) []Provider {
	t.Helper()
	all, err := Providers()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestProvidersAreSortedAndUnique(t *testing.T) {
	all := catalogueOf(t)
	for i := 1; i < len(all); i++ {
		if before, p := all[i-1].Name, all[i].Name; before >= p {
			t.Errorf("%q is before %q", before, p)
		}
	}
}

func TestProviderFields(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	spfName := regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,}$`)
	seen := map[string]string{}
	for _, p := range catalogueOf(t) {
		if !id.MatchString(p.Name) {
			t.Errorf("%q: not a lower-case id", p.Name)
		}
		for field, text := range map[string]string{"title": p.Title, "note": p.Note, "unlistable": p.Unlistable} {
			if (text == "" && field != "unlistable") || strings.TrimSpace(text) != text || strings.Contains(text, "\n") {
				t.Errorf("%s: %s %q is not one line of text", p.Name, field, text)
			}
		}
		if doc, err := url.Parse(p.Doc); err != nil || doc.Scheme != "https" || doc.Host == "" {
			t.Errorf("%s: doc %q is not an https address", p.Name, p.Doc)
		}
		if n := count(len(p.SPF) > 0, p.URL != "", p.Unlistable != ""); n != 1 {
			t.Errorf("%s: %d of spf, url and unlistable are set, want one", p.Name, n)
		}
		if (p.Select != "" && p.URL == "") || (p.URL != "" && !strings.HasPrefix(p.URL, "https://")) {
			t.Errorf("%s: url %q with select %q", p.Name, p.URL, p.Select)
		}
		for _, former := range p.Former {
			if !p.Shared || former != former.Masked() {
				t.Errorf("%s: shared %v, former network %s", p.Name, p.Shared, former)
			}
		}
		for _, name := range p.SPF {
			if !spfName.MatchString(name) {
				t.Errorf("%s: %q is not a domain name in lower case without its last dot", p.Name, name)
			}
			if other := seen[name]; other != "" {
				t.Errorf("%s: %s is %s's already", p.Name, name, other)
			}
			seen[name] = p.Name
		}
	}
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// Every entry has the key shared: a forgotten one would mean false.
func TestProvidersSetShared(t *testing.T) {
	var file struct{ Provider []map[string]any }
	if err := toml.Unmarshal(providersTOML, &file); err != nil {
		t.Fatal(err)
	}
	for _, p := range file.Provider {
		if _, ok := p["shared"].(bool); !ok {
			t.Errorf("%v: shared is not written", p["name"])
		}
	}
}

// Records of companies include vendors and web hosts (docs/facts.md 15).
func TestProvidersHaveNoCorporateNames(t *testing.T) {
	corporate := []string{
		"amazon.com", "aol.com", "apple.com", "dreamhost.com", "facebook.com", "gandi.net", "github.com",
		"godaddy.com", "google.com", "hubspot.com", "infomaniak.com", "intuit.com", "ionos.com", "linkedin.com",
		"mailchimp.com", "mail.ru", "microsoft.com", "namecheap.com", "netblocks.dreamhost.com", "outlook.com",
		"ovh.com", "paypal.com", "proton.me", "rackspace.com", "salesforce.com", "secureserver.net",
		"sendgrid.com", "shopify.com", "stripe.com", "twilio.com", "yahoo.com", "yandex.ru", "zendesk.com",
		"zoho.com", "zoho.eu", "zoho.in",
	}
	for _, p := range catalogueOf(t) {
		for _, name := range p.SPF {
			if slices.Contains(corporate, name) || strings.HasPrefix(name, "_netblocks") && strings.HasSuffix(name, ".google.com") {
				t.Errorf("%s: %s is not a narrow name", p.Name, name)
			}
		}
	}
}

func TestProvidersEnoughAreUsable(t *testing.T) {
	usable := 0
	for _, p := range catalogueOf(t) {
		if p.Unlistable == "" {
			usable++
		}
	}
	if usable < 40 {
		t.Errorf("%d usable entries, want 40 at least", usable)
	}
}

func TestProviderByName(t *testing.T) {
	for name, want := range map[string][]string{
		"google":    {"_spf.google.com"},
		"microsoft": {"spf.protection.outlook.com"},
		"proton":    {"_spf.protonmail.ch"},
		"icloud":    {"icloud.com"},
		"fastmail":  {"spf.messagingengine.com"},
		"amazonses": {"amazonses.com"},
		"sendgrid":  {"sendgrid.net"},
		"mailgun":   {"mailgun.org"},
		"mailchimp": {"servers.mcsv.net"},
		"zoho":      {"zohomail.com", "zohomail.com.au", "zohomail.eu", "zohomail.in", "zohomail.jp"},
	} {
		p, ok := ProviderByName(name)
		if !ok || !slices.Equal(p.SPF, want) {
			t.Errorf("%s: %q, %v, want %q", name, p.SPF, ok, want)
		}
		if !p.Shared {
			t.Errorf("%s is not marked shared", name)
		}
	}
	for _, name := range []string{"", "Google", "nobody", "google.com"} {
		if p, ok := ProviderByName(name); ok || p.Name != "" {
			t.Errorf("%q finds %q", name, p.Name)
		}
	}
}

func TestProvidersUnlistable(t *testing.T) {
	for name, reason := range map[string]string{
		"hubspot":    "hubspotemail.net",
		"ovh":        "ptr:mail-out.ovh.net",
		"salesforce": "exists:%{i}._spf.mta.salesforce.com",
		"sparkpost":  "exists:%{i}._spf.sparkpostmail.com",
		"yahoo":      "ptr:yahoo.com",
	} {
		p, ok := ProviderByName(name)
		if !ok || !strings.Contains(p.Unlistable, reason) {
			t.Errorf("%s: unlistable %q, %v, want it to name %q", name, p.Unlistable, ok, reason)
		}
	}
}

func TestProvidersGivesACopy(t *testing.T) {
	all := catalogueOf(t)
	first := all[0].Name
	all[0] = Provider{Name: "mine"}
	if again := catalogueOf(t); again[0].Name != first {
		t.Errorf("the catalogue now begins with %q", again[0].Name)
	}
}

func TestParseProvidersErrors(t *testing.T) {
	for _, row := range []struct{ name, doc, want string }{
		{"unknown key", "[[provider]]\nname = \"a\"\nspff = [\"b.example\"]\n", `provider catalogue: line 3: unknown key "provider.spff"`},
		{"wrong type", "[[provider]]\nname = \"a\"\nshared = \"yes\"\n", "provider catalogue: line 3: "},
		{"no TOML", "[[provider]]\nname\n", "provider catalogue: line 2: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			all, err := parseProviders([]byte(row.doc))
			if err == nil || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("%v, %v, want the error %q", all, err, row.want)
			}
		})
	}
}
