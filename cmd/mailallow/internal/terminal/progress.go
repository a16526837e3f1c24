package terminal

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// eraseLine returns to the beginning of the line and clears it.
const eraseLine = "\r\x1b[K"

// Progress is shown when a wait is so long, and then anew as often: before a person wonders whether anything goes on.
const (
	progressAfter = 250 * time.Millisecond
	progressEvery = 500 * time.Millisecond
)

// Wait is a wait for a network, or for another program.
type Wait struct {
	end  chan struct{}
	done sync.WaitGroup
}

// Waiting shows on stderr, if that is a terminal, what the run waits for, and for how long, until the end of the wait. The
// next line of any kind replaces it. now may be called from another goroutine.
func (t *Terminal) Waiting(now func() string) *Wait {
	w := &Wait{end: make(chan struct{})}
	if t == nil || t.Quiet || t.log != nil || isDumb() || !isTerminal(t.stderr) {
		return w
	}
	begun := time.Now()
	w.done.Go(func() {
		for timer := time.NewTimer(progressAfter); ; timer.Reset(progressEvery) {
			select {
			case <-w.end:
				t.erase()
				return
			case <-timer.C:
				t.progress(fmt.Sprintf("%s, %s", now(), time.Since(begun).Round(time.Second)))
			}
		}
	})
	return w
}

// WaitingFor is Waiting with one text.
func (t *Terminal) WaitingFor(format string, args ...any) *Wait {
	text := fmt.Sprintf(format, args...)
	return t.Waiting(func() string { return text })
}

// End ends the wait, once.
func (w *Wait) End() {
	close(w.end)
	w.done.Wait()
}

// progress writes a line of progress, cut to the width of the terminal: what goes on in the next line is not erased.
func (t *Terminal) progress(text string) {
	width := max(columns(t.stderr), Narrowest)
	if runes := []rune(Clean(text)); len(runes) >= width {
		text = string(runes[:width-1])
	} else {
		text = string(runes)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	io.WriteString(t.stderr, eraseLine+text)
	t.progressed = true
}

func (t *Terminal) erase() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progressed {
		io.WriteString(t.stderr, eraseLine)
		t.progressed = false
	}
}
