// Command mailallow keeps a mail server's allowlist true: it fetches the address
// ranges that mail providers send from, merges them with the administrator's own
// lists, and installs them where Sendmail and Postfix look. What the lists are
// is the business of package allowlist, and what the files are that of package
// accessmap; here are the flags, the configuration, the order of a run, what
// people read, and the exit codes.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program: what it returns is the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := untilSignal(ctx)
	defer stop()
	t := newTerminal(args, stdout, stderr)
	t.stdin = stdin
	args = arrange(args)
	shown := bufio.NewWriter(stdout)
	err := newApp(t, args, shown).RunContext(ctx, args)
	err = cmp.Or(err, shown.Flush())
	return t.end(bySignal(ctx, err))
}

// caughtSignal ends a run: the exit code is 128 and the signal's number.
type caughtSignal struct{ syscall.Signal }

func (s caughtSignal) Error() string { return s.String() }

// bySignal tells of a run that a signal has ended: err says what it left behind.
// A signal that came when there was nothing left to do is told of, too.
func bySignal(ctx context.Context, err error) error {
	caught, ok := context.Cause(ctx).(caughtSignal)
	var told coded
	if !ok || errors.As(err, &told) && told.code > 128 {
		return err
	}
	if err == nil || err.Error() == "" {
		err = errors.New("everything was done by then")
	}
	return coded{code: 128 + int(caught.Signal), err: fmt.Errorf("ended by signal %d (%w): %w", int(caught.Signal), caught, err)}
}

// untilSignal gives a context that SIGINT and SIGTERM cancel, with the signal as
// its cause. A second signal ends the program as if none were caught.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(caughtSignal{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// unheard has the process go on when whoever reads what it says has gone away:
// its writes fail, and SIGPIPE does not end it. Programs that it runs have
// SIGPIPE as ever.
func unheard() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
