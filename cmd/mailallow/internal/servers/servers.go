// Package servers reads the settings of the mail servers of this host, or of the system below a root, for lint and for a run. It
// also tells of a new target which of these settings keep it from taking effect.
package servers

import (
	"context"
	"os"
	"path/filepath"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
)

// Sendmail reads a sendmail.cf. The path of its access map gets the root before it.
func Sendmail(path, root string) (*sendmail.CF, error) {
	cf, err := sendmail.ReadCF(path)
	if err != nil {
		return nil, err
	}
	if cf.Root = root; root != "" && cf.AccessPath != "" {
		cf.AccessPath = filepath.Join(root, cf.AccessPath)
	}
	return &cf, nil
}

// postfixFolders are where packages put main.cf: those of Linux and OpenBSD, of FreeBSD's ports, and of pkgsrc.
func postfixFolders() []string {
	return []string{"/etc/postfix", "/usr/local/etc/postfix", "/usr/pkg/etc/postfix"}
}

// PostfixFolder gives the folder below a root that has a main.cf, as it is named there. It is empty if there is none.
func PostfixFolder(root string) string {
	for _, folder := range postfixFolders() {
		if _, err := os.Stat(root + folder + "/main.cf"); err == nil {
			return folder
		}
	}
	return ""
}

// Postfix reads main.cf and master.cf. The error is postfix.ErrNone if there is no Postfix.
func Postfix(ctx context.Context, root string) (*postfix.Main, error) {
	config := ""
	if root != "" {
		folder := PostfixFolder(root)
		if folder == "" {
			return nil, postfix.ErrNone
		}
		config = filepath.Join(root, folder)
	}
	postconf, err := postfix.Find("postconf")
	if err != nil {
		return nil, err
	}
	m, err := postfix.Read(ctx, postconf, config)
	if err == nil {
		m.Below(root)
	}
	return m, err
}

// Table gives the table that mailallow writes for a target.
func Table(t plan.Target) server.Table {
	only := t.Want.Only
	return server.Table{Path: t.Path, Use: t.Format.Use, Permits: only == nil || len(only) > 1 || only[0].String() != "REJECT", Generated: true}
}

// NotRead gives the findings that keep the new target of a plan from taking effect, as far as the servers' settings can be read.
func NotRead(ctx context.Context, root string, p *plan.Plan) []rule.Finding {
	switch {
	case p.Format.Map && p.Map != makemap.None:
		if cf, err := Sendmail(p.SendmailCF, root); err == nil {
			return server.SendmailSettings(cf, p.Path, p.MapType)
		}
	case p.Format.Use != format.UseNone:
		if m, err := Postfix(ctx, root); err == nil {
			return server.PostfixTable(m, Table(p.Target))
		}
	}
	return nil
}
