package lint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
)

// sendmailChecks are the checks of a rule on a sendmail.cf, by what they look at. The kinds run in this order.
type sendmailChecks struct {
	cf   func(*namedMap) []Finding // what it says
	file func(*namedMap) []Finding // the file of the map, if it names the one of this text; it is looked at, not opened
}

// namedMap is what a sendmail.cf makes of the map of an access file.
type namedMap struct {
	*sendmail.CF
	textPath string
	mapType  string
	path     string // of the map; empty: this sendmail.cf reads none that makemap makes of the text
}

// Sendmail says what keeps the access file at textPath from taking effect. mapType is the type its map is made
// as; empty, MapAuto: as sendmail.cf says. Files and directories on the map's path are looked at, not opened.
func Sendmail(cf *sendmail.CF, textPath, mapType string) (findings []Finding) {
	if mapType == "" || mapType == makemap.Auto {
		mapType = cf.AccessClass
	}
	m := &namedMap{CF: cf, textPath: textPath, mapType: mapType}
	if cf.HasAccessMap() && cf.Names(textPath) {
		m.path, _ = makemap.UsualFile(mapType, textPath) // otherMap tells of types that it does not know
	}
	l := newLinter()
	for _, r := range l.rules {
		if r.sendmail.cf != nil {
			l.report(r, r.sendmail.cf(m)...)
		}
	}
	for _, r := range l.rules {
		if r.sendmail.file != nil && m.path != "" {
			l.report(r, r.sendmail.file(m)...)
		}
	}
	for i := range l.findings {
		l.findings[i].File = cf.Path
	}
	return l.findings
}

// rebuild ends what is to be changed in sendmail.mc.
const rebuild = " in sendmail.mc, make sendmail.cf anew and restart Sendmail"

func noAccessMap(m *namedMap) []Finding {
	if m.HasAccessMap() {
		return nil
	}
	return []Finding{{Text: "there is no access map (no Kaccess line): Sendmail asks no list of yours",
		Fix: "add FEATURE(`access_db', `hash -T<TMPF> " + m.Inside(m.textPath) + "')" + rebuild}}
}

func otherMap(m *namedMap) (found []Finding) {
	switch {
	case !m.HasAccessMap():
		return nil
	case !m.Names(m.textPath):
		return []Finding{{Text: fmt.Sprintf("Sendmail reads the access map %s %s, not one made from %s", m.AccessClass, shown(m.AccessPath), m.textPath),
			Fix: "name " + shown(m.AccessPath) + " as the path of the target, or change FEATURE(`access_db')" + rebuild}}
	case m.path == "":
		return []Finding{{Text: fmt.Sprintf("Sendmail reads its access map as %s, which makemap does not make from a text", shown(m.AccessClass)),
			Fix: "change FEATURE(`access_db') to hash, btree or cdb" + rebuild}}
	}
	for _, why := range m.RefusesType(m.mapType) {
		found = append(found, Finding{Text: why.Err.Error(), Fix: why.Hint})
	}
	return found
}

func compressedIPv6(m *namedMap) []Finding {
	if m.path == "" || !m.CompressedIPv6 {
		return nil
	}
	return []Finding{{Text: "UseCompressedIPv6Addresses is on: Sendmail looks addresses up with ::, and no exact keys for a network exist then",
		Fix: "remove confUSE_COMPRESSED_IPV6_ADDRESSES" + rebuild + "; or families = [\"ipv4\"]"}}
}

func noMapFile(m *namedMap) []Finding {
	if _, err := os.Stat(m.path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	text := "the map " + m.path + " is not there: every lookup fails for the time being, and mail is answered 451"
	if slices.Contains(m.AccessFlags, "-o") {
		text = "the map " + m.path + " is not there, and -o lets Sendmail go on without it: no list of yours is asked"
	}
	return []Finding{{Text: text, Fix: "run: makemap " + m.mapType + " " + m.textPath + " < " + m.textPath}}
}

func unsafeMap(m *namedMap) (found []Finding) {
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
		found = append(found, Finding{Text: w.Err.Error(), Fix: w.Hint})
	}
	return found
}
