package dnsbl

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
)

// The state that a run keeps for the next: the verdict of each row at its last question,
// and the one that it has reported to the notify command.

const (
	stateVersion  = 1
	maxStateBytes = 16 << 20                   // of the file: more than maxStateRows need
	maxStateRows  = 20_000                     // the configured ones are 64 x 256 at most
	stateMemory   = 400 * 24 * time.Hour       // after which a row without a question is forgotten
	maxStateCodes = 64                         // of a row
	blindAfter    = 24 * time.Hour             // without an answer
	maxStateYears = 200 * 365 * time.Hour * 24 // from now, of a time
)

// verdict is the part of a row that --changes and notify compare. A row without an answer
// keeps its verdict, because a resolver that fails now and then is no delisting; after
// blindAfter its verdict is blind.
type verdict struct {
	State string   `json:"state"`           // "" before the first answer, listed, clean, blind
	Codes []string `json:"codes,omitempty"` // of a listing
}

const blind = "blind"

// differs reports whether now is a change to report. A first answer of clean is none.
func (s verdict) differs(now verdict) bool {
	first := s.State == "" && now.State == string(dnsbl.Clean)
	return !first && (s.State != now.State || !slices.Equal(s.Codes, now.Codes))
}

// text is a former verdict, for people.
func (s verdict) text() string {
	switch {
	case s.State == "":
		return "nothing known"
	case s.State == blind:
		return "without an answer for a day"
	case len(s.Codes) > 0:
		return s.State + " (" + strings.Join(s.Codes, " ") + ")"
	}
	return s.State
}

// stateRow is an address in a zone.
type stateRow struct {
	rowKey
	Seen     verdict    `json:"seen"` // by the last run
	Reported verdict    `json:"told"` // to the notify command; without one, as Seen
	Lost     *time.Time `json:"lost"` // since when there is no answer; null: there is one
	Asked    time.Time  `json:"asked"`
}

type rowKey struct {
	Address string `json:"address"`
	Zone    string `json:"zone"` // in lower case, never with a key
}

func keyOf(res dnsbl.Result) rowKey {
	return rowKey{res.Address.String(), res.Zone.Name()}
}

// memory is the file that a run keeps for the next.
type memory struct {
	Version int        `json:"version"`
	Rows    []stateRow `json:"rows"`
}

// next is the row after an answer.
func (r stateRow) next(res dnsbl.Result, now time.Time) stateRow {
	r.rowKey, r.Asked = keyOf(res), now
	switch {
	case res.State == dnsbl.Listed:
		r.Seen, r.Lost = verdict{string(dnsbl.Listed), codeTexts(res)}, nil
	case res.State == dnsbl.Clean:
		r.Seen, r.Lost = verdict{State: string(dnsbl.Clean)}, nil
	case res.NoFamily:
		r.Lost = nil
	case r.Lost == nil || r.Lost.After(now): // somebody set the clock back
		r.Lost = &now
	case now.Sub(*r.Lost) >= blindAfter:
		r.Seen = verdict{State: blind}
	}
	return r
}

// comparison is the difference between a run and the state.
type comparison struct {
	rows       map[rowKey]stateRow // the new rows, as long as notify has not run
	changed    map[rowKey]verdict  // the former verdict of rows that changed since the last run
	unreported map[rowKey]verdict  // the reported verdict of rows that have another one now
}

// compare makes the new rows, and finds the changed ones.
func (s *memory) compare(results []dnsbl.Result, now time.Time) comparison {
	c := comparison{map[rowKey]stateRow{}, map[rowKey]verdict{}, map[rowKey]verdict{}}
	before := map[rowKey]stateRow{}
	for _, row := range s.Rows {
		before[row.rowKey] = row
	}
	for _, res := range results {
		key := keyOf(res)
		last := before[key]
		next := last.next(res, now)
		c.rows[key] = next
		if last.Seen.differs(next.Seen) {
			c.changed[key] = last.Seen
		}
		if last.Reported.differs(next.Seen) {
			c.unreported[key] = last.Reported
		}
	}
	return c
}

// after gives the new state. reported: notify has succeeded, or there is none.
func (s *memory) after(c comparison, reported bool, now time.Time) *memory {
	next := &memory{Version: stateVersion}
	for _, row := range s.Rows {
		if _, asked := c.rows[row.rowKey]; !asked && now.Sub(row.Asked) < stateMemory {
			next.Rows = append(next.Rows, row)
		}
	}
	for key, row := range c.rows {
		if _, unreported := c.unreported[key]; reported || !unreported {
			row.Reported = row.Seen
		}
		next.Rows = append(next.Rows, row)
	}
	sort.Slice(next.Rows, func(i, j int) bool { return next.Rows[i].Asked.After(next.Rows[j].Asked) })
	next.Rows = next.Rows[:min(len(next.Rows), maxStateRows)]
	sort.Slice(next.Rows, func(i, j int) bool {
		a, b := &next.Rows[i], &next.Rows[j]
		return cmp.Or(strings.Compare(a.Address, b.Address), strings.Compare(a.Zone, b.Zone)) < 0
	})
	return next
}

