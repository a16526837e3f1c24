package install

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

// Every list has the marker. The value of the list key says whether the list is an odd or an even one.
const (
	markerKey, listKey   = "connect:192.0.2.1", "connect:192.0.2.2"
	markerAddr, listAddr = "192.0.2.1", "192.0.2.2"
)

// listNumber writes list n as an access text and as a table. Odd and even lists differ in the value of the list key and in
// their other keys.
func listNumber(n int64) (access, table string) {
	value, action := "OK", "permit"
	if n%2 == 1 {
		value, action = "REJECT", "REJECT"
	}
	access = fmt.Sprintf("Connect:%s\tOK\nConnect:%s\t%s\n", markerAddr, listAddr, value)
	table = fmt.Sprintf("%s/32\tpermit\n%s/32\t%s\n", markerAddr, listAddr, action)
	for i := range 200 {
		access += fmt.Sprintf("Connect:198.%d.%d\tOK\n", 51+n%2, i)
		table += fmt.Sprintf("198.%d.%d.0/24\tpermit\n", 51+n%2, i)
	}
	return access, table
}

// readers are programs that read the files while an update replaces them.
type readers struct {
	*rig
	rules     *fixtures.Rules
	table     string
	makemap   makemap.Program
	begun     atomic.Int64 // the last list that an update has begun to install
	installed atomic.Int64 // the last list that an update has installed
	stop      chan struct{}
	running   sync.WaitGroup
}

// errWindow says that Sendmail opened the map in the moment of the swap (docs/facts.md 6): that session answers no more.
var errWindow = errors.New("file changed while it was opened")

func newReaders(t *testing.T) *readers {
	t.Helper()
	rig := newRig(t)
	rig.dir = fixtures.SafeDir(t)
	rig.path = filepath.Join(rig.dir, "access")
	r := &readers{rig: rig, rules: fixtures.NewRules(t, fixtures.RulesOptions{Access: rig.path}),
		table: filepath.Join(rig.dir, "table"), makemap: makemap.Program{Path: rig.makemap}, stop: make(chan struct{})}
	t.Cleanup(r.end)
	r.flip()
	return r
}

// flip installs the next list.
func (r *readers) flip() {
	r.t.Helper()
	n := r.begun.Add(1)
	access, table := listNumber(n)
	r.patiently(r.job(access), r.jobAt(r.table, "", table))
	r.installed.Store(n)
}

// patiently waits for the locks, because this process starts others meanwhile: between fork and exec they have its open files,
// and with them the locks of the last installation.
func (r *rig) patiently(jobs ...Job) {
	r.t.Helper()
	st, err := state.Open(r.t.Context(), r.state, state.LockFile, time.Minute)
	if err != nil {
		r.t.Fatal(err)
	}
	defer st.Close()
	if _, err := (&Lock{state: st, exchange: exchange, Patience: time.Minute}).Install(r.t.Context(), jobs, nil); err != nil {
		r.t.Fatal(err)
	}
}

// reader is one program that reads the list, with the times that its answers took.
type reader struct {
	name    string
	ask     func() (odd bool, err error)
	windows int // questions that met the swap
	took    []time.Duration
}

// once asks once. The answer must be from a list that was installed, or was being installed, meanwhile.
func (r *readers) once(a *reader) {
	from := r.installed.Load()
	began := time.Now()
	odd, err := a.ask()
	took := time.Since(began)
	to := r.begun.Load()
	switch {
	case errors.Is(err, errWindow) && from != to:
		a.windows++
		return
	case err != nil:
		r.t.Errorf("%s, between list %d and %d: %v", a.name, from, to, err)
	case from == to && odd != (to%2 == 1):
		r.t.Errorf("%s: not list %d, which was installed before", a.name, to)
	}
	a.took = append(a.took, took)
}

func (a *reader) unanswered() bool { return len(a.took) == 0 }

// readerPause is the time between two questions: without it the updates get no processor.
const readerPause = time.Millisecond

