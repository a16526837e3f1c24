// No command runs for so long that it has to follow a change of its share of the processors.
//
//go:debug updatemaxprocs=0

// Command mailallow keeps a mail server's allowlist true: it fetches the address
// ranges that mail providers send from, merges them with the administrator's own
// lists, and installs them where Sendmail and Postfix look. This package has the
// table of commands, their flags and their help, manual and shell completion. Each
// command is a package below internal, over internal/run, config, terminal and exit.
package main

import (
	"context"
	"io"
	"os"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

func main() {
	room()
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// room makes the stack as large as most commands need it while there is little on it. Each time that it grows by itself, the runtime
// goes over the frames of all calls: a thirtieth of a run with nothing to do.
//
//go:noinline
func room() byte {
	var stack [12 << 10]byte
	return stack[len(os.Args)%len(stack)]
}

// execute is the program: it returns the exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := terminal.New(args, stdin, stdout, stderr)
	line := arrange(args)
	if line.help {
		return t.End(t.Whole(helpOf(line.command, t.Width())), nil)
	}
	ctx = exit.UntilSignal(ctx)
	err := line.run(ctx, t)
	return t.End(exit.BySignal(ctx, err), func(err error) any { return failure(t.Command, err) })
}
