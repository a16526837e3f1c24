package accessmap

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// onChangeLimit is far above what a reload takes; a command that hangs must not hold the lock for ever.
const onChangeLimit = time.Minute

// CommandReport is a command of the configuration that was run.
type CommandReport struct {
	Argv   []string
	Output string // stdout, bounded
	Err    error  // holds what it said on stderr
}

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
			done := RunCommand(ctx, argv, nil)
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
	if err := r.state.settleCommands(still); err != nil {
		errs = append(errs, fmt.Errorf("state directory: %w", err))
	}
	return errors.Join(errs...)
}

// RunCommand runs a command that the configuration names, with stdin to read: an argv and no shell, a clean environment,
// and a minute, after which it is ended with its children.
func RunCommand(ctx context.Context, argv []string, stdin []byte) CommandReport {
	done := CommandReport{Argv: argv}
	path, err := findProgram(argv[0], searchPath(filepath.SplitList(cleanPath)...))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		done.Err = err
		return done
	}
	out, err := program{
		argv:      append([]string{path}, argv[1:]...),
		stdin:     stdin,
		limit:     onChangeLimit,
		maxOutput: maxTalk,
	}.run(ctx)
	if errors.Is(err, errOutput) || errors.Is(err, exec.ErrWaitDelay) {
		err = nil // a command may talk as much as it likes, and leave a child behind that goes on with its work
	}
	done.Output, done.Err = string(out), err
	return done
}