// each asks until the end, and until each reader has had an answer: the long session in one goroutine, the others in turn in another.
func (r *readers) each(ways []*reader) {
	for _, some := range [][]*reader{ways[:1], ways[1:]} {
		r.running.Add(1)
		go func() {
			defer r.running.Done()
			for n := 0; ; n++ {
				select {
				case <-r.stop:
					if !slices.ContainsFunc(some, (*reader).unanswered) {
						return
					}
				case <-time.After(readerPause):
				}
				r.once(some[n%len(some)])
			}
		}()
	}
}

func (r *readers) end() {
	close(r.stop)
	r.running.Wait()
	r.stop = make(chan struct{})
}

// ways are all the readers: a session that has used the map already, a new one for each question, and the other programs.
func (r *readers) ways() []*reader {
	s := &session{r: r}
	return []*reader{
		{name: "a sendmail -bt that goes on", ask: s.ask},
		{name: "a new sendmail -bt", ask: r.askNew},
		{name: "makemap -u", ask: r.askMakemap},
		{name: "postmap -q", ask: r.askPostmap},
	}
}

// session is a sendmail -bt that answers many questions. A new one is begun after it has met the swap.
type session struct {
	r     *readers
	stdin io.WriteCloser
	lines *bufio.Scanner
	ended chan struct{}
}

func (s *session) begin() error {
	in, stdin, err := os.Pipe()
	if err != nil {
		return err
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(fixtures.Sendmail(s.r.t), "-C", s.r.rules.CF(), "-bt")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, out
	s.stdin, s.lines, s.ended = stdin, bufio.NewScanner(stdout), make(chan struct{})
	go func() {
		defer close(s.ended)
		s.r.rules.Run(cmd) // its answers count, and not its end
		in.Close()
		out.Close()
	}()
	s.r.t.Cleanup(func() { stdin.Close(); <-s.ended; stdout.Close() })
	return nil
}

func (s *session) ask() (odd bool, err error) {
	if s.stdin == nil {
		if err := s.begin(); err != nil {
			return false, err
		}
	}
	said := ""
	for _, key := range []string{markerKey, listKey} {
		fmt.Fprintf(s.stdin, "/map access %s\n", key) // if nobody reads it, there is no answer
		for s.lines.Scan() {
			said += s.lines.Text() + "\n"
			if strings.Contains(s.lines.Text(), "map_lookup: access (") {
				break
			}
		}
	}
	odd, err = readLists(said)
	if err != nil {
		s.stdin.Close()
		s.stdin = nil
	}
	return odd, err
}

func (r *readers) askNew() (odd bool, err error) {
	cmd := exec.Command(fixtures.Sendmail(r.t), "-C", r.rules.CF(), "-bt")
	cmd.Stdin = strings.NewReader("/map access " + markerKey + "\n/map access " + listKey + "\n")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = r.rules.Run(cmd)
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		return false, err
	}
	return readLists(said.String())
}

// readLists reads the answers of Sendmail for the two keys.
func readLists(said string) (odd bool, err error) {
	if strings.Contains(said, "file changed after") {
		return false, errWindow
	}
	marker, ok := sendmail.ReadAnswer(said[:strings.LastIndex(said, "map_lookup:")+1], markerKey)
	list, also := sendmail.ReadAnswer(said[max(0, strings.LastIndex(said, "map_lookup:")):], listKey)
	if !ok || !also || marker.Value != "OK" || list.Value != "OK" && list.Value != "REJECT" {
		return false, fmt.Errorf("it says %q", said)
	}
	return list.Value == "REJECT", nil
}

