package allowlist

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// A snapshot may come from a repository of strangers. DecodeSnapshot refuses a bad one in bounded time, with an error of
// bounded length.
func TestHostileSnapshots(t *testing.T) {
	const head = `{"version": 1, "sources": [`
	const head2 = `{"version": 2, "sources": [{"paths": [`
	source := func(name string, ranges io.Reader) io.Reader {
		return io.MultiReader(strings.NewReader(fmt.Sprintf(`%s{"name": %q, "definition": "d", "time": "2026-01-01T00:00:00Z", "ranges": [`, head, name)), ranges,
			strings.NewReader(`]}]}`))
	}
	many := func(text string, n int) io.Reader {
		return strings.NewReader(strings.TrimSuffix(strings.Repeat(text+",", n), ","))
	}
	for _, row := range []struct {
		name string
		text io.Reader
		want string
	}{
		{"brackets", strings.NewReader(strings.Repeat("[", 1<<20)), "found a [, expected a {"},
		{"objects in objects", strings.NewReader(head + strings.Repeat(`{"ranges": [`, 20_000)), `unknown field "ranges"`},
		{"steps below steps", strings.NewReader(head2 + strings.Repeat(`{"step": "x", "steps": [`, 20_000)), "a path of more than 1002 steps"},
		{"a hundred thousand mistakes", source("a", many(`{"prefix": "192.0.2.1/24", "path": ["x"]}`, 100_000)), "192.0.2.1/24 has host bits set"},
		{"a hundred thousand steps", source("a", strings.NewReader(`{"prefix": "192.0.2.0/24", "path": ["x"`+strings.Repeat(`,"x"`, 100_000)+`]}`)), "has a path of 1003 steps"},
		{"a name of a megabyte", source(strings.Repeat("a", 1<<20), many(`{"prefix": "192.0.2.1/24", "path": ["x"]}`, 100)), "has host bits set"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := DecodeSnapshot(row.text, "s.json")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("got %.300v, want %q in it", err, row.want)
			}
			if n := len(err.Error()); n > 8000 {
				t.Errorf("the message is %d bytes long", n)
			}
		})
	}
}
