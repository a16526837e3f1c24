// Package postfix reads from main.cf and master.cf, through postconf, who may connect and relay, and finds the effect of a table
// in each of the lists that name it. It changes nothing and reads no table.
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
	"mailallow/allowlist/pattern"
)

const (
	// TimeLimit bounds one run of postconf, which reads two files in hundredths of a second.
	TimeLimit = 15 * time.Second
	// maxPostconf bounds the output of postconf, in bytes. All parameters with their defaults are 60 KB.
	maxPostconf = 4 << 20
	// maxExpansion bounds $name inside $name, and restriction classes inside restriction classes.
	maxExpansion = 10
	// maxItems bounds a restriction list after its classes are replaced: classes that each name the next one twice double
	// it at every step. The lists of busy hosts have some fifty items.
	maxItems = 10_000
)

// ErrNone says that there is no Postfix on this host.
var ErrNone = errors.New("no postconf in PATH or the usual places: Postfix is not installed")

// Main holds the parameters that decide who may connect and relay: those of main.cf, and those that master.cf overrides for
// the service on port 25. DNSBL account keys are hidden.
type Main struct {
	// ConfigDirectory holds main.cf and master.cf.
	ConfigDirectory string

	// Lists holds RestrictionLists and AddressLists by name. A list that is not set holds Postfix's default, if postconf
	// reports it.
	Lists map[string]List

	// Overrides names lists that master.cf sets for other services than the one on port 25, as postconf -P names them:
	// submission/inet/smtpd_client_restrictions. Their values are not read.
	Overrides []string

	// Postscreen says that master.cf has postscreen on port 25.
	Postscreen bool

	root string // see Below
}

var tablePath = pattern.New(`(^!?|:)/[^\s,}]*`)

// Below puts root, the directory that will be / for this Postfix, before the paths of the tables in all lists. Inside takes it
// away again.
func (m *Main) Below(root string) {
	m.root = strings.TrimSuffix(root, "/")
	addRoot := func(table string) string {
		return tablePath().ReplaceAllStringFunc(table, func(s string) string {
			before, path, _ := strings.Cut(s, "/")
			if path = "/" + path; strings.HasPrefix(path, m.root+"/") { // $config_directory is below root already
				return s
			}
			return before + m.root + path
		})
	}
	for _, list := range m.Lists {
		for i, item := range list.Items {
			list.Items[i].Name, list.Items[i].Argument = addRoot(item.Name), addRoot(item.Argument)
		}
	}
}

// Inside returns a text with the paths below root in the form that Postfix will see.
func (m *Main) Inside(text string) string {
	if m.root == "" {
		return text
	}
	return strings.ReplaceAll(text, m.root+"/", "/")
}

// Find returns the path of postconf, in PATH or where packages put it. The error is ErrNone if there is none.
func Find() (string, error) {
	path, err := program.Find("postconf", program.SearchPath("/usr/sbin", "/usr/local/sbin", "/opt/postfix/sbin"))
	if errors.Is(err, exec.ErrNotFound) {
		return "", ErrNone
	}
	return path, err
}

// Read reads main.cf and master.cf through postconf. An empty configDir means Postfix's own.
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
	// Errors of the other three are ignored: their values are then missing. Defaults depend on the version and on
	// compatibility_level, and not every Postfix has -P.
	defaults, _ := ask(append([]string{"-x", "config_directory"}, slices.Concat(RestrictionLists(), AddressLists())...)...)
	services, _ := ask("-P")
	master, _ := ask("-M")
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return parse(set, defaults, services, master), nil
}

// parse reads the output of postconf -n, of postconf -x for the names of all lists, of postconf -P and of postconf -M.
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
	for _, class := range split(expand.all(values["smtpd_restriction_classes"], maxExpansion)) {
		classes[class] = expand.all(values[class], maxExpansion)
	}
	for _, name := range slices.Concat(RestrictionLists(), AddressLists()) {
		_, isSet := explicit[name]
		_, isKnown := values[name]
		list := List{Name: name, Set: isSet, Known: isKnown, Value: expand.all(values[name], maxExpansion)}
		if slices.Contains(AddressLists(), name) {
			for _, word := range split(list.Value) {
				list.Items = append(list.Items, Item{Name: word})
			}
		} else {
			parser := restrictionParser{classes, bareTable(name), maxItems}
			list.Items = parser.items(split(list.Value), "", maxExpansion)
		}
		m.Lists[name] = list
	}
	return m
}

// postscreenRow matches the row of master.cf that starts postscreen on port 25 (master(5)).
var postscreenRow = pattern.New(`(?m)^(?:\S+:)?(?:smtp|25)\s+inet(?:\s+\S+){5}\s+postscreen\b`)
