package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mailallow/accessmap/makemap"
	"mailallow/fixtures"
)

// errOwnSwapped is makemap's word for a map whose name leads elsewhere by the time it is open (EX_CANTCREAT).
var errOwnSwapped = errors.New("makemap has met the swap, and written nothing")

// ownMakemap is somebody's own makemap, as Sendmail's documentation and Debian's Makefile have it: on the live map, in
// place; or with more care, aside and renamed.
func ownMakemap(makemap, path string, text []byte, inPlace bool) error {
	base := path
	if !inPlace {
		base += "-own"
	}
	cmd := exec.Command(makemap, "-C", "/dev/null", "hash", base)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	switch exitCantCreate := 73; {
	case inPlace && cmd.ProcessState.ExitCode() == exitCantCreate:
		return errOwnSwapped
	case err != nil:
		return fmt.Errorf("%w: %s", err, out)
	}
	if inPlace {
		return nil
	}
	return os.Rename(base+".db", path+".db")
}

// mapOf tells whether the map is that of the text, and whether the state directory says so.
func (r *rig) mapOf(text string) (is, recorded bool) {
	r.t.Helper()
	err := (makemap.Program{Path: r.makemap}).Verify(r.t.Context(), "hash", r.path+".db", makemap.ReadText([]byte(text)))
	return err == nil, readRecords(r.state).fit("hash", r.path+".db", []byte(text))
}

// Somebody's makemap writes another map right after ours was swapped in, or while ours was looked at: the map is not taken
// for ours, and the next run puts it right.
func TestOwnMakemapMeanwhile(t *testing.T) {
	const text, other = "a OK\nb OK\n", "a RELAY\nb NO\n"
	for _, inPlace := range []bool{true, false} {
		t.Run(fmt.Sprintf("after the swap, in place %v", inPlace), func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			in := installer{exchange: func(temp, live string) error {
				err := exchange(temp, live)
				if strings.HasSuffix(live, ".db") {
					err = errors.Join(err, ownMakemap(r.makemap, r.path, []byte(other), inPlace))
				}
				return err
			}}
			report, err := in.alone(t.Context(), r.state, []Job{r.job(text)}, nil)
			if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "another program") {
				t.Errorf("%v, %+v", err, report)
			}
			if is, recorded := r.mapOf(text); is || recorded {
				t.Errorf("the map is that of the text: %v; recorded as such: %v", is, recorded)
			}
			r.install(r.job(text))
			r.holds(text)
		})
		t.Run(fmt.Sprintf("while it was looked at, in place %v", inPlace), func(t *testing.T) {
			r := newRig(t)
			r.install(r.job(text))
			if err := os.Remove(r.state + "/" + recordsFile); err != nil {
				t.Fatal(err)
			}
			job := r.job(text)
			job.Makemap = t.TempDir() + "/makemap"
			script := "#!/bin/sh\n%[1]s \"$@\"; code=$?\n[ \"$3\" != -u ] || { printf '%[2]s' | %[1]s -C /dev/null hash %[3]s%[4]s && { [ -z '%[4]s' ] || mv %[3]s-own.db %[3]s.db; }; }\nexit $code\n"
			suffix := map[bool]string{true: "", false: "-own"}[inPlace]
			if err := os.WriteFile(job.Makemap, fmt.Appendf(nil, script, r.makemap, strings.ReplaceAll(other, "\n", `\n`), r.path, suffix), 0o755); err != nil {
				t.Fatal(err)
			}
			r.install(job)
			if is, recorded := r.mapOf(text); is || recorded {
				t.Errorf("the map is that of the text: %v; recorded as such: %v", is, recorded)
			}
			r.install(r.job(text))
			r.holds(text)
		})
	}
}

// A write that leaves no trace in a file's time is not ruled out.
func TestRacy(t *testing.T) {
	at := time.Unix(1_800_000_000, 123_456_789)
	whole := time.Unix(1_800_000_000, 0)
	for _, row := range []struct {
		modified, now time.Time
		want          bool
	}{
		{at, at, true},
		{at, at.Add(clockTick - 1), true},
		{at, at.Add(clockTick), false},
		{at.Add(time.Hour), at, true},
		{whole, whole.Add(time.Second), true},
		{whole, whole.Add(coarseTick), false},
	} {
		if got := racy(row.modified, row.now); got != row.want {
			t.Errorf("modified %v before: %v", row.now.Sub(row.modified), got)
		}
	}
}

// Updates and somebody's own makemap at the same time: the map may be the one or the other's, but what is recorded as in
// step is, and the next update makes it so.
func TestSoakOwnMakemap(t *testing.T) {
	random := fixtures.Random(t)
	r := newRig(t)
	texts := []string{"a OK\n", "a NO\n"}
	for i := range texts {
		texts[i] += strings.Repeat(fmt.Sprintf("# list %d\n", i), 100)
	}
	r.install(r.job(texts[0]))
	rounds, theirs, known, met := fixtures.Rounds(5, 100), 0, 0, 0
	for n := range rounds {
		old, text := []byte(texts[n%2]), texts[(n+1)%2]
		done := make(chan error)
		times, wait := 1+random.IntN(3), time.Duration(random.IntN(20))*time.Millisecond
		go func() {
			time.Sleep(wait)
			var err error
			for i := range times {
				if now, readErr := os.ReadFile(r.path); readErr == nil && i > 0 {
					old = now
				}
				err = errors.Join(err, ownMakemap(r.makemap, r.path, old, (n+i)%2 == 0))
			}
			done <- err
		}()
		r.patiently(r.job(text))
		if err := <-done; errors.Is(err, errOwnSwapped) {
			met++
		} else if err != nil {
			t.Fatalf("round %d: %v", n, err)
		}
		is, recorded := r.mapOf(text)
		if recorded && !is {
			t.Errorf("round %d: recorded as in step, and it is not", n)
		}
		if !is {
			theirs++
		}
		if recorded {
			known++
		}
		r.patiently(r.job(text))
		r.holds(text)
	}
	t.Logf("%d updates with somebody's makemap at work: %d times another map was in place afterwards, %d times ours was known by its record, %d times their makemap met the swap; the next update put all right",
		rounds, theirs, known, met)
}
