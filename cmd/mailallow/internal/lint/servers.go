package lint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/lint/table"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/cmd/mailallow/internal/servers"
)

// servers checks the settings of the mail servers of this host.
func (l *check) servers(ctx context.Context) {
	sendmail, postfix := l.sendmail(ctx), l.postfix(ctx)
	if !sendmail && !postfix {
		l.t.Note("neither a sendmail.cf nor Postfix is on this host: whether a server reads the list is not known")
	}
}

// sendmail checks sendmail.cf and the access files that it reads. ok: it exists.
func (l *check) sendmail(ctx context.Context) (ok bool) {
	var targets []plan.Target
	for _, t := range l.settings.Targets {
		if t.Format.Map {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 {
		targets = append(targets, plan.Target{}) // for the access file that sendmail.cf names
	}
	shown := map[string]bool{}
	for _, t := range targets {
		path := l.sendmailCF(t)
		cf, err := servers.Sendmail(path, l.root)
		if errors.Is(err, fs.ErrNotExist) && (t.Path == "" || t.CFOptional) {
			continue
		}
		ok = true
		if err != nil {
			l.errs = append(l.errs, err)
			continue
		}
		if !shown[path] {
			shown[path] = true
			l.document.Servers = append(l.document.Servers, serverDocument{"sendmail", path, sendmailFacts(cf)})
			l.ask(ctx, path, server.SendmailZones(cf))
		}
		l.accessOf(ctx, cf, t)
	}
	return ok
}

// accessOf checks the access file of a target; of a zero one, that which sendmail.cf names.
func (l *check) accessOf(ctx context.Context, cf *sendmail.CF, t plan.Target) {
	path := t.Path
	switch {
	case t.Map == makemap.None:
		return
	case path != "":
	case l.hasPostfixTarget() && !cf.HasAccessMap():
		return // Postfix reads the list on this host
	default:
		path = cmp.Or(cf.AccessPath, filepath.Join(l.root, "/etc/mail/access"))
		if _, err := os.Stat(path); err == nil {
			l.file(ctx, path)
		}
	}
	l.ofServers = append(l.ofServers, server.Sendmail(cf, path, t.Map, fileOf(ctx, cf, t))...)
}

// fileOf asks makemap for the files of maps, if there is one that lint may start.
func fileOf(ctx context.Context, cf *sendmail.CF, t plan.Target) server.FileOf {
	return func(mapType, textPath string) (string, error) {
		own, ok := makemap.Own(t.Makemap)
		m, err := makemap.New(own, cf.Path)
		if err != nil || !ok {
			return makemap.UsualFile(mapType, textPath)
		}
		return m.File(ctx, mapType, textPath)
	}
}

func (l *check) hasPostfixTarget() bool {
	return slices.ContainsFunc(l.settings.Targets, func(t plan.Target) bool { return t.Format.Use != format.UseNone })
}

func sendmailFacts(cf *sendmail.CF) (facts []string) {
	if !cf.HasAccessMap() {
		facts = append(facts, "no access map")
	} else {
		facts = append(facts, strings.TrimRight("access map "+cf.AccessClass+" "+cf.AccessPath, " "))
		facts = append(facts, "SKIP "+map[bool]string{true: "means undecided", false: "is an error reply"}[cf.AccessSkip])
	}
	facts = append(facts, "IPv6 addresses "+map[bool]string{true: "compressed", false: "uncompressed"}[cf.CompressedIPv6])
	if cf.DelayChecks {
		facts = append(facts, "delay_checks")
	}
	if len(cf.DNSBLs) > 0 {
		facts = append(facts, "asks about IPv4 clients, unless the access map has decided: "+strings.Join(cf.Zones(), " "))
	} else {
		facts = append(facts, "asks no DNSBL")
	}
	return facts
}

// postfix checks main.cf and the tables that it names. ok: Postfix is on this host.
func (l *check) postfix(ctx context.Context) (ok bool) {
	m, err := l.mainCF(ctx)
	if errors.Is(err, postfix.ErrNone) {
		return false
	}
	if err != nil {
		l.errs = append(l.errs, err)
		return true
	}
	l.document.Servers = append(l.document.Servers, serverDocument{"postfix", filepath.Join(m.ConfigDirectory, "main.cf"), postfixFacts(m)})
	tables := l.tables(ctx, m)
	l.ofServers = append(l.ofServers, server.Postfix(m, tables, l.known())...)
	l.ofServers = append(l.ofServers, server.Inline(m, func(text []byte, use format.Use) []rule.Finding { return table.Check(text, use, l.known()) })...)
	l.patterns(ctx, server.PatternFiles(m))
	l.ask(ctx, filepath.Join(m.ConfigDirectory, "main.cf"), server.PostfixZones(m))
	return true
}

// patterns checks files of patterns in mynetworks, and those that they name.
func (l *check) patterns(ctx context.Context, files []string) {
	for i := 0; i < len(files); i++ {
		text, err := l.read(ctx, strings.TrimPrefix(files[i], "!"))
		if err != nil {
			continue
		}
		l.ofServers = append(l.ofServers, server.Patterns(files[i], text, l.known(), func(file string) bool {
			path := filepath.Join(l.root, strings.TrimPrefix(file, "!"))
			if not := "!" + path; !slices.Contains(files, path) && !slices.Contains(files, not) { // the first match decides
				if file[0] == '!' {
					files = append(files, not)
				} else {
					files = append(files, path)
				}
			}
			return !isMissing(path)
		})...)
	}
}

// tables gives the tables of the targets, then the others that main.cf names, which it
// also checks.
func (l *check) tables(ctx context.Context, m *postfix.Main) (tables []server.Table) {
	for _, t := range l.settings.Targets {
		if t.Format.Use != format.UseNone {
			table := servers.Table(t)
			table.Missing = isMissing(t.Path)
			tables = append(tables, table)
		}
	}
	for _, t := range server.Tables(m) {
		if _, isTarget := l.targetOf(t.Path); isTarget {
			continue
		}
		if t.Missing = isMissing(t.Path); t.Missing {
			tables = append(tables, t)
			continue
		}
		if !slices.ContainsFunc(tables, func(o server.Table) bool { return o.Path == t.Path }) {
			l.file(ctx, t.Path)
		}
		if text, err := l.read(ctx, t.Path); err == nil {
			t.Permits = server.PermitsAny(text)
			tables = append(tables, t)
		}
	}
	for _, file := range server.PatternFiles(m) {
		path := strings.TrimPrefix(file, "!")
		if _, isTarget := l.targetOf(path); !isTarget && isMissing(path) {
			tables = append(tables, server.Table{Path: path, Use: format.UseMyNetworks, Missing: true})
		}
	}
	return tables
}

func isMissing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func postfixFacts(m *postfix.Main) (facts []string) {
	for _, t := range server.Tables(m) {
		for _, use := range m.Uses(t.Path) {
			not := ""
			if postfix.Excludes(use.Item.Name) {
				not = "!"
			}
			fact := fmt.Sprintf("%s has %scidr:%s, as number %d", use.List, not, t.Path, use.Position+1)
			if !slices.Contains(facts, fact) {
				facts = append(facts, fact)
			}
		}
	}
	if zones := m.DNSBLZones(); len(zones) > 0 {
		facts = append(facts, "asks "+strings.Join(zones, " "))
	} else {
		facts = append(facts, "asks no DNSBL")
	}
	if m.Postscreen {
		facts = append(facts, "postscreen on port 25")
	}
	if len(m.Overrides) > 0 {
		facts = append(facts, "not checked, since they are not for port 25: "+strings.Join(m.Overrides, " "))
	}
	return facts
}
