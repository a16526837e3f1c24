package lint

import (
	"context"
	"slices"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/postfix"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/servers"
)

// mainCF reads main.cf once. It is nil with an error.
func (l *check) mainCF(ctx context.Context) (*postfix.Main, error) {
	if l.main == nil && l.mainErr == nil {
		l.main, l.mainErr = servers.Postfix(ctx, l.root)
	}
	return l.main, l.mainErr
}

// reader gives the program that reads the table of type cidr at path, as main.cf names it;
// UseNone: main.cf does not. A table of mynetworks is one wherever else it is named; one of its exclusions, if nowhere else.
func (l *check) reader(ctx context.Context, path string) (use format.Use) {
	m, _ := l.mainCF(ctx) // postfix tells an error
	if m == nil {
		return format.UseNone
	}
	for _, t := range server.Tables(m) {
		if t.Path == path && (use == format.UseNone || use == format.UseExclusion || t.Use == format.UseMyNetworks) {
			use = t.Use
		}
	}
	return use
}

// otherType gives the type other than cidr as which main.cf names a file that no other program reads: lint has no rules for it.
// Empty: it does not.
func (l *check) otherType(ctx context.Context, s subject) string {
	m, _ := l.mainCF(ctx)
	if m == nil || l.as != "" || s.use != format.UseNone || s.target.Path != "" || l.readerOf(s) != nil {
		return ""
	}
	for _, u := range m.Uses(s.absolute) {
		if t := u.Item.TableType(); t != "cidr" {
			return t
		}
	}
	return ""
}

// relaying gives the options of known, and in them whether the clients of the file at path may relay: as main.cf names it, or
// as the source of a list.
func (l *check) relaying(ctx context.Context, path string) rule.Options {
	o := l.known()
	m, _ := l.mainCF(ctx)
	o.Relays = m != nil && slices.ContainsFunc(m.Uses(path), func(u postfix.Use) bool {
		return u.List == "mynetworks" && !postfix.Excludes(u.Item.Name) || u.Item.Name == "check_client_access" && m.RelaysAt(u)
	}) || slices.ContainsFunc(l.settings.Sources, func(s allowlist.Source) bool { return s.File == path && s.Action == allowlist.Relay })
	return o
}
