package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

// errOwnSwapped says that the map was swapped while makemap opened it: it ended with EX_CANTCREAT.
var errOwnSwapped = errors.New("makemap has met the swap, and written nothing")

// ownMakemap runs makemap as an administrator does: in place on the live map, as in Sendmail's documentation and Debian's
// Makefile, or beside it with a rename.
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

// mapOf reports whether the map is that of the text, and whether the state directory records it as in step.
func (r *rig) mapOf(text string) (is, recorded bool) {
	r.t.Helper()
	err := (makemap.Program{Path: r.makemap}).Verify(r.t.Context(), "hash", r.path+".db", makemap.ReadText([]byte(text)))
	return err == nil, readRecords(r.state).inStep(Job{Path: r.path, MapType: "hash", New: []byte(text)})
}

// An administrator's makemap writes another map right after the swap, or while a run dumps the map: the run does not record
// the map as in step, and the next one repairs it.
func TestOwnMakemapMeanwhile(t *testing.T) {
	const text, other = "a OK\nb OK\n", "a RELAY\nb NO\n"
	for _, inPlace := range []bool{true, false} {
		t.Run(fmt.Sprintf("after the swap, in place %v", inPlace), func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			in := Lock{exchange: func(temp, live string) error {
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
		t.Run(fmt.Sprintf("while it is dumped, in place %v", inPlace), func(t *testing.T) {
			r := newRig(t)
			r.install(r.job(text))
			if err := os.Remove(r.state + "/" + state.MapsFile); err != nil {
				t.Fatal(err)
			}
			job := r.job(text)
			job.Makemap = t.TempDir() + "/makemap"
			script := "#!/bin/sh\n%[1]s \"$@\"; code=$?\n[ \"$3\" != -u ] || { printf '%[2]s' | %[1]s -C /dev/null hash %[3]s%[4]s && { [ -z '%[4]s' ] || mv %[3]s-own.db %[3]s.db; }; }\nexit $code\n"
			suffix := map[bool]string{true: "", false: "-own"}[inPlace]
			fixtures.Write(t, job.Makemap, fmt.Sprintf(script, r.makemap, strings.ReplaceAll(other, "\n", `\n`), r.path, suffix), 0o755)
			r.install(job)
			if is, recorded := r.mapOf(text); is || recorded {
				t.Errorf("the map is that of the text: %v; recorded as such: %v", is, recorded)
			}
			r.install(r.job(text))
			r.holds(text)
		})
	}
}

// Updates and an administrator's makemap run at the same time. Either may have made the map, but a map that is recorded as
// in step is, and the next update repairs any other.
func TestSoakOwnMakemap(t *testing.T) {
	random := fixtures.Random(t)
	r := newRig(t)
	texts := []string{"a OK\n", "a NO\n"}
	for i := range texts {
		texts[i] += strings.Repeat(fmt.Sprintf("# list %d\n", i), 100)
	}
	r.install(r.job(texts[0]))
	rounds, foreign, recordedMaps, met := fixtures.Rounds(5, 100), 0, 0, 0
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
			foreign++
		}
		if recorded {
			recordedMaps++
		}
		r.patiently(r.job(text))
		r.holds(text)
	}
	t.Logf("%d updates beside another makemap: %d times the map was that of the other makemap afterwards, %d times the map was recorded, %d times the other makemap met the swap; the next update repaired every map",
		rounds, foreign, recordedMaps, met)
}

// A map whose time happens to be a whole second is recorded like any other: where the clock of the kernel steps by exact
// milliseconds, one in 250 is. A file system that keeps whole seconds alone takes no other time.
func TestMapOfWholeSecond(t *testing.T) {
	r := newRig(t)
	job := r.job("a OK\n")
	job.Makemap = filepath.Join(t.TempDir(), "makemap")
	script := "#!/bin/sh\n%s \"$@\" || exit\n[ \"$3\" != hash ] || { sleep 1; touch -d @\"$(date +%%s)\" \"$4.db\"; }\n"
	fixtures.Write(t, job.Makemap, fmt.Sprintf(script, r.makemap), 0o755)
	r.install(job)
	if is, recorded := r.mapOf("a OK\n"); !is || !recorded {
		t.Errorf("the map is that of the text: %v, recorded: %v", is, recorded)
	}
}
