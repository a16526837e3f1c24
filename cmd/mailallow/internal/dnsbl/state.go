package dnsbl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mailallow/accessmap/state"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The state that a run leaves for the next: the stance of each row at its last
// question, and that which the notify command knows.

// stateFile is in the state directory.
const stateFile = "dnsbl.json"

const (
	maxStateBytes = 16 << 20                   // of the file: more than maxStateRows need
	maxStateRows  = 20_000                     // the configured ones are 64 x 256 at most
	stateMemory   = 400 * 24 * time.Hour       // after which a row without a question is forgotten
	maxStateCodes = 64                         // of a row
	blindAfter    = 24 * time.Hour             // without an answer
	maxStateYears = 200 * 365 * time.Hour * 24 // from now, of a time
)

// stance is what --changes and notify compare of a row. A row without an answer keeps
// its stance, since a resolver that fails now and then is no delisting; after
// blindAfter its stance is blind.
type stance struct {
	State string   `json:"state"`           // "" before the first answer, listed, clean, blind
	Codes []string `json:"codes,omitempty"` // of a listing
}

const blind = "blind"

func (s stance) equals(o stance) bool {
	return s.State == o.State && slices.Equal(s.Codes, o.Codes)
}

// differs reports whether a change from s to now is news. A first answer of clean is
// none.
func (s stance) differs(now stance) bool {
	return !s.equals(now) && !(s.State == "" && now.State == string(dnsbl.Clean))
}

// text is a former stance, for people.
func (s stance) text() string {
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
	Address string     `json:"address"`
	Zone    string     `json:"zone"` // in lower case, never with a key
	Seen    stance     `json:"seen"` // by the last run
	Told    stance     `json:"told"` // known to the notify command; without one, as Seen
	Lost    *time.Time `json:"lost"` // since when there is no answer; null: there is one
	Asked   time.Time  `json:"asked"`
}

func (r stateRow) key() rowKey { return rowKey{r.Address, r.Zone} }

type rowKey struct{ address, zone string }

func keyOf(res dnsbl.Result) rowKey {
	return rowKey{res.Address.String(), res.Zone.Name()}
}

// memory is the file in which one run leaves for the next the last answer of each row.
type memory struct {
	Version int        `json:"version"`
	Rows    []stateRow `json:"rows"`
}

// next is the row after an answer.
func (r stateRow) next(res dnsbl.Result, now time.Time) stateRow {
	r.Address, r.Zone, r.Asked = keyOf(res).address, keyOf(res).zone, now
	switch {
	case res.State == dnsbl.Listed:
		r.Seen, r.Lost = stance{string(dnsbl.Listed), codeTexts(res)}, nil
	case res.State == dnsbl.Clean:
		r.Seen, r.Lost = stance{State: string(dnsbl.Clean)}, nil
	case res.NoFamily:
		r.Lost = nil
	case r.Lost == nil || r.Lost.After(now): // somebody set the clock back
		r.Lost = &now
	case now.Sub(*r.Lost) >= blindAfter:
		r.Seen = stance{State: blind}
	}
	return r
}

// comparison is the difference between a run and the state.
type comparison struct {
	rows    map[rowKey]stateRow // the new rows, as long as notify has not run
	changed map[rowKey]stance   // the former stance of rows that changed since the last run
	untold  map[rowKey]stance   // the stance that the notify command knows, of rows where that is not the new one
}

// compare works out the new rows.
func (s *memory) compare(results []dnsbl.Result, now time.Time) comparison {
	c := comparison{map[rowKey]stateRow{}, map[rowKey]stance{}, map[rowKey]stance{}}
	before := map[rowKey]stateRow{}
	for _, row := range s.Rows {
		before[row.key()] = row
	}
	for _, res := range results {
		key := keyOf(res)
		was := before[key]
		is := was.next(res, now)
		c.rows[key] = is
		if was.Seen.differs(is.Seen) {
			c.changed[key] = was.Seen
		}
		if was.Told.differs(is.Seen) {
			c.untold[key] = was.Told
		}
	}
	return c
}

// after is the new state. told: the notify command knows it, or there is none.
func (s *memory) after(c comparison, told bool, now time.Time) *memory {
	next := &memory{Version: terminal.DocumentVersion}
	for _, row := range s.Rows {
		if _, asked := c.rows[row.key()]; !asked && now.Sub(row.Asked) < stateMemory {
			next.Rows = append(next.Rows, row)
		}
	}
	for key, row := range c.rows {
		if _, untold := c.untold[key]; told || !untold {
			row.Told = row.Seen
		}
		next.Rows = append(next.Rows, row)
	}
	slices.SortFunc(next.Rows, func(a, b stateRow) int { return b.Asked.Compare(a.Asked) })
	next.Rows = next.Rows[:min(len(next.Rows), maxStateRows)]
	slices.SortFunc(next.Rows, func(a, b stateRow) int {
		if c := strings.Compare(a.Address, b.Address); c != 0 {
			return c
		}
		return strings.Compare(a.Zone, b.Zone)
	})
	return next
}

// loadState reads the state of the last run; an empty one if there was none.
func loadState(kept *state.File) (*memory, error) {
	text, err := kept.Read(maxStateBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return &memory{}, nil
	}
	var s *memory
	if err == nil {
		s, err = decodeState(text, time.Now())
	}
	if err != nil {
		return nil, fault.Hint("", "nothing was compared, told or kept: put the file right, or move it away to begin anew",
			"what the last run found cannot be read: %s: %w", kept.Path(), exit.Reason(err))
	}
	return s, nil
}

// decodeState refuses a state that no run could have written.
func decodeState(text []byte, now time.Time) (*memory, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var s memory
	if err := dec.Decode(&s); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("it ends too early")
		}
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the document")
	}
	switch {
	case s.Version != terminal.DocumentVersion:
		return nil, fmt.Errorf("version %d is not one that this mailallow knows", s.Version)
	case len(s.Rows) > maxStateRows:
		return nil, fmt.Errorf("more than %d rows", maxStateRows)
	}
	seen := map[rowKey]bool{}
	for i, row := range s.Rows {
		if err := row.check(now); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		if seen[row.key()] {
			return nil, fmt.Errorf("row %d: %s in %s stands there twice", i+1, row.Address, row.Zone)
		}
		seen[row.key()] = true
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
	}
	times := []time.Time{r.Asked}
	if r.Lost != nil {
		times = append(times, *r.Lost)
	}
	for _, t := range times {
		if t.Sub(now).Abs() > maxStateYears {
			return errors.New("a time out of all bounds")
		}
	}
	return errors.Join(r.Seen.check(), r.Told.check())
}

func (s stance) check() error {
	known := []string{"", string(dnsbl.Listed), string(dnsbl.Clean), blind}
	if !slices.Contains(known, s.State) || len(s.Codes) > maxStateCodes || (len(s.Codes) > 0 && s.State != string(dnsbl.Listed)) {
		return fmt.Errorf("state %s with %d codes is none", config.QuotedWord(s.State), len(s.Codes))
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