// askMakemap wants exactly the keys of an odd list or of an even one.
func (r *readers) askMakemap() (odd bool, err error) {
	held, err := r.makemap.Dump(r.t.Context(), "hash", r.path+".db")
	if err != nil && (strings.Contains(err.Error(), "Operation not permitted") || strings.Contains(err.Error(), "changed after open")) {
		return false, errWindow // what makemap says of a file that changed while it opened it
	}
	if err != nil {
		return false, err
	}
	odd = held[listKey] == "REJECT"
	number := int64(0)
	if odd {
		number = 1
	}
	access, _ := listNumber(number)
	want := map[string]string{}
	for e := range makemap.ReadText([]byte(access)).All() {
		want[e.Key] = e.Value
	}
	if !maps.Equal(held, want) {
		return odd, fmt.Errorf("the map holds %d keys, and they are not those of list %d", len(held), number)
	}
	return odd, nil
}

func (r *readers) askPostmap() (odd bool, err error) {
	marker, list := netip.MustParseAddr(markerAddr), netip.MustParseAddr(listAddr)
	last51, last52 := netip.MustParseAddr("198.51.199.1"), netip.MustParseAddr("198.52.199.1")
	values, stderr := fixtures.PostmapQuery(r.t, "cidr:"+r.table, []netip.Addr{marker, list, last51, last52})
	odd = values[list] == "REJECT"
	if stderr != "" || values[marker] != "permit" || values[list] == "" || (values[last52] == "permit") != odd || (values[last51] == "permit") == odd {
		return false, fmt.Errorf("postmap says %v %s", values, stderr)
	}
	return odd, nil
}

func (a *reader) figures() string {
	slices.Sort(a.took)
	at := func(part float64) time.Duration {
		return a.took[int(part*float64(len(a.took)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%5d times, %v in the middle, %v of 99 %%, %v at most", len(a.took), at(0.5), at(0.99), at(1))
}

// During an update every reader finds the old list or the new one, whole; afterwards it finds the new one. The test counts
// sessions that open the map in the moment of the swap.
func TestSoakReaders(t *testing.T) {
	r := newReaders(t)
	quiet, flipping := r.ways(), r.ways()
	r.each(quiet)
	time.Sleep(time.Duration(fixtures.Rounds(200, 2_000)) * time.Millisecond)
	r.end()
	r.each(flipping)
	flips := fixtures.Rounds(10, 400)
	began := time.Now()
	for range flips {
		r.flip()
	}
	took := time.Since(began)
	r.end()
	t.Logf("%d updates, %v each", flips, (took / time.Duration(flips)).Round(time.Millisecond))
	for i, a := range flipping {
		t.Logf("%-27s quiet:    %s", a.name, quiet[i].figures())
		t.Logf("%-27s flipping: %s; %d met the swap", a.name, a.figures(), a.windows)
	}
}

// No reader waits for a makemap that hangs with the new map open and locked.
func TestReadersDoNotWait(t *testing.T) {
	r := newReaders(t)
	dir := t.TempDir()
	here, hold, slow := filepath.Join(dir, "here"), filepath.Join(dir, "hold"), filepath.Join(dir, "makemap")
	script := fmt.Sprintf("#!/bin/sh\n[ \"$3\" = hash ] || exec %s \"$@\"\n{ read -r line; echo \"$line\"; echo here > %s; cat %s; cat; } | %[1]s \"$@\"\n", r.rig.makemap, here, hold)
	if err := errors.Join(unix.Mkfifo(here, 0o600), unix.Mkfifo(hold, 0o600)); err != nil {
		t.Fatal(err)
	}
	fixtures.Write(t, slow, script, 0o755)
	access, _ := listNumber(r.begun.Load() + 1)
	job := r.job(access)
	job.Makemap = slow
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.patiently(job)
	}()
	if _, err := os.ReadFile(here); err != nil {
		t.Fatal(err)
	}
	live, err := os.Open(r.path + ".db")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	if err := unix.Flock(int(live.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		t.Errorf("the map in use is locked: %v", err)
	}
	for _, a := range r.ways() {
		r.once(a) // a reader that waits would wait for ever
	}
	if err := os.WriteFile(hold, nil, 0); err != nil {
		t.Fatal(err)
	}
	<-done
	if got := fixtures.ReadFile(t, r.path); got != access {
		t.Errorf("text %q", got)
	}
}
