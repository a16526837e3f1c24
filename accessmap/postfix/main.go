// Package postfix reads from main.cf and master.cf, through postconf, who may connect and relay. It finds the effect of a table
// in each of the lists that name it, and walks a client through all lists as postscreen and smtpd do. It changes nothing, reads
// no table and asks no DNS: the caller of Walk gives it the answers of both.
package postfix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailallow/accessmap/program"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/pattern"
)

const (
	// TimeLimit bounds one run of postconf, which reads two files in hundredths of a second.
	TimeLimit = 15 * time.Second
	// maxPostconf bounds the output of postconf, in bytes. All parameters with their defaults are 60 KB.
	maxPostconf = 4 << 20
	// maxNesting bounds restriction classes inside restriction classes, and tables inside tables (unionmap:{}).
	maxNesting = 10
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

	// ResolvConf is the resolv.conf of smtpd on port 25. In a chroot it reads a copy, which may be an old one.
	ResolvConf string

	known    map[string]restriction // restrictionsByName
	settings map[string]string      // of settingNames, by name
	classes  map[string]string      // restriction classes, by name
	keyed    map[string]string      // items as main.cf has them, with account keys, by their hidden form
	root     string                 // see Below
}

var tablePath = pattern.New(`(^!*|:)/[^\s,}]*`)

// Below puts root, the directory that will be / for this Postfix, before the paths of the tables in all lists. Inside takes it
// away again.
func (m *Main) Below(root string) {
	m.root = strings.TrimSuffix(root, "/")
	addRoot := func(table string) string {
		return tablePath().ReplaceAllStringFunc(table, func(s string) string {
			before, path, _ := strings.Cut(s, "/")
			if path = "/" + path; strings.HasPrefix(path, m.root+"/") || strings.Trim(path, "/0123456789") == "" {
				return s // $config_directory is below root already; /32 is the length of an IPv6 network
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

// Find returns the path of one of Postfix's programs, in PATH or where packages put it. The error is ErrNone if there is none.
func Find(name string) (string, error) {
	path, err := program.Find(name, program.SearchPath("/usr/sbin", "/usr/local/sbin", "/usr/pkg/sbin", "/opt/postfix/sbin"))
	if errors.Is(err, exec.ErrNotFound) {
		return "", ErrNone
	}
	return path, err
}

// Read reads main.cf and master.cf through postconf, which expands names in values. An empty configDir means Postfix's own.
func Read(ctx context.Context, postconf, configDir string) (*Main, error) {
	ask := func(args ...string) ([]byte, error) {
		argv := []string{postconf}
		if configDir != "" {
			argv = append(argv, "-c", configDir)
		}
		return program.Program{Argv: append(argv, args...), Limit: TimeLimit, MaxOutput: maxPostconf}.Run(ctx)
	}
	set, err := ask("-x", "-n")
	if err != nil {
		return nil, fmt.Errorf("main.cf could not be read: %w", err)
	}
	// Errors of the other three are ignored: their values are then missing. Defaults depend on the version and on
	// compatibility_level, and not every Postfix has -P.
	effective, _ := ask(append([]string{"-x"}, readNames()...)...)
	services, _ := ask("-x", "-P")
	master, _ := ask("-M")
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return parse(set, effective, services, master), nil
}

// readNames are the parameters that parse reads, besides restriction classes.
func readNames() []string {
	return slices.Concat([]string{"config_directory", "queue_directory"}, RestrictionLists(), AddressLists(), settingNames())
}

// parse reads the output of postconf -x -n, of postconf -x for readNames, of postconf -x -P and of postconf -M.
func parse(set, effective, services, master []byte) *Main {
	values, explicit := postconfLines(effective), postconfLines(set)
	maps.Copy(values, explicit)
	m := &Main{Lists: map[string]List{}, Postscreen: postscreenRow().Match(master),
		known: restrictionsByName(), settings: map[string]string{}, classes: map[string]string{}, keyed: map[string]string{}}
	for at, value := range postconfLines(services) {
		service, name := filepath.Dir(at), filepath.Base(at)
		isList := slices.Contains(slices.Concat(RestrictionLists(), AddressLists()), name)
		switch {
		case slices.Contains([]string{"smtp/inet", "25/inet", "smtpd/pass"}, service):
			explicit[name], values[name] = value, value
		case isList:
			m.Overrides = append(m.Overrides, at)
		}
	}
	slices.Sort(m.Overrides)
	m.ConfigDirectory = values["config_directory"]
	if m.ResolvConf = "/etc/resolv.conf"; chrootRow().Match(master) && values["queue_directory"] != "" {
		m.ResolvConf = values["queue_directory"] + m.ResolvConf
	}
	for _, name := range settingNames() {
		if value, ok := values[name]; ok {
			m.settings[name] = value
		}
	}
	for _, class := range split(values["smtpd_restriction_classes"]) {
		m.classes[class] = values[class]
	}
	for _, name := range slices.Concat(RestrictionLists(), AddressLists()) {
		_, isSet := explicit[name]
		value, isKnown := values[name]
		list := List{Name: name, Set: isSet, Known: isKnown, Value: dnsbl.HideKeys(value)}
		if slices.Contains(AddressLists(), name) {
			for _, word := range split(value) {
				list.Items = append(list.Items, m.hidden(Item{Name: word}))
			}
		} else {
			list.Items = m.items(value, name)
		}
		m.Lists[name] = list
	}
	return m
}

// WithKey gives an item or an argument of the lists as main.cf has it: an account key in it is not hidden. It is not for output.
func (m *Main) WithKey(text string) string {
	if keyed, ok := m.keyed[text]; ok {
		return keyed
	}
	return text
}

// hidden hides an account key in an item, and remembers the key for questions to the list.
func (m *Main) hidden(i Item) Item {
	hide := func(text string) string {
		public := dnsbl.HideKeys(text)
		if public != text {
			m.keyed[public] = text
		}
		return public
	}
	i.Name, i.Argument = hide(i.Name), hide(i.Argument)
	return i
}

// postscreenRow matches the row of master.cf that starts postscreen on port 25 (master(5)).
var postscreenRow = pattern.New(`(?m)^(?:\S+:)?(?:smtp|25)\s+inet(?:\s+\S+){5}\s+postscreen\b`)

// chrootRow matches the row of master.cf that runs smtpd for port 25, alone or behind postscreen, in a chroot.
var chrootRow = pattern.New(`(?m)^(?:(?:\S+:)?(?:smtp|25)\s+inet|smtpd\s+pass)(?:\s+\S+){2}\s+y(?:\s+\S+){2}\s+smtpd\b`)
