//go:build linux

package main_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// TestSoakSessions changes the list under a daemon with sessions that have used the map already: each of them uses the new
// list at its next lookup. New sessions come all the time; the test counts those that meet the swap (docs/facts.md 6).
func TestSoakSessions(t *testing.T) {
	t.Parallel()
	fixtures.Sendmail(t)
	s := newStory(t, fixtures.Mailallow(t), "# nothing yet")
	const (
		open = 5
		// uses bounds the uses of a session: after two dozen commands that send no mail Sendmail answers late.
		uses = 8
	)
	var sessions [open]*host.Session
	ask := func(n int, relayed bool) (met bool) {
		reply := sessions[n].Send(sender, foreign).Decisive()
		if strings.HasPrefix(reply, "451 ") {
			return true
		}
		if strings.HasPrefix(reply, accepted) != relayed || !relayed && !strings.HasPrefix(reply, denied) {
			t.Errorf("a session from before, relayed %v: %q", relayed, reply)
		}
		return false
	}
	var came, cameMet atomic.Int64
	done := make(chan struct{})
	var running sync.WaitGroup
	come := func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			came.Add(1)
			switch reply := s.daemon.Send(gmail20, sender, foreign).Decisive(); {
			case strings.HasPrefix(reply, "451 "):
				cameMet.Add(1)
			case !strings.HasPrefix(reply, accepted) && !strings.HasPrefix(reply, denied):
				t.Errorf("a new session: %q", reply)
			}
		}
	}
	s.update(0)
	running.Go(come)
	flips, asked, met := fixtures.Rounds(2, 60), 0, 0
	for flip := range flips {
		if flip%uses == 0 {
			for n := range sessions {
				if sessions[n] != nil {
					sessions[n].Close()
				}
				sessions[n] = s.daemon.Session(gmail20)
				if ask(n, false) {
					t.Error("a session that began between two swaps cannot use the map")
				}
			}
		}
		relayed := flip%2 == 0
		s.configure(map[bool]string{true: "RELAY", false: "OK"}[relayed])
		s.update(0)
		for n := range sessions {
			asked++
			if ask(n, relayed) {
				met++
			}
		}
	}
	close(done)
	running.Wait()
	t.Logf("%d updates: %d lookups of sessions from before, %d met the swap; %d new sessions, %d met the swap", flips, asked, met, came.Load(), cameMet.Load())
	if met > 0 {
		t.Error("no session that has used the map opens it while it is swapped")
	}
}
