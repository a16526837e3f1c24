package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
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
