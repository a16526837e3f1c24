package accessmap

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mailallow/fixtures"
)

// killedDir names the rig of a child process that installs until it is killed: "directory of targets:state directory".
const killedDir = "MAILALLOW_TEST_KILLED"

// SIGKILL at any instruction: text and map are each wholly old or wholly new, and the next run heals them.
func TestSIGKILL(t *testing.T) {
	texts := []string{"a OK\n" + strings.Repeat("# old\n", 1000), "a RELAY\nb OK\n" + strings.Repeat("# new\n", 1000)}
	if dirs := os.Getenv(killedDir); dirs != "" {
		dir, state, _ := strings.Cut(dirs, ":")
		r := &rig{t: t, dir: dir, state: state, path: dir + "/access", makemap: fixtures.Makemap(t)}
		for n := 0; ; n++ {
			r.install(r.job(texts[n%2]))
		}
	}
	r := newRig(t)
	r.install(r.job(texts[0]))
	m := Makemap{Program: r.makemap}
	for range 15 {
		// The first tens of milliseconds go to the start of the child.
		limit := 20*time.Millisecond + rand.N(60*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSIGKILL$")
		cmd.Env = append(os.Environ(), killedDir+"="+r.dir+":"+r.state)
		out, err := cmd.CombinedOutput()
		cancel()
		if ctx.Err() == nil || err == nil {
			t.Fatalf("the child ended by itself: %v\n%s", err, out)
		}
		text := readFile(t, r.path)
		if text != texts[0] && text != texts[1] {
			t.Fatalf("half a text: %q", text)
		}
		old, _ := ReadMapText([]byte(texts[0]))
		next, _ := ReadMapText([]byte(texts[1]))
		errOld := m.Verify(t.Context(), "hash", r.path, old)
		errNext := m.Verify(t.Context(), "hash", r.path, next)
		if errOld != nil && errNext != nil {
			t.Fatalf("half a map: %v", errors.Join(errOld, errNext))
		}
		r.install(r.job(texts[0]))
		r.holds(texts[0])
	}
}
