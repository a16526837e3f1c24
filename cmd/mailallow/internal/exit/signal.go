package exit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// caughtSignal is the cause of a context that a signal has cancelled.
type caughtSignal struct{ syscall.Signal }

func (s caughtSignal) Error() string { return s.String() }

// firstSignalCode is added to the number of a signal, as shells do.
const firstSignalCode = 128

// UntilSignal gives a context that SIGTERM and SIGQUIT cancel, and, unless they are ignored, SIGINT and SIGHUP, which comes when the
// terminal goes: nohup ignores that, and a shell SIGINT for what a script runs behind it (&). At SIGQUIT the runtime would write the
// stacks of all goroutines. A second signal ends the program as if it caught none. It listens until a signal has come or parent is
// done: a program that ends has nothing to release.
func UntilSignal(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGQUIT)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(caughtSignal{s.(syscall.Signal)})
		case <-ctx.Done():
			signal.Stop(signals)
		}
	}()
	return ctx
}

// BySignal gives the error of a run that a signal has ended, by the context from
// UntilSignal: the signal, then err, with exit code 128 and the number of the signal. A
// signal that came too late to change anything has an error, too. A run without a signal
// keeps err, as does one whose err names the signal already.
func BySignal(ctx context.Context, err error) error {
	caught, ok := context.Cause(ctx).(caughtSignal)
	var named Error
	if !ok || errors.As(err, &named) && named.Code > firstSignalCode {
		return err
	}
	if Silent(err) {
		err = errors.New("everything was done already")
	}
	number := int(caught.Signal)
	ended := fmt.Errorf("ended by signal %d (%w)", number, caught)
	if err != context.Canceled && err != error(caught) { // these say nothing more
		ended = fmt.Errorf("%w: %w", ended, err)
	}
	return Error{Code: firstSignalCode + number, Err: ended}
}
