package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"mailallow/allowlist/bounded"
	"mailallow/cmd/mailallow/internal/exit"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// The configuration file as it is written: strings are strings still, and what
// is not there is the zero value. settings.go turns it into what a run uses.
type fileConfig struct {
	StateDir    string         `toml:"state_dir"`
	Action      string         `toml:"action"`
	MetricsFile string         `toml:"metrics_file"`
	DNS         dnsConfig      `toml:"dns"`
	Source      []sourceConfig `toml:"source"`
	Target      []targetConfig `toml:"target"`
	Guard       guardConfig    `toml:"guard"`
	DNSBL       dnsblConfig    `toml:"dnsbl"`
}

type dnsConfig struct {
	Resolvers   []string `toml:"resolvers"`
	Timeout     string   `toml:"timeout"`
	Attempts    *int     `toml:"attempts"`
	Concurrency *int     `toml:"concurrency"`
	RequireAD   bool     `toml:"require_ad"`
	Deadline    string   `toml:"deadline"`
	MaxLookups  *int     `toml:"max_lookups"`
	MaxDepth    *int     `toml:"max_depth"`
	MaxRecord   *int     `toml:"max_record_bytes"`
}

// limitsConfig stands in [guard] and in every source.
type limitsConfig struct {
	WidestIPv4 *int   `toml:"widest_ipv4"`
	WidestIPv6 *int   `toml:"widest_ipv6"`
	MaxShrink  string `toml:"max_shrink"`
	MaxGrow    string `toml:"max_grow"`
	MaxAge     string `toml:"max_age"`
}

type guardConfig struct {
	limitsConfig
	Expire       string `toml:"expire"`
	AllowSpecial bool   `toml:"allow_special"`
}

type sourceConfig struct {
	Name     string   `toml:"name"`
	Action   string   `toml:"action"`
	SPF      []string `toml:"spf"`
	Provider string   `toml:"provider"`
	URL      string   `toml:"url"`
	Select   string   `toml:"select"`
	Insecure bool     `toml:"insecure"`
	File     string   `toml:"file"`
	CIDR     []string `toml:"cidr"`
	limitsConfig
}

type targetConfig struct {
	Format     string   `toml:"format"`
	Path       string   `toml:"path"`
	Mode       string   `toml:"mode"`
	Map        string   `toml:"map"`
	Makemap    string   `toml:"makemap"`
	SendmailCF string   `toml:"sendmail_cf"`
	Families   []string `toml:"families"`
	MaxKeys    *int     `toml:"max_keys"`
	Only       []string `toml:"only"`
	OnChange   []string `toml:"on_change"`
}

type dnsblConfig struct {
	Addresses []string `toml:"addresses"`
	Hosts     []string `toml:"hosts"`
	Zones     []string `toml:"zones"`
	KeyFile   string   `toml:"key_file"`
	Notify    []string `toml:"notify"`
}

const (
	// maxConfigBytes bounds a configuration: inline lists included, none is near it.
	maxConfigBytes = 4 << 20
	// maxConfigKeys bounds the keys of a configuration, by its equals signs: to look for a key that is there twice, go-toml
	// goes through all before it.
	maxConfigKeys = 10_000
	// maxUnknownKeys bounds how many unknown keys are told of: with more, the file is no configuration.
	maxUnknownKeys = 50
)

// configFile is a configuration with the lines its parts stand on.
type configFile struct {
	path     string
	absent   bool // there is none at path, and none is needed
	text     fileConfig
	lines    map[string]int // "source[2].cidr[1]" -> 31
	problems []lineError    // everything wrong with it

	known map[string][]string // keys of the tables looked at, by path
}

// lineError is what is wrong on a line; line 0 is the file as a whole.
type lineError struct {
	path string
	line int
	err  error
}

func (e lineError) Error() string {
	if e.line == 0 {
		return fmt.Sprintf("%s: %v", e.path, e.err)
	}
	return fmt.Sprintf("%s:%d: %v", e.path, e.line, e.err)
}

// readConfig reads and decodes the file at path. What is wrong with its keys is
// in problems; the error is for a file that cannot be read as TOML at all.
func readConfig(path string) (*configFile, error) {
	text, err := bounded.Stream(path, maxConfigBytes)
	if err != nil {
		return nil, err
	}
	return decodeConfig(path, text)
}

func decodeConfig(path string, text []byte) (*configFile, error) {
	if bytes.Count(text, []byte("=")) > maxConfigKeys {
		return nil, lineError{path: path, err: fmt.Errorf("more than %d keys: this is no configuration of mailallow", maxConfigKeys)}
	}
	c := &configFile{path: path, lines: map[string]int{}, known: map[string][]string{}}
	dec := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	err := dec.Decode(&c.text)
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		for i, e := range unknown.Errors {
			if i == maxUnknownKeys {
				more := fmt.Errorf("and %d unknown keys more", len(unknown.Errors)-i)
				c.problems = append(c.problems, lineError{path: path, err: more})
				break
			}
			line, _ := e.Position()
			c.problems = append(c.problems, lineError{path, line, unknownKey(e.Key())})
		}
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		return nil, lineError{path, line, wrongValue(wrong)}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.indexLines(text)
	var generic map[string]any
	if err := toml.Unmarshal(text, &generic); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.exactKeys("", nil, generic)
	return c, nil
}

