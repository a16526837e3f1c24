package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sort"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
)

const (
	memoryVersion = 1
	// maxPastNetworks bounds the networks that came and went in the past states of one source: a month of a list of 4,000
	// that is another every day. A source that is past one of these bounds loses every other state: the oldest one, which
	// shows how far the list has crept, stays. With twice as many, update needed 300 MiB for a hostile source.
	maxPastNetworks = 250_000
	// maxPast bounds the past states of one source: a year of one a day.
	maxPast = 400
	// maxCompared bounds the networks of all these states together. The guard goes through them when the source changes, in
	// about three seconds.
	maxCompared = 10_000_000
	// maxMemorySource bounds the bytes of one source. Its oldest state may be a whole list of two million networks, the most
	// that a source can have, whatever maxPastNetworks says: an IPv6 network takes 46 bytes.
	maxMemorySource = 96 << 20
)

// MaxMemoryBytes bounds the file of a memory of so many sources. No source takes room from another.
func MaxMemoryBytes(sources int) int64 { return int64(max(1, sources)) * maxMemorySource }

// Memory holds the states of all sources that were in force before their last good ones, for the guard.
type Memory struct{ sources []remembered }

// remembered is one source in the file of a memory.
type remembered struct {
	Name       string      `json:"name"`
	Definition string      `json:"definition"`
	Since      time.Time   `json:"since"`
	Lost       time.Time   `json:"lost,omitzero"`
	ClockWrong bool        `json:"clock_wrong,omitzero"`
	Past       []pastState `json:"past"`

	past []Past // Past, decoded
}

type pastState struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Came networks  `json:"came,omitzero"`
	Gone networks  `json:"gone,omitzero"`
}

// networks is a list in the file. It is packed as soon as it is read, because a netip.Prefix takes 32 bytes.
type networks struct {
	prefixes.List
	wrong error // in what was read
}

func (n networks) IsZero() bool { return n.Len() == 0 }

func (n networks) MarshalJSON() ([]byte, error) {
	text := make([]byte, 0, n.Len()*len(`"74.125.128.0/24",`))
	for p := range n.All() {
		text = append(p.AppendTo(append(text, ',', '"')), '"')
	}
	return append(append([]byte("["), bytes.TrimPrefix(text, []byte(","))...), ']'), nil
}

func (n *networks) UnmarshalJSON(text []byte) error {
	var all []netip.Prefix
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	n.List, n.wrong = listOf(all)
	return nil
}

