package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/program"
	"mailallow/accessmap/state"
)

// addCommands returns pending and the on_change commands of the targets that change. due says that their files are swapped.
func addCommands(pending []pendingCommand, targets []*target, due bool) []pendingCommand {
	pending = slices.Clone(pending)
	for _, t := range targets {
		changed := t.text != nil || t.mapFile != nil
		if !changed || len(t.job.OnChange) == 0 || isPending(pending, t.job.Path) {
			continue
		}
		command := pendingCommand{Path: t.job.Path, Due: due}
		if t.job.OldExists {
			command.Old = digest(t.job.Old)
		}
		if t.mapFile != nil {
			command.Map, command.MapInode = t.mapFile.live, t.mapFile.inode
		}
		pending = append(pending, command)
	}
	return pending
}

func isPending(pending []pendingCommand, path string) bool {
	return slices.ContainsFunc(pending, func(c pendingCommand) bool { return c.Path == path })
}

// runCommands runs the pending commands, once for each distinct argv, and takes those that succeed out of the journal. The
// argv comes from jobs, so that a command that is no longer in the configuration is dropped.
func (l *Lock) runCommands(ctx context.Context, pending []pendingCommand, jobs []Job) ([]program.Report, error) {
	if len(pending) == 0 {
		return nil, nil
	}
	var reports []program.Report
	var errs []error
	var still []pendingCommand
	failed := make(map[string]bool) // by argv; holds the commands that ran
	for _, command := range pending {
		i := slices.IndexFunc(jobs, func(j Job) bool { return j.Path == command.Path })
		if i < 0 && l.Partly {
			still = append(still, command)
		}
		if i < 0 || len(jobs[i].OnChange) == 0 {
			continue
		}
		argv := jobs[i].OnChange
		name := strings.Join(argv, "\x00")
		if _, ran := failed[name]; !ran {
			report := program.Command(ctx, argv, nil)
			failed[name] = report.Err != nil
			reports = append(reports, report)
			if report.Err != nil {
				errs = append(errs, fmt.Errorf("on_change of %s: %w (it is run again by the next update)", command.Path, report.Err))
			}
		}
		if failed[name] {
			still = append(still, command)
		}
	}
	if err := keepPending(l.state, still); err != nil {
		errs = append(errs, fmt.Errorf("state directory: %w", err))
	}
	return reports, errors.Join(errs...)
}

// keepPending removes from the journal all commands that were due, except those that are pending still.
func keepPending(st *state.Dir, still []pendingCommand) error {
	j, err := readJournal(st)
	if err != nil {
		return err
	}
	left := j.OnChange[:0]
	for _, c := range j.OnChange {
		if !c.Due || isPending(still, c.Path) {
			left = append(left, c)
		}
	}
	j.OnChange = left
	return j.write(st)
}