// unknownKey names the key and the known one that is nearest to it.
func unknownKey(key []string) error {
	table, name := key[:len(key)-1], key[len(key)-1]
	where := ""
	if len(table) > 0 {
		where = " in [" + strings.Join(table, ".") + "]"
	}
	known := knownKeys(reflect.TypeFor[fileConfig](), table)
	return fmt.Errorf("unknown key %q%s%s", name, where, exit.DidYouMean(name, known))
}

// wrongValue says what is wanted where a value is of another type than its key
// takes; text that is no TOML at all is in the library's words.
func wrongValue(e *toml.DecodeError) error {
	key := e.Key()
	t := reflect.TypeFor[fileConfig]()
	for _, name := range key {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			break
		}
		for _, f := range reflect.VisibleFields(t) {
			if f.Tag.Get("toml") == name {
				t = f.Type
				break
			}
		}
	}
	wanted := map[string]string{
		"string": `text in quotes`, "bool": "true or false", "*int": "a whole number", "[]string": `a list like ["one", "two"]`,
	}[t.String()]
	if wanted == "" || len(key) == 0 {
		return errors.New(strings.TrimPrefix(e.Error(), "toml: "))
	}
	return fmt.Errorf("%s wants %s", strings.Join(key, "."), wanted)
}

// knownKeys are the keys of the struct that a table decodes into.
func knownKeys(t reflect.Type, table []string) []string {
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("toml")
		if tag == "" {
			continue
		}
		if len(table) > 0 && tag == table[0] {
			return knownKeys(f.Type, table[1:])
		}
		keys = append(keys, tag)
	}
	if len(table) > 0 {
		return nil
	}
	return keys
}

// indexLines notes on which line every key and every item of a list stands. The
// text has been decoded already, so it parses.
func (c *configFile) indexLines(text []byte) {
	var p unstable.Parser
	p.Reset(text)
	lines := lineStarts(text)
	table, count := "", map[string]int{}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.ArrayTable:
			name, line := lines.key(e)
			table = fmt.Sprintf("%s[%d]", name, count[name])
			count[name]++
			c.lines[table] = line
		case unstable.Table:
			name, line := lines.key(e)
			table = name
			c.lines[table] = line
		case unstable.KeyValue:
			name, line := lines.key(e)
			if table != "" {
				name = table + "." + name
			}
			c.lines[name] = line
			if value := e.Value(); value.Kind == unstable.Array {
				for i, items := 0, value.Children(); items.Next(); i++ {
					item := items.Node()
					if item.Raw.Length > 0 {
						line = lines.of(item.Raw)
					}
					c.lines[fmt.Sprintf("%s[%d]", name, i)] = line
				}
			}
		}
	}
}

// exactKeys notes every key of a table, wherever and however it is written, that
// differs from a known one in letter case alone: the decoder would take it, and a
// second spelling could override the first.
func (c *configFile) exactKeys(place string, path []string, table map[string]any) {
	known, again := c.known[strings.Join(path, ".")]
	if !again { // every source has the same
		known = knownKeys(reflect.TypeFor[fileConfig](), path)
		c.known[strings.Join(path, ".")] = known
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		at := strings.TrimPrefix(place+"."+name, ".")
		below := append(slices.Clone(path), name)
		if !slices.Contains(known, name) {
			if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
				c.problem(at, "%w", unknownKey(below))
			}
			continue // what is not known at all has been told of
		}
		switch value := table[name].(type) {
		case map[string]any:
			c.exactKeys(at, below, value)
		case []any:
			for i, item := range value {
				if item, ok := item.(map[string]any); ok {
					c.exactKeys(fmt.Sprintf("%s[%d]", at, i), below, item)
				}
			}
		}
	}
}

// starts are where the lines of a text begin. The parser would count from the
// beginning for each item: a list of a million took minutes.
type starts []int

func lineStarts(text []byte) starts {
	all := starts{0}
	for i, c := range text {
		if c == '\n' {
			all = append(all, i+1)
		}
	}
	return all
}

func (s starts) of(r unstable.Range) int {
	line, isStart := slices.BinarySearch(s, int(r.Offset))
	if isStart {
		line++
	}
	return line
}

func (s starts) key(e *unstable.Node) (name string, line int) {
	var parts []string
	for keys := e.Key(); keys.Next(); {
		parts = append(parts, string(keys.Node().Data))
		if line == 0 {
			line = s.of(keys.Node().Raw)
		}
	}
	return strings.Join(parts, "."), line
}

// problem notes what is wrong at a place of the file.
func (c *configFile) problem(place, format string, args ...any) {
	c.problems = append(c.problems, lineError{c.path, c.lineOf(place), fmt.Errorf(format, args...)})
}

// lineOf is the line of a place; one that is not written stands on that of the
// table it belongs to.
func (c *configFile) lineOf(place string) int {
	for {
		if line := cmp.Or(c.lines[place], c.lines[place+"[0]"]); line > 0 {
			return line
		}
		dot := strings.LastIndexByte(place, '.')
		if dot < 0 {
			return 0
		}
		place = place[:dot]
	}
}

// err is everything that is wrong, in the order of the file.
func (c *configFile) err() error {
	slices.SortStableFunc(c.problems, func(a, b lineError) int { return a.line - b.line })
	var all []error
	for _, p := range c.problems {
		all = append(all, p)
	}
	return errors.Join(all...)
}
