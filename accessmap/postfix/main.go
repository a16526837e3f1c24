// Package postfix reads what main.cf and master.cf say of who may connect and relay, through postconf, and tells what a table
// does in each of the lists that name it. It changes nothing and reads no table.
package postfix

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailallow/accessmap/program"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/pattern"
)

const (
	// TimeLimit bounds one run of postconf, which reads two files and answers in hundredths of a second.
	TimeLimit = 15 * time.Second
	// maxPostconf bounds what is read of its output; every parameter there is, with its default, makes 60 KB.
	maxPostconf = 4 << 20
	// maxExpansion bounds $name inside $name, and restriction classes inside restriction classes.
	maxExpansion = 10
	// maxPostfixItems bounds a restriction list with its classes in their place: classes that each name the next one twice
	// double it at every step. The lists of busy hosts have some fifty.
	maxPostfixItems = 10_000
)

// ErrNone says that there is no Postfix on this host.
var ErrNone = errors.New("no postconf in PATH or the usual places: Postfix is not installed")

// Main is what main.cf says of who may connect and relay, with what master.cf overrides for the service on port
// 25. Account keys in names of zones are not in it.
type Main struct {
	// ConfigDirectory holds main.cf and master.cf.
	ConfigDirectory string

	// Lists are the restriction lists and what goes with them, by name; see restrictionLists and AddressLists. A list
	// that is set nowhere holds Postfix's default, as far as postconf tells it.
	Lists map[string]List

	// Overrides are parameters of these names that master.cf sets for other services than the one on port 25, as
	// postconf -P names them: submission/inet/smtpd_client_restrictions. They are not looked into.
	Overrides []string

	// Postscreen tells that master.cf has postscreen before smtpd on port 25.
	Postscreen bool

	root string // see Below
}

var tablePath = pattern.New(`(^!?|:)/[^\s,}]*`)

// Below puts root, the directory that is to be this Postfix's /, before the paths of the tables that it names. What lint
// says of them has them as Postfix will see them.
func (m *Main) Below(root string) {
	m.root = strings.TrimSuffix(root, "/")
	rooted := func(table string) string {
		return tablePath().ReplaceAllStringFunc(table, func(s string) string {
			before, path, _ := strings.Cut(s, "/")
			if path = "/" + path; strings.HasPrefix(path, m.root+"/") { // $config_directory is below it already
				return s
			}
			return before + m.root + path
		})
	}
	for _, list := range m.Lists {
		for i, item := range list.Items {
			list.Items[i].Name, list.Items[i].Argument = rooted(item.Name), rooted(item.Argument)
		}
	}
}

// Inside is a text with the paths below the root as Postfix will see them.
func (m *Main) Inside(text string) string {
	if m.root == "" {
		return text
	}
	return strings.ReplaceAll(text, m.root+"/", "/")
}

// List is one parameter, cut into what Postfix looks at one after the other.
type List struct {
	Name  string
	Set   bool   // in main.cf or master.cf, and not by default
	Known bool   // false: it is not set, and postconf told no default
	Value string // expanded, on one line
	Items []Item
}

// Item is a restriction with its argument, or a network, table or zone of the other lists.
type Item struct {
	Name     string // check_client_access, reject_rbl_client, permit_mynetworks, 192.0.2.0/24, cidr:/etc/postfix/x, ...
	Argument string // cidr:/etc/postfix/x, zen.spamhaus.org=127.0.0.[2..11]; empty where the restriction takes none
	Class    string // the restriction class that it stands in, empty for none: the list names the class here
	WarnOnly bool   // behind warn_if_reject: what it refuses is logged and not refused
}

func (i Item) String() string { return strings.TrimSpace(i.Name + " " + i.Argument) }

// RestrictionLists are those of smtpd, in the order in which it goes through them at RCPT with smtpd_delay_reject and
// smtpd_relay_before_recipient_restrictions (postconf(5)). A permit ends only the list it stands in (docs/facts.md 10).
func RestrictionLists() []string {
	return []string{"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
		"smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions",
		"smtpd_end_of_data_restrictions", "smtpd_etrn_restrictions"}
}

