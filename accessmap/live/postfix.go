package live

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"sync"

	"mailallow/accessmap/postfix"
	"mailallow/accessmap/program"
	"mailallow/allowlist/bounded"
)

// Resolver asks the DNS for Postfix. No records are no error.
type Resolver interface {
	A(ctx context.Context, name string) ([]netip.Addr, error)
	TXT(ctx context.Context, name string) ([]string, error)
}

// maxPatterns bounds a file of networks, in bytes.
const maxPatterns = 1 << 20

// PostfixAnswers gives what postscreen and smtpd ask about a client: from tables through postmap, from the DNS through the
// resolver. It asks each question once.
type PostfixAnswers struct {
	Resolver
	postmap string
	mu      sync.Mutex
	known   map[string]map[string]string // values by table and keys
	broken  map[string]error             // by table: it cannot be read, and postmap takes a second to say so
}

// NewPostfixAnswers finds postmap.
func NewPostfixAnswers(r Resolver) (*PostfixAnswers, error) {
	postmap, err := findPostmap()
	if err != nil {
		return nil, err
	}
	return &PostfixAnswers{Resolver: r, postmap: postmap, known: map[string]map[string]string{}, broken: map[string]error{}}, nil
}

func findPostmap() (string, error) {
	path, err := postfix.Find("postmap")
	if err != nil {
		return "", errors.New("no postmap in PATH or the usual places: Postfix is not installed here")
	}
	return path, nil
}

// Lookup asks a table for keys in their order and gives the first that it has.
func (p *PostfixAnswers) Lookup(ctx context.Context, table string, keys []string) (key, value string, err error) {
	question := table + "\n" + strings.Join(keys, "\n")
	p.mu.Lock()
	defer p.mu.Unlock()
	values, asked := p.known[question]
	if err = p.broken[table]; !asked && err == nil {
		values, err = queryTable(ctx, p.postmap, table, keys)
		p.known[question], p.broken[table] = values, err
	}
	for _, key := range keys {
		if value, ok := values[key]; ok {
			return key, value, err
		}
	}
	return "", "", err
}

// Patterns reads a file of networks.
func (p *PostfixAnswers) Patterns(_ context.Context, path string) ([]byte, error) {
	return bounded.File(path, maxPatterns)
}

// queryTable has Postfix's own matcher read a table on disk, and gives the values of the keys that it has. A running daemon may
// still have the table of its start or last reload (docs/facts.md 11).
func queryTable(ctx context.Context, postmap, table string, keys []string) (map[string]string, error) {
	out, err := program.Program{Argv: []string{postmap, "-q", "-", table}, Stdin: strings.NewReader(strings.Join(keys, "\n") + "\n"),
		Limit: postfix.TimeLimit, MaxOutput: maxQuery*len(keys) + program.MaxMessages}.Run(ctx)
	var exit *exec.ExitError
	// Status 1 without a fatal error means that no key matches; warnings are about lines that are skipped.
	if failed := (*program.Error)(nil); errors.As(err, &failed) && !strings.Contains(failed.Said, "fatal:") && errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		values[key] = value
	}
	return values, nil
}
