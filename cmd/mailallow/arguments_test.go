package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/flags"
)

// An argument cannot forge a line of a message.
func TestArgumentsStandOnOneLine(t *testing.T) {
	const forged = "/nowhere\nmailallow: all is well"
	for _, args := range [][]string{
		{"maillog", forged}, {"lint", forged}, {"-c", forged, "update"}, {"--config=" + forged, "update"}, {"lint", "--" + forged}, {forged},
		{"render", "cidr", "-c", "/dev/null", "--snapshot", forged}, {"lint", "--as", forged},
	} {
		var stderr bytes.Buffer
		execute(t.Context(), args, strings.NewReader(""), io.Discard, &stderr)
		if strings.Contains(stderr.String(), "\nmailallow: all") || !strings.Contains(stderr.String(), `\nmailallow: all`) {
			t.Errorf("%q: %q", args, stderr.String())
		}
	}
}

// A message has the beginning of an argument that is long, as one that the shell made of a whole file.
func TestLongArgumentsAreCut(t *testing.T) {
	mail := strings.Repeat("Received: from \"mx\"\n\\\t\x1b[31m", 3000)
	for _, args := range [][]string{
		{mail}, {"explain", mail}, {"spf", mail}, {"render", mail}, {"lint", mail}, {"lint", "--as", mail}, {"maillog", mail},
		{"lint", "--" + mail}, {"providers", mail}, {"--root", mail, "init"}, {"-c", mail, "update"}, {"--config=" + mail, "update"},
		{"render", "cidr", "-c", "/dev/null", "--snapshot", mail},
	} {
		var stderr bytes.Buffer
		execute(t.Context(), args, strings.NewReader(""), io.Discard, &stderr)
		if said := stderr.String(); len(said) > 1500 || !strings.Contains(said, "Received: from") {
			t.Errorf("%.30q: %d bytes: %.300q", args, len(said), said)
		}
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A text that goes into a file says so when it does not get there, or half a page would be packed.
func TestTextsReachTheirFile(t *testing.T) {
	for _, args := range []string{"--version", "--help", "help update", "man mailallow.1", "man mailallow.toml.5", "completion bash", "init"} {
		var stderr bytes.Buffer
		code := execute(t.Context(), strings.Fields(args), strings.NewReader(""), full{}, &stderr)
		if code != exit.Usage || !strings.HasSuffix(stderr.String(), "mailallow: no space left on device\n") {
			t.Errorf("%s: exit code %d, %q", args, code, &stderr)
		}
	}
}

// Every flag has the names that the library gives it, and takes a value under each of them.
func TestFlags(t *testing.T) {
	for _, cmd := range append(allCommands(), command{flags: []cli.Flag{cli.VersionFlag}}) {
		all := append(cmd.flags, globalFlags()...)
		for _, f := range all {
			if got := flags.Names(f); !slices.Equal(got, f.Names()) {
				t.Errorf("%s: names %q, want %q", cmd.name, got, f.Names())
			}
			for _, name := range f.Names() {
				if _, err := flags.Parse(t.Context(), cmd.name, all, []string{"--" + name + "=true"}); err != nil {
					t.Errorf("%s: --%s: %v", cmd.name, name, err)
				}
			}
		}
	}
}