// AddressLists are the lists of networks, tables and zones.
func AddressLists() []string {
	return []string{"mynetworks", "postscreen_access_list", "postscreen_dnsbl_sites"}
}

// Find returns the path of postconf: in PATH or where packages put it. The error wraps ErrNoPostfix.
func Find() (string, error) {
	path, err := program.Find("postconf", program.SearchPath("/usr/sbin", "/usr/local/sbin", "/opt/postfix/sbin"))
	if errors.Is(err, exec.ErrNotFound) {
		return "", ErrNone
	}
	return path, err
}

// Read asks postconf for what main.cf and master.cf say. An empty configDir is Postfix's own.
func Read(ctx context.Context, postconf, configDir string) (*Main, error) {
	ask := func(args ...string) ([]byte, error) {
		argv := []string{postconf}
		if configDir != "" {
			argv = append(argv, "-c", configDir)
		}
		return program.Program{Argv: append(argv, args...), Limit: TimeLimit, MaxOutput: maxPostconf}.Run(ctx)
	}
	set, err := ask("-n")
	if err != nil {
		return nil, fmt.Errorf("main.cf could not be read: %w", err)
	}
	// Defaults depend on the version and on compatibility_level, and -P is not in every Postfix: what these two do not
	// tell is missing, and no error. Nor is what master.cf has on port 25.
	defaults, _ := ask(append([]string{"-x", "config_directory"}, slices.Concat(RestrictionLists(), AddressLists())...)...)
	services, _ := ask("-P")
	master, _ := ask("-M")
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return parse(set, defaults, services, master), nil
}

// parse reads the output of postconf -n, of postconf -x for the lists, of postconf -P and of postconf -M.
func parse(set, defaults, services, master []byte) *Main {
	known := postconfLines(defaults)
	explicit := postconfLines(set)
	values := map[string]string{}
	for name, value := range known {
		values[name] = value
	}
	for name, value := range explicit {
		values[name] = value
	}
	m := &Main{Lists: map[string]List{}, Postscreen: postscreenRow().Match(master)}
	for at, value := range postconfLines(services) {
		service, name := filepath.Dir(at), filepath.Base(at)
		switch {
		case !slices.Contains(slices.Concat(RestrictionLists(), AddressLists()), name):
		case slices.Contains([]string{"smtp/inet", "25/inet", "smtpd/pass"}, service):
			explicit[name], values[name] = value, value
		default:
			m.Overrides = append(m.Overrides, at)
		}
	}
	slices.Sort(m.Overrides)
	m.ConfigDirectory = values["config_directory"]
	classes := map[string]string{}
	expand := expander{values, maxPostconf}
	for _, class := range splitPostfix(expand.all(values["smtpd_restriction_classes"], maxExpansion)) {
		classes[class] = expand.all(values[class], maxExpansion)
	}
	for _, name := range slices.Concat(RestrictionLists(), AddressLists()) {
		_, isSet := explicit[name]
		_, isKnown := values[name]
		list := List{Name: name, Set: isSet, Known: isKnown, Value: expand.all(values[name], maxExpansion)}
		if slices.Contains(AddressLists(), name) {
			for _, word := range splitPostfix(list.Value) {
				list.Items = append(list.Items, Item{Name: word})
			}
		} else {
			parser := restrictionParser{classes, bareTable(name), maxPostfixItems}
			list.Items = parser.items(splitPostfix(list.Value), "", maxExpansion)
		}
		m.Lists[name] = list
	}
	return m
}

// postscreenRow is the row of master.cf for port 25 when it starts postscreen (master(5)).
var postscreenRow = pattern.New(`(?m)^(?:\S+:)?(?:smtp|25)\s+inet(?:\s+\S+){5}\s+postscreen\b`)

// postconfLines reads `name = value` lines; a line that begins with a blank continues the one above.
func postconfLines(text []byte) map[string]string {
	values := map[string]string{}
	last := ""
	for line := range strings.Lines(dnsbl.HideKeys(string(text))) {
		line = strings.TrimRight(line, "\r\n")
		switch name, value, ok := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case ascii.IsSpace(line[0]) && last != "":
			values[last] = strings.TrimSpace(values[last] + " " + strings.TrimSpace(line))
		case ok:
			last = strings.TrimSpace(name)
			values[last] = strings.TrimSpace(value)
		}
	}
	return values
}

