// Package initconfig is the command that makes a configuration to start from, for the
// mail servers and addresses of this host. It writes to stdout, or with Write to a file
// that is not there yet.
package initconfig

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"

	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/servers"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags and arguments of the command.
type Options struct {
	// Config has the file to write, and the root of the system that the configuration is for: the host that runs the command is
	// another then.
	Config config.Flags
	Write  bool // write the file, if there is none
}

type document struct {
	Config  string  `json:"config"`
	Written *string `json:"written"` // the path; null: it went to stdout alone

	Problems []allowlist.Problem `json:"problems,omitempty"` // why there is none
}

// Empty gives the JSON document of a run that ended with problems.
func Empty(problems []allowlist.Problem) any { return document{Problems: problems} }

// Run makes the configuration.
func Run(t *terminal.Terminal, o Options) error {
	var own []netip.Addr
	if o.Config.Root == "" {
		own = ownAddresses()
	}
	found := findMailServers(o.Config.Root)
	doc := document{Config: startingConfig(found, own)}
	if o.Write {
		path := o.Config.File()
		if root := o.Config.Root; root != "" && o.Config.Path == "" {
			if err := state.Within(root, path); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		if err := write(path, doc.Config); err != nil {
			return err
		}
		doc.Written = &path
	}
	switch {
	case t.JSON:
		return t.Document(doc)
	case doc.Written != nil:
		flags, first := o.Config.Typed(), "read it"
		if found == (mailServers{}) {
			first = "no mail server was found: take the comment signs off the targets in it that are right"
		}
		t.Summary(terminal.Plain, "wrote %s: %s, then\n    look at the list: mailallow diff%s\n    install it: mailallow update%s", *doc.Written, first, flags, flags)
	default:
		return t.Whole(strings.TrimRight(doc.Config, "\n"))
	}
	return nil
}

// write writes the file whole or not at all, and never over another one. It makes the folder of the file, as every package of
// mailallow would have, and none above it: a path with a mistake in it is most often one that leads nowhere. Both have the modes
// of a package whatever the umask is, because mailallow-fetch.service reads the file as a user that owns nothing.
func write(path, text string) error {
	const folderMode, umask = 0o755, 0o022
	defer syscall.Umask(syscall.Umask(umask))
	if err := os.Mkdir(filepath.Dir(path), folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: its folder cannot be made: %w", path, exit.Reason(err))
	}
	err := outfile.Create(path, []byte(text))
	if errors.Is(err, fs.ErrExist) {
		return fault.Hint(path, "'mailallow init' without --write shows what it would have written", "it is there already, and nothing was written")
	}
	if err != nil {
		return fmt.Errorf("%s: it cannot be written: %w", path, exit.Reason(err))
	}
	return nil
}

// mailServers are the mail servers of a host, found by the files that they read.
type mailServers struct {
	access     string // the access file that Sendmail reads; empty: there is no Sendmail
	postfix    string // the folder of its main.cf; empty: there is no Postfix
	postscreen bool   // it is before smtpd
}

func findMailServers(root string) (found mailServers) {
	exists := func(path string) bool {
		_, err := os.Stat(root + path)
		return err == nil
	}
	const cf, access = "/etc/mail/sendmail.cf", "/etc/mail/access"
	if exists(cf) || exists(access) {
		found.access = access
	}
	if read, err := servers.Sendmail(root+cf, ""); err == nil && read.AccessPath != "" {
		found.access = read.AccessPath
	}
	if found.postfix = servers.PostfixFolder(root); found.postfix == "" {
		return found
	}
	services, _ := bounded.File(root+found.postfix+"/master.cf", servers.MaxSettings) // without it there is smtpd
	for line := range strings.Lines(string(services)) {
		// master(5): service, type, five columns that do not matter here, command
		if f := strings.Fields(line); len(f) > 7 && f[0][0] != '#' && f[1] == "inet" && f[7] == "postscreen" {
			found.postscreen = true
		}
	}
	return found
}

// ownAddresses are those of this host's interfaces that other hosts can see.
func ownAddresses() []netip.Addr {
	found, _ := net.InterfaceAddrs() // without any, startingConfig leaves the source as a comment
	var own []netip.Addr
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			own = append(own, p.Addr())
		}
	}
	sort.Slice(own, func(i, j int) bool { return own[i].Less(own[j]) })
	return slices.Compact(own)
}

// start is the configuration for a host without a mail server and without addresses, which
// the package installs: what init may know is a comment in it.
//
//go:embed mailallow.toml
var start string

// startingConfig takes the comment signs off the paragraphs that are right for the host. A source with RELAY stays a comment:
// a person has to write that somebody may relay.
func startingConfig(s mailServers, own []netip.Addr) string {
	var visible []netip.Addr // for other networks
	for _, addr := range own {
		if !addr.IsPrivate() {
			visible = append(visible, addr)
		}
	}
	var paragraphs []string
	for _, p := range strings.Split(start, "\n\n") {
		begins := func(lines ...string) bool { return strings.HasPrefix(p, "# "+strings.Join(lines, "\n# ")) }
		switch {
		case begins("Neither /etc/mail nor /etc/postfix") && (s.access != "" || s.postfix != ""):
			continue
		case begins("[[source]]", `name = "own networks"`) && len(own) > 0:
			p = strings.Replace(p, `"192.0.2.25"`, quoted(own), 1)
		case begins("[[target]]", `format = "sendmail-access"`) && s.access != "":
			p = strings.Replace(uncommented(p), `"/etc/mail/access"`, fmt.Sprintf("%q", s.access), 1)
		case begins("[[target]]", `format = "postfix-cidr"`) && s.postfix != "":
			p = uncommented(p)
		case begins("[[target]]", `format = "postscreen-cidr"`) && s.postscreen:
			p = uncommented(p)
		case begins("[dnsbl]") && len(visible) > 0:
			p = strings.Replace(p, `"192.0.2.25"`, quoted(visible), 1)
		}
		paragraphs = append(paragraphs, p)
	}
	text := strings.Join(paragraphs, "\n\n")
	if s.postfix != "" {
		text = strings.ReplaceAll(text, "/etc/postfix/", s.postfix+"/")
	}
	return text
}

func uncommented(paragraph string) string {
	return strings.ReplaceAll(strings.TrimPrefix(paragraph, "# "), "\n# ", "\n")
}

// quoted gives addresses as the items of a list.
func quoted(addrs []netip.Addr) string {
	items := make([]string, len(addrs))
	for i, a := range addrs {
		items[i] = fmt.Sprintf("%q", a)
	}
	return strings.Join(items, ", ")
}

// Actions explains each action in a line, behind a line that introduces them.
func Actions() string {
	_, text, _ := strings.Cut(start, "\n#\n")
	text, _, _ = strings.Cut(text, "\n#\n")
	return uncommented(text)
}
