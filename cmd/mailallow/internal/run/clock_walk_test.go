package run

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailallow/allowlist/guard"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/terminal"
	"mailallow/fixtures"
)

// clockHost is a host whose clock may be wrong. It has one source, whose list is one network: that of its number.
type clockHost struct {
	t      *rapid.T
	dir    string
	truth  time.Time // which the clock need not show
	number byte      // of the list
	now    time.Time // that the last run went by
	wrong  bool      // the last run said that the clock is wrong
}

const walkWindow = 5 * 24 * time.Hour

func newClockHost(t *rapid.T, dir string) *clockHost {
	h := &clockHost{t: t, truth: snapshot.EmbeddedTime().AddDate(1, 0, 0)}
	var err error
	h.dir, err = os.MkdirTemp(dir, "")
	h.check(err)
	h.write("c.toml", fmt.Appendf(nil, `
state_dir = "."
guard = {max_shrink = "100%%", max_grow = "100%%", window = %q}
source = [{name = "x", file = "list", action = "OK"}]
`, walkWindow))
	return h
}

func (h *clockHost) check(err error) {
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *clockHost) write(name string, text []byte) {
	h.check(os.WriteFile(filepath.Join(h.dir, name), text, 0o600))
}

// request is the beginning of a run.
func (h *clockHost) request() *Request {
	flags := config.Flags{Path: filepath.Join(h.dir, "c.toml")}
	settings, err := config.Load(context.Background(), flags)
	h.check(err)
	r, err := New(settings, Options{Config: flags})
	h.check(err)
	return r
}

// update runs with a clock that is off.
func (h *clockHost) update(off time.Duration) {
	h.write("list", fmt.Appendf(nil, "74.125.%d.0/24\n", h.number))
	r := h.request()
	list, err := r.resolve(h.t.Context(), terminal.New(nil, nil, h.t.Output(), h.t.Output()), h.truth.Add(off))
	h.check(err)
	files, err := r.StateFiles(&Result{List: list, past: readAhead(h.dir)})
	h.check(err)
	for _, f := range files {
		var content bytes.Buffer
		h.check(f.Write(&content))
		h.write(filepath.Base(f.Path), content.Bytes())
	}
	h.now, h.wrong = list.Now, false
	for _, p := range list.Problems {
		if h.wrong = p.Kind == "clock"; !h.wrong {
			h.t.Fatalf("%s: %s", p.Kind, p.Text)
		}
	}
}

// memory gives the guard's memory, and what a run at a time makes of it.
func (h *clockHost) memory() (m *guard.Memory, at func(time.Time) guard.Earlier) {
	r := h.request()
	lastGood, _, err := r.lastGood()
	h.check(err)
	m, err = r.memory(lastGood)
	h.check(err)
	return m, func(now time.Time) guard.Earlier { return m.Earlier(&lastGood.Sources[0].Resolved, now) }
}

// remembered gives the numbers of the lists that the guard would compare with now, if the clock were right.
func (h *clockHost) remembered() (numbers []byte) {
	_, at := h.memory()
	var networks prefixes.List
	for _, past := range at(h.truth).Past {
		networks = prefixes.Join(networks.Minus(past.Gone), past.Came).Fewest()
		if p, _ := networks.At(0); h.truth.Sub(past.To) <= walkWindow {
			numbers = append(numbers, p.Addr().As4()[2])
		}
	}
	return numbers
}

// replacedList is a list that the guard has to remember.
type replacedList struct {
	number byte
	at     time.Time // in truth
	sets   int       // how often the clock was set before
}

// TestClockWalk has a clock that goes ahead, goes back or is lost, and is set right, while the list changes. Whatever it did, a
// run with the right clock is silent if the one before had it too, and with the right clock every list leaves the window.
// Where the clock is wrong in one way alone, a list is forgotten within the window only if the clock was ahead after it was
// replaced; each time that the clock is set a list can grow old by a day.
func TestClockWalk(t *testing.T) {
	const day = 24
	dir := fixtures.MemoryDir(t)
	errors := []int{2, 3 * day, 400 * day, -2, -3 * day, -90 * day, -500 * day} // hours; the last one is before the program
	rapid.Check(t, func(t *rapid.T) {
		h := newClockHost(t, dir)
		h.update(0)
		var replaced []replacedList
		errors := errors
		if wild := rapid.IntRange(0, 3).Draw(t, "wild") == 0; !wild {
			errors = []int{rapid.SampledFrom(errors).Draw(t, "error")}
		}
		off, sets, right := time.Duration(0), 0, true
		for range rapid.IntRange(1, 16).Draw(t, "runs") {
			h.truth = h.truth.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 12, day}).Draw(t, "hours")) * time.Hour)
			if rapid.IntRange(0, 2).Draw(t, "set") == 0 {
				if sets++; off != 0 && rapid.Bool().Draw(t, "right") {
					off = 0
				} else {
					off = time.Duration(rapid.SampledFrom(errors).Draw(t, "off")) * time.Hour
				}
			}
			memory, at := h.memory()
			change := rapid.Bool().Draw(t, "change")
			if change {
				h.number++
			}
			h.update(off)
			if right && off == 0 && h.wrong {
				t.Fatal("the clock is right, and was in the run before, and is said to be wrong")
			}
			right = off == 0
			inForceAtMidnight := !at(h.now).Since.After(h.now.Truncate(day * time.Hour))
			if change && (inForceAtMidnight || memory.Newest().After(h.now)) {
				replaced = append(replaced, replacedList{h.number - 1, h.truth, sets})
			}
			if off > 0 || len(errors) > 1 {
				replaced = slices.DeleteFunc(replaced, func(l replacedList) bool { return l.at.Before(h.truth) })
			}
			remembered := h.remembered() // by a run for which the clock is set, if it is not right
			for _, l := range replaced {
				age := h.truth.Sub(l.at)
				if age <= walkWindow-time.Duration(sets+1-l.sets)*day*time.Hour && !slices.Contains(remembered, l.number) {
					t.Fatalf("list %d was replaced %v ago, and %v are remembered", l.number, age, remembered)
				}
			}
		}
		for range 10 {
			h.truth = h.truth.Add(day * time.Hour)
			h.update(0)
		}
		if remembered := h.remembered(); len(remembered) > 0 || h.wrong {
			t.Fatalf("ten days later %v are remembered; clock wrong: %v", remembered, h.wrong)
		}
	})
}
