package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/program"
	"mailallow/accessmap/sendmail"
)

// sendmailChecks are the checks of a rule on a sendmail.cf. The kinds run in this order.
type sendmailChecks struct {
	cf   rule.Check[*namedMap] // its settings
	file rule.Check[*namedMap] // the file of the map, if its settings name the map of the access file
}

// namedMap is an access file with the map that a sendmail.cf names for it.
type namedMap struct {
	*sendmail.CF
	textPath string
	mapType  string // that the map is built as
	path     string // of the map; empty: this sendmail.cf names no map of the access file
}

// FileOf gives the path of the map of a type that is made from a text, as makemap.Program.File does, or makemap.UsualFile where there
// is no makemap to ask.
type FileOf func(mapType, textPath string) (string, error)

// Sendmail gives the findings that keep the access file at textPath from taking effect. mapType is the type that its map is
// built as; empty or makemap.Auto: the type in sendmail.cf. It reads the owner and mode of the map and its directories, and
// opens no file.
func Sendmail(cf *sendmail.CF, textPath, mapType string, fileOf FileOf) []rule.Finding {
	return lintSendmail(cf, textPath, mapType, fileOf, true)
}

// SendmailSettings gives the same findings before there is a map: those about the settings alone.
func SendmailSettings(cf *sendmail.CF, textPath, mapType string) []rule.Finding {
	return lintSendmail(cf, textPath, mapType, makemap.UsualFile, false)
}

func lintSendmail(cf *sendmail.CF, textPath, mapType string, fileOf FileOf, isBuilt bool) []rule.Finding {
	if mapType == "" || mapType == makemap.Auto {
		mapType = cf.AccessClass
	}
	m := &namedMap{CF: cf, textPath: textPath, mapType: mapType}
	if cf.HasAccessMap() && cf.Names(textPath) {
		m.path, _ = fileOf(mapType, textPath) // otherMap reports an unknown type
	}
	l := rule.Run[sendmailChecks]{Table: sendmailRules()}
	l.Each(func(c *sendmailChecks) []rule.Finding { return c.cf.Of(m) })
	if isBuilt && m.path != "" {
		l.Each(func(c *sendmailChecks) []rule.Finding { return c.file.Of(m) })
	}
	for i := range l.Findings {
		l.Findings[i].File = cf.Path
	}
	return l.Findings
}

// rebuild ends the advice to change sendmail.mc.
const rebuild = " in sendmail.mc, build sendmail.cf again and restart Sendmail"

func noAccessMap(m *namedMap) []rule.Finding {
	if m.HasAccessMap() {
		return nil
	}
	return []rule.Finding{{Text: "there is no access map (no Kaccess line): Sendmail looks no client up in your list",
		Fix: "add FEATURE(`access_db', `hash -T<TMPF> " + m.Inside(m.textPath) + "')" + rebuild}}
}

func otherMap(m *namedMap) (found []rule.Finding) {
	switch {
	case !m.HasAccessMap():
		return nil
	case m.AccessPath == "" || m.Names(m.textPath) && m.path == "":
		return []rule.Finding{{Text: fmt.Sprintf("Sendmail reads its access map as %s, which the makemap of this host does not make from a text", rule.Shown(m.AccessClass)),
			Fix: "change FEATURE(`access_db') to a type that makemap -l lists, as hash" + rebuild}}
	case !m.Names(m.textPath):
		return []rule.Finding{{Text: fmt.Sprintf("Sendmail reads the access map %s %s, not one made from %s", m.AccessClass, rule.Shown(m.AccessPath), m.textPath),
			Fix: "name " + rule.Shown(m.AccessPath) + " as the path of the target, or change FEATURE(`access_db')" + rebuild}}
	}
	for _, why := range m.RefusesType(m.mapType) {
		found = append(found, rule.Finding{Text: why.Err.Error(), Fix: why.Hint})
	}
	return found
}

func compressedIPv6(m *namedMap) []rule.Finding {
	if m.path == "" || !m.CompressedIPv6 {
		return nil
	}
	return []rule.Finding{{Text: "UseCompressedIPv6Addresses is on: Sendmail looks addresses up with ::, so that no exact keys for a network exist",
		Fix: "remove confUSE_COMPRESSED_IPV6_ADDRESSES" + rebuild + "; or families = [\"ipv4\"]"}}
}

func noMapFile(m *namedMap) []rule.Finding {
	if _, err := os.Stat(m.path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	isOptional := slices.Contains(m.AccessFlags, "-o")
	if _, err := os.Stat(m.textPath); isOptional && errors.Is(err, fs.ErrNotExist) {
		return nil // nobody has written an access file, as on a new FreeBSD
	}
	text := "the map " + m.path + " does not exist: until it does, every lookup fails, and Sendmail answers mail with 451"
	if isOptional {
		text = "the map " + m.path + " does not exist, and -o lets Sendmail work without it: it looks no client up in your list"
	}
	textPath := program.Quoted(m.textPath)
	return []rule.Finding{{Text: text, Fix: "run: makemap " + m.mapType + " " + textPath + " < " + textPath}}
}

func unsafeMap(m *namedMap) (found []rule.Finding) {
	info, err := os.Stat(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	why := m.RefusesPath(m.path)
	if err == nil {
		if refused := m.RefusesFile(m.path, info); refused != nil {
			why = append(why, refused)
		}
	}
	for _, w := range why {
		found = append(found, rule.Finding{Text: w.Err.Error(), Fix: w.Hint})
	}
	return found
}
