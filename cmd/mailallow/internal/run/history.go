package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailallow/accessmap/install"
	"mailallow/accessmap/plan"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/history"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/exit"
)

// OpenHistory finds the segments of the history in a state directory; none if there is none yet. Who may not read it gets an
// error that says how to.
func OpenHistory(stateDir string) (log history.Log, err error) {
	folder := filepath.Join(stateDir, state.HistoryFolder)
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return log, nil
	case errors.Is(err, fs.ErrPermission):
		return log, fault.Hint("", asRoot, "the history cannot be read: %w", err)
	case err != nil:
		return log, fmt.Errorf("the history cannot be read: %w", err)
	}
	for _, entry := range entries { // sorted by name
		number, err := strconv.Atoi(entry.Name())
		if err != nil || history.SegmentName(number) != entry.Name() {
			continue // a killed run left it
		}
		info, err := entry.Info()
		if err != nil {
			continue // it has gone
		}
		path := filepath.Join(folder, entry.Name())
		log.Segments = append(log.Segments, history.Segment{Name: entry.Name(), Size: info.Size(),
			Read: func() ([]byte, error) { return bounded.File(path, history.MaxSegment) }})
	}
	return log, nil
}

// past is the history, and the list as its last entry left it.
type past struct {
	log    history.Log
	before history.State
	err    error
}

func readPast(stateDir string) (p past) {
	p.log, p.err = OpenHistory(stateDir)
	p.before = p.log.Last()
	return p
}

// readAhead begins to read the history. The function that it returns gives what was read only once, so that a long list is in
// memory no longer than it is needed, and then reads again.
func readAhead(stateDir string) func() past {
	ahead := make(chan past, 1)
	go func() {
		ahead <- readPast(stateDir)
		close(ahead)
	}()
	return func() past {
		if p, first := <-ahead; first {
			return p
		}
		return readPast(stateDir)
	}
}

// Record gives the file of the history with one more entry, about an update. It is to be installed with the change that the
// entry tells of, after everything else: a run that is killed then tells of nothing that did not happen, and the next run tells
// what did. There is no file if there is nothing to tell.
func (r *Request) Record(result *Result) ([]install.StateFile, error) {
	p := result.past()
	after, known := result.after(p.before)
	if !known {
		return nil, p.err
	}
	files, err := r.record(p, r.change(result), after)
	if list := result.List; errors.Is(err, history.ErrTooLong) {
		list.Problems = append(list.Problems, allowlist.Problem{Kind: "history", Text: fmt.Sprintf(
			"this run is not in the history: %v, of %d MiB", err, history.MaxBytes>>20)})
		return nil, nil
	}
	return files, err
}

func (r *Request) record(p past, e history.Entry, after []history.Installed) ([]install.StateFile, error) {
	if p.err != nil || !e.Tell(p.before, after) {
		return nil, p.err
	}
	e.By = whoRuns()
	name, pack, err := p.log.Append(e, r.Settings.History)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(r.Settings.StateDir, state.HistoryFolder)
	if err = os.Mkdir(folder, 0o700); err == nil {
		if err = state.SyncDir(r.Settings.StateDir); err != nil {
			os.Remove(folder) // the next run makes it durable
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, exit.With(exit.Install, fault.Unchanged(err))
	}
	if err := state.CheckPrivate("history", folder); err != nil {
		return nil, exit.With(exit.Install, fault.Unchanged(err))
	}
	written := func(w io.Writer) error {
		_, err := w.Write(pack())
		return err
	}
	return []install.StateFile{{Path: filepath.Join(folder, name), Write: written}}, nil
}

// PruneHistory removes what is too old, or too much. A clock that is wrong makes nothing old.
func (r *Request) PruneHistory(list *List) error {
	if list.ClockWrong {
		return nil
	}
	log, err := OpenHistory(r.Settings.StateDir)
	var errs []error
	for _, name := range log.Outdated(list.Now, r.Settings.History) {
		errs = append(errs, state.Remove(filepath.Join(r.Settings.StateDir, state.HistoryFolder, name)))
	}
	return errors.Join(append(errs, err)...)
}

// after gives the list after a run. A target that is left alone holds what it held: the ranges of the sources of
// which nothing is known, and where no other target changes, all of the list before. known: it is known what that was.
func (result *Result) after(before history.State) (after []history.Installed, known bool) {
	after = result.List.installed()
	if !result.LeavesAlone(false) {
		return after, true
	}
	changes := slices.ContainsFunc(result.Plans, (*plan.Plan).TextChanged)
	at := map[string]int{}
	for i, s := range before.Sources {
		at[s.Name] = i
	}
	if changes {
		for i, s := range after {
			if was, had := at[s.Name]; had && slices.Contains(result.List.unknown, s.Name) {
				after[i].Definition, after[i].Ranges = before.Sources[was].Definition, before.Sources[was].Ranges
			}
		}
		return after, true
	}
	all := slices.Clone(before.Sources)
	for _, s := range after {
		was, had := at[s.Name]
		switch {
		case s.Ended:
		case had:
			all[was].Status, all[was].Problems = s.Status, s.Problems
		case s.Ranges.Len() == 0:
			all = append(all, s)
		}
	}
	return all, before.Known || result.List.lost
}

// installed gives the sources of a list for the history.
func (l *List) installed() (all []history.Installed) {
	for _, s := range l.Sources {
		about := history.About{Reason: s.Reason, Owner: s.Owner, Until: s.UntilText()}
		all = append(all, history.Installed{Name: s.Source.Name, About: about, Definition: s.Resolved.Definition, Action: s.Action,
			Status: s.Status, Problems: snapshot.Reasons(s.Status, s.Problems), Ranges: s.Ranges, Ended: s.Status == guard.Ended})
	}
	return all
}

// change is the entry of an update that installs a result.
func (r *Request) change(result *Result) history.Entry {
	e := history.Entry{Command: history.Update, Time: result.List.Now, Reason: r.options.Reason, First: result.List.lost}
	for _, p := range result.Plans {
		if p.HasText() && p.Changed() {
			e.Targets = append(e.Targets, p.Path)
		}
	}
	switch {
	case r.options.Rollback != nil:
		e.Command = history.Rollback
	case slices.ContainsFunc(result.List.Sources, func(s Source) bool { return s.Accepted && !s.Pinned }):
		e.Command = history.Accept
	}
	return e
}

// whoRuns names the user, and the one who called sudo.
func whoRuns() string {
	name := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	if by := strings.TrimSpace(os.Getenv("SUDO_USER")); by != "" && by != name {
		return by + " as " + name
	}
	return name
}

// RecordRemoval gives the file of the history with an entry about the list that was taken out of targets. everywhere: it is in no
// other. There is no file if the list is in others, and the history does not know it.
func (r *Request) RecordRemoval(targets []string, everywhere bool) ([]install.StateFile, error) {
	p := readPast(r.Settings.StateDir)
	if p.err != nil || !everywhere && !p.before.Known {
		return nil, p.err
	}
	var after []history.Installed
	if !everywhere {
		after = p.before.Sources
	}
	return r.record(p, history.Entry{Command: history.Remove, Time: time.Now(), Reason: r.options.Reason, Targets: targets}, after)
}