// Standing is what is known of an address in a zone without asking.
type Standing struct {
	Address, Zone string
	State         string   // listed, clean, blind, or empty before the first answer
	Codes         []string // of a listing
	Asked         time.Time
}

// Listed reports whether the zone lists the address.
func (s Standing) Listed() bool { return s.State == string(dnsbl.Listed) }

// Remembered gives what the last runs found out, by address and zone; nothing if there was none. Rows of other addresses and
// lists than those of the configuration are of a question about somebody else, or of a list that is no longer asked.
func Remembered(settings *config.Settings) ([]Standing, error) {
	s, err := loadState(filepath.Join(settings.StateDir, state.DNSBLFile))
	if err != nil {
		return nil, err
	}
	var all []Standing
	for _, r := range s.Rows {
		if configured(settings.DNSBL, r.rowKey) {
			all = append(all, Standing{r.Address, r.Zone, r.Seen.State, r.Seen.Codes, r.Asked})
		}
	}
	return all, nil
}

// configured reports whether a run without arguments asks about a row. With hosts, whose addresses only the DNS knows, every
// address may be one of theirs; without zones, or addresses and hosts, the arguments of the runs decide.
func configured(own config.DNSBL, row rowKey) bool {
	address := len(own.Hosts) > 0 || len(own.Addresses) == 0
	for _, addr := range own.Addresses {
		address = address || addr.Unmap().String() == row.Address
	}
	zone := len(own.Zones) == 0
	for _, written := range own.Zones {
		z, err := dnsbl.ParseZone(written, "")
		zone = zone || err == nil && z.Name() == row.Zone
	}
	return address && zone
}

// loadState reads the state of the last run; an empty one if there was none.
func loadState(path string) (*memory, error) {
	text, err := bounded.File(path, maxStateBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return &memory{}, nil
	}
	var s *memory
	if err == nil {
		s, err = decodeState(text, time.Now())
	}
	if err != nil {
		return nil, fault.Hint("", "nothing was compared, reported or kept: put the file right, or move it away to begin anew",
			"the results of the last run cannot be read: %s: %w", path, exit.Reason(err))
	}
	return s, nil
}

// decodeState refuses a state that no run could have written.
func decodeState(text []byte, now time.Time) (*memory, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var s memory
	if err := dec.Decode(&s); err != nil {
		return nil, fault.JSON(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the document")
	}
	switch {
	case s.Version != stateVersion:
		return nil, fmt.Errorf("version %d is not one that this mailallow knows", s.Version)
	case len(s.Rows) > maxStateRows:
		return nil, fmt.Errorf("more than %d rows", maxStateRows)
	}
	seen := map[rowKey]bool{}
	for i, row := range s.Rows {
		if err := row.check(now); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		if seen[row.rowKey] {
			return nil, fmt.Errorf("row %d: %s in %s is there twice", i+1, row.Address, row.Zone)
		}
		seen[row.rowKey] = true
	}
	return &s, nil
}

func (r stateRow) check(now time.Time) error {
	addr, err := netip.ParseAddr(r.Address)
	switch {
	case err != nil || addr.String() != r.Address || addr.Is4In6() || addr.Zone() != "":
		return fmt.Errorf("%s is no address as mailallow writes it", config.QuotedWord(r.Address))
	case dnsbl.CheckHost(r.Zone) != nil || strings.ToLower(r.Zone) != r.Zone:
		return fmt.Errorf("%s is no zone as mailallow writes it", config.QuotedWord(r.Zone))
	case r.Asked.Sub(now).Abs() > maxStateYears, r.Lost != nil && r.Lost.Sub(now).Abs() > maxStateYears:
		return errors.New("a time is out of bounds")
	}
	return errors.Join(r.Seen.check(), r.Reported.check())
}

func (s verdict) check() error {
	known := []string{"", string(dnsbl.Listed), string(dnsbl.Clean), blind}
	if !slices.Contains(known, s.State) || len(s.Codes) > maxStateCodes || (len(s.Codes) > 0 && s.State != string(dnsbl.Listed)) {
		return fmt.Errorf("state %s with %d codes is none that mailallow writes", config.QuotedWord(s.State), len(s.Codes))
	}
	for _, code := range s.Codes {
		if addr, err := netip.ParseAddr(code); err != nil || !addr.Is4() {
			return fmt.Errorf("%s is no answer of a list", config.QuotedWord(code))
		}
	}
	return nil
}

func codeTexts(res dnsbl.Result) []string {
	codes := make([]string, len(res.Codes))
	for i, code := range res.Codes {
		codes[i] = code.String()
	}
	return codes
}
