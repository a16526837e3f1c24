package accessmap

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailallow/fixtures"
)

// openers are sendmail processes that do nothing but open the map, thousands of times a second: one opens it under
// hundreds of names, one after the other.
type openers struct {
	*readers
	cf, questions string

	mu          sync.Mutex
	opened, met int
}

func newOpeners(t *testing.T) *openers {
	t.Helper()
	const names = 400 // two descriptors each, below the usual 1,024
	o := &openers{readers: newReaders(t), cf: filepath.Join(t.TempDir(), "sendmail.cf")}
	cf := readFile(t, o.rules.CF())
	for n := range names {
		cf += fmt.Sprintf("Kaccess%d hash -T<TMPF> %s\n", n, o.path)
		o.questions += fmt.Sprintf("/map access%d %s\n", n, markerKey)
	}
	writeFile(t, o.cf, cf)
	return o
}

// open opens the map under all names and counts how often that has met a swap. There is no other reason not to find the key.
func (o *openers) open() {
	cmd := exec.Command(fixtures.Sendmail(o.t), "-C", o.cf, "-bt")
	cmd.Stdin = strings.NewReader(o.questions)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := o.rules.Run(cmd)
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		o.t.Error(err)
		return
	}
	opened, met := strings.Count(said.String(), " returns OK (0)"), strings.Count(said.String(), "file changed after")
	if opened+met != strings.Count(o.questions, "\n") {
		o.t.Errorf("%d maps opened, and %d have changed meanwhile: %.1000s", opened, met, &said)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened, o.met = o.opened+opened, o.met+met
}

// flips replaces the map so often, while two processes open it, and tells how many of their sessions have met a swap.
func (o *openers) flips(t *testing.T, name string, times int, flip func(*change) error) {
	o.mu.Lock()
	o.opened, o.met = 0, 0
	o.mu.Unlock()
	done := make(chan struct{})
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					o.open()
				}
			}
		})
	}
	began := time.Now()
	for range times {
		c, err := newChange(kindMap, o.path+".db")
		if err != nil {
			t.Fatal(err)
		}
		c.chooseTemp(".db")
		text, err := os.ReadFile(c.live)
		if err = errors.Join(err, os.WriteFile(c.temp, text, 0o600), c.stageMap(o.path), flip(c)); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(began)
	close(done)
	running.Wait()
	perFlip := float64(o.met) / float64(times)
	t.Logf("%-20s %4d swaps, one in %v; %5.0f sessions opened a second; %3d have met a swap, %.3f of one in each: a window of %.0f microseconds",
		name, times, (took / time.Duration(times)).Round(100*time.Microsecond), float64(o.opened+o.met)/took.Seconds(), o.met, perFlip,
		1e6*perFlip/(float64(o.opened+o.met)/took.Seconds()))
}

// How many sessions of Sendmail meet the swap, and answer 451 until they end (facts.md 6), if sessions open the map without
// a pause and it is replaced as fast as can be: in the moments that update chooses, and in any.
func TestSoakSwapWindow(t *testing.T) {
	o := newOpeners(t)
	for range fixtures.Rounds(1, 3) {
		swaps := fixtures.Rounds(10, 150)
		o.flips(t, "at any moment:", swaps, func(c *change) error {
			return errors.Join(exchange(c.temp, c.live), retire(kindMap, c.temp))
		})
		o.flips(t, "as update does it:", swaps, func(c *change) error {
			tx := transaction{changes: []*change{c}, exchange: exchange}
			return errors.Join(tx.swap(c), tx.finish())
		})
	}
	before := o.met
	if o.open(); o.met != before {
		t.Errorf("%d sessions that were begun afterwards have met a swap", o.met-before)
	}
}
