package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/program"
)

// andOwed returns what is due from before and what the changed targets owe to their on_change commands, due or only
// about to be.
func (r *run) andOwed(due bool) []owedCommand {
	owed := slices.Clone(r.due)
	for _, t := range r.targets {
		changed := t.text != nil || t.mapFile != nil
		if !changed || len(t.job.OnChange) == 0 || owes(owed, t.job.Path) {
			continue
		}
		command := owedCommand{Path: t.job.Path, Due: due}
		if t.job.OldExists {
			command.Old = digest(t.job.Old)
		}
		if t.mapFile != nil {
			command.Map, command.MapInode = t.mapFile.live, t.mapFile.inode
		}
		owed = append(owed, command)
	}
	return owed
}

func owes(owed []owedCommand, path string) bool {
	return slices.ContainsFunc(owed, func(o owedCommand) bool { return o.Path == path })
}

// runCommands runs what is due, once for each distinct argv, as the configuration has it now: a target that is gone from
// it, or has no command any more, owes nothing. What fails stays owed.
func (r *run) runCommands(ctx context.Context, jobs []Job) error {
	if len(r.due) == 0 {
		return nil
	}
	var errs []error
	var still []owedCommand
	failed := make(map[string]bool) // by argv, once it was run
	for _, owed := range r.due {
		i := slices.IndexFunc(jobs, func(j Job) bool { return j.Path == owed.Path && len(j.OnChange) > 0 })
		if i < 0 {
			continue
		}
		argv := jobs[i].OnChange
		name := strings.Join(argv, "\x00")
		if _, ran := failed[name]; !ran {
			done := program.Command(ctx, argv, nil)
			failed[name] = done.Err != nil
			r.report.Commands = append(r.report.Commands, done)
			if done.Err != nil {
				errs = append(errs, fmt.Errorf("on_change of %s: %w (it is run again by the next update)", owed.Path, done.Err))
			}
		}
		if failed[name] {
			still = append(still, owed)
		}
	}
	if err := settleCommands(r.state, still); err != nil {
		errs = append(errs, fmt.Errorf("state directory: %w", err))
	}
	return errors.Join(errs...)
}