// DecodeMemory reads a memory that Encode wrote. The error says that the text is damaged or of a newer version: then nothing
// of it is used.
func DecodeMemory(text []byte) (*Memory, error) {
	var file struct {
		Version int          `json:"version"`
		Sources []remembered `json:"sources"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(&file)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("more text after its end")
		}
	}
	if err != nil {
		json.Unmarshal(text, &struct { // a newer version may have other members
			Version *int `json:"version"`
		}{&file.Version})
	}
	if file.Version > memoryVersion || err == nil && file.Version != memoryVersion {
		return nil, fmt.Errorf("version %d, and this mailallow reads version %d", file.Version, memoryVersion)
	}
	if err != nil {
		return nil, fault.JSON(err)
	}
	m := &Memory{file.Sources}
	seen := map[string]bool{}
	for i, s := range m.sources {
		past, err := s.decode()
		if m.sources[i].past = past; err == nil && seen[s.Name] {
			err = errors.New("it is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", s.Name, err)
		}
		seen[s.Name] = true
	}
	return m, nil
}

// Encode gives the memory as JSON, a state to a line, the sources by name.
func (m *Memory) Encode() []byte {
	sort.Slice(m.sources, func(i, j int) bool { return m.sources[i].Name < m.sources[j].Name })
	var size counter
	m.encode(&size)
	text := bytes.NewBuffer(make([]byte, 0, size)) // it never grows, so there is no second copy
	m.encode(text)
	return text.Bytes()
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (m *Memory) encode(w io.Writer) {
	fmt.Fprintf(w, "{\"version\": %d, \"sources\": [", memoryVersion)
	for i, s := range m.sources {
		past := s.Past
		s.Past = []pastState{}
		fmt.Fprintf(w, "%s\n %s", separator(i), bytes.TrimSuffix(encoded(s), []byte("]}")))
		for j, p := range past {
			fmt.Fprintf(w, "%s\n  %s", separator(j), encoded(p))
		}
		io.WriteString(w, "]}")
	}
	io.WriteString(w, "]}\n")
}

// separator goes before item i of a list.
func separator(i int) string {
	if i > 0 {
		return ","
	}
	return ""
}

func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("guard: a state has no JSON form: " + err.Error()) // names, times and networks have one
	}
	return text
}

// decode gives the past states.
func (s remembered) decode() (past []Past, err error) {
	before := time.Time{}
	for _, p := range s.Past {
		if p.From.Before(before) || p.To.Before(p.From) || s.Since.Before(p.To) {
			return nil, fmt.Errorf("the state of %s is not in the order of time", p.From.Format(time.RFC3339))
		}
		before = p.To
		if err := errors.Join(p.Came.wrong, p.Gone.wrong); err != nil {
			return nil, err
		}
		past = append(past, Past{From: p.From, To: p.To, Came: p.Came.List, Gone: p.Gone.List})
	}
	return past, nil
}

func listOf(networks []netip.Prefix) (l prefixes.List, err error) {
	for _, p := range networks {
		if !p.IsValid() || p != p.Masked() {
			return l, fmt.Errorf("%s is no network", p)
		}
		l.Add(p, 0)
	}
	return l.Sorted().Fewest(), nil
}

func networksOf(l prefixes.List) []netip.Prefix {
	networks := make([]netip.Prefix, 0, l.Len())
	for p := range l.All() {
		networks = append(networks, p)
	}
	return networks
}

// Earlier gives the states that the guard compares a source with in a run at now. last is its last good state, nil for none.
// A nil memory, and one that does not know the source, has lost the states before it.
func (m *Memory) Earlier(last *allowlist.Resolved, now time.Time) Earlier {
	if last == nil {
		return Earlier{}
	}
	if m != nil {
		for _, s := range m.sources {
			if s.Name != last.Name || s.Definition != last.Definition {
				continue
			}
			return Earlier{Last: last, Since: s.Since, Past: s.past, Lost: s.Lost, ClockWrong: s.ClockWrong}.at(now)
		}
	}
	now = now.UTC().Truncate(time.Second)
	return Earlier{Last: last, Since: now, Lost: now}
}

// Remember puts the states of a source into the memory, under the name of its last good state.
func (m *Memory) Remember(e Earlier) {
	s := remembered{Name: e.Last.Name, Definition: e.Last.Definition, Since: e.Since, Lost: e.Lost, ClockWrong: e.ClockWrong, Past: []pastState{}}
	for _, p := range thinned(e.Past) {
		s.Past = append(s.Past, pastState{p.From, p.To, networks{List: p.Came}, networks{List: p.Gone}})
	}
	m.sources = append(m.sources, s)
}

// Newest gives the newest time in the memory; zero for none.
func (m *Memory) Newest() (newest time.Time) {
	if m != nil {
		for _, s := range m.sources {
			newest = latest(newest, s.Since) // every past state ended before
		}
	}
	return newest
}

// thinned leaves out every other state until the rest is within the bounds. The oldest one stays.
func thinned(past []Past) []Past {
	tooLarge := func() bool {
		written, state, compared := 0, 0, 0
		for _, p := range past {
			written += p.Came.Len() + p.Gone.Len()
			state += p.Came.Len() - p.Gone.Len()
			compared += max(0, state)
		}
		return len(past) > maxPast || written > maxPastNetworks || compared > maxCompared
	}
	for len(past) > 1 && tooLarge() {
		past = kept(past, func(i int, _ Past) bool { return i%2 == 0 })
	}
	return past
}