// expander puts values in the place of $name, ${name} and $(name). Conditional forms (${name?value}) stay as they are: what
// they give is asked of postconf -x.
type expander struct {
	values map[string]string
	left   int // bytes that may still be put in; each name costs one more
}

// all stops at that depth, and at the bound: names stay as they are from there on.
func (e *expander) all(s string, depth int) string {
	if depth == 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '$' {
			b.WriteByte(s[i])
			i++
			continue
		}
		name, length := postfixName(s[i+1:])
		if value, ok := e.values[name]; ok && name != "" && len(value) < e.left {
			e.left -= len(value) + 1
			b.WriteString(e.all(value, depth-1))
		} else {
			b.WriteString(s[i : i+1+length])
		}
		i += 1 + length
	}
	return b.String()
}

// postfixName reads the name behind a $ and says how many bytes it takes with what is around it.
func postfixName(s string) (name string, length int) {
	open := 0
	if s != "" && (s[0] == '{' || s[0] == '(') {
		open = 1
	}
	end := open
	for end < len(s) && (s[end] == '_' || s[end] >= '0' && s[end] <= '9' || s[end] >= 'a' && s[end] <= 'z' || s[end] >= 'A' && s[end] <= 'Z') {
		end++
	}
	if open == 1 {
		if end == len(s) || s[end] != '}' && s[end] != ')' {
			return "", 0
		}
		return s[open:end], end + 1
	}
	return s[:end], end
}

// splitPostfix cuts a value at commas and blanks; what stands in braces stays together (mystrtokq).
func splitPostfix(s string) (words []string) {
	start, depth := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) {
			switch c := s[i]; {
			case c == '{':
				depth++
				continue
			case c == '}' && depth > 0:
				depth--
				continue
			case depth > 0 || c != ',' && !ascii.IsSpace(c):
				continue
			}
		}
		if i > start {
			words = append(words, s[start:i])
		}
		start = i + 1
	}
	return words
}

// takesArgument reports whether a restriction is followed by an argument (smtpd_check.c, generic_checks).
func takesArgument(name string) bool {
	switch name {
	case "check_policy_service", "reject_rbl_client", "permit_dnswl_client", "sleep", "reject_maps_rbl_client":
		return true
	}
	return strings.HasPrefix(name, "check_") && strings.HasSuffix(name, "_access") ||
		strings.HasPrefix(name, "reject_rhsbl_") || strings.HasPrefix(name, "permit_rhswl_")
}

// bareTable is the restriction that a TYPE:TABLE without one stands for; empty where Postfix takes none.
func bareTable(list string) string {
	return map[string]string{
		"smtpd_client_restrictions": "check_client_access", "smtpd_helo_restrictions": "check_helo_access",
		"smtpd_sender_restrictions": "check_sender_access", "smtpd_relay_restrictions": "check_recipient_access",
		"smtpd_recipient_restrictions": "check_recipient_access", "smtpd_etrn_restrictions": "check_etrn_access",
	}[list]
}

// restrictionParser reads a list of smtpd, with what its restriction classes stand for in their place.
type restrictionParser struct {
	classes map[string]string
	bare    string
	left    int // items and classes that may still come
}

func (p *restrictionParser) items(words []string, class string, depth int) (items []Item) {
	warn := false
	for i := 0; i < len(words) && p.left > 0; i++ {
		p.left--
		item := Item{Name: strings.ToLower(words[i]), Class: class, WarnOnly: warn}
		inner, isClass := p.classes[words[i]]
		if item.Name == "warn_if_reject" {
			warn = true
			continue
		}
		warn = false
		switch {
		case isClass && depth > 0:
			items = append(items, p.items(splitPostfix(inner), words[i], depth-1)...)
			continue
		case takesArgument(item.Name) && i+1 < len(words):
			i++
			item.Argument = words[i]
		case strings.Contains(item.Name, ":"):
			item.Name, item.Argument = p.bare, words[i]
		}
		items = append(items, item)
	}
	return items
}
